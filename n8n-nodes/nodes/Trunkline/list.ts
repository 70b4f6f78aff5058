/** Texts from a list, from JSON of one, or separated by commas. */
export function listOf(value: unknown): string[] {
  const texts = Array.isArray(value)
    ? value
    : String(value)
        .replace(/^\s*\[|\]\s*$/g, '')
        .split(',');
  return texts
    .map((text) =>
      String(text)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
    .filter((text) => text !== '');
}
