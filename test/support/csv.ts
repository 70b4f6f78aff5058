import { expect } from 'vitest';

/** RFC 4180: records of comma-separated fields, quoted where they hold a comma, a quote or a line break. */
export function parseCsv(text: string): Record<string, string>[] {
  const records: string[][] = [[]];
  const field = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;
  while (field.lastIndex < text.length) {
    const [, value, end] = field.exec(text) ?? expect.fail('not well-formed CSV');
    records.at(-1)?.push(value?.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : (value as string));
    if (end !== ',' && field.lastIndex < text.length) records.push([]);
  }
  const [header, ...rows] = records;
  return rows.map((row) => {
    expect(row).toHaveLength(header?.length ?? 0);
    return Object.fromEntries(row.map((value, index) => [header?.[index], value]));
  });
}
