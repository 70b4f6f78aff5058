// JSON whose whole numbers stay what they are: JavaScript rounds those beyond 2⁵³, and outside services count their ids that far.

/** What the compiler's library does not know yet: a number that JSON.stringify writes as it is told. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/** Whether it is a number that parseExactly kept, which is an object to JavaScript. */
export const isExactNumber = (value: unknown): boolean => isRawJSON(value);

/** Longer than any number that means something, and far shorter than what PostgreSQL refuses. */
const WHOLE = /^-?\d{1,1000}$/;
/** Without so many digits in a row, no number is rounded. */
const LONG = /\d{16}/;

/** Whether JSON.parse might round a number of the text. (An id in a string looks the same from here.) */
export const mayRound = (text: string): boolean => LONG.test(text);

/**
 * Parses JSON. A whole number that JavaScript would round becomes an object that JSON.stringify writes as the same number.
 * Throws SyntaxError, and RangeError for what is nested without end.
 */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && WHOLE.test(context?.source ?? '')
      ? rawJSON(context?.source ?? '')
      : value,
  );
