/**
 * Parses JSON from elsewhere. Integers that JavaScript would round (services write 17-digit ids as numbers) become the text they
 * were written as. Throws SyntaxError.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? context?.source
      : value,
  );
}
