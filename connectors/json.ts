/**
 * Parses JSON from elsewhere. Integers that JavaScript would round (services write 17-digit ids as numbers) become the text they
 * were written as, and so do numbers that are no quantity of anything: the database would write 1e308 with all of its 309 digits, and
 * a form of such numbers would be fifty times as long as it came. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !isKept(value, context?.source ?? '') ? context?.source : value,
  );
}

const isKept = (value: number, written: string): boolean =>
  Number.isSafeInteger(value) || (!/^-?\d+$/.test(written) && Math.abs(value) < 1e21 && Math.abs(value) > 1e-21);
