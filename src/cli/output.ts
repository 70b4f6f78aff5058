import { type Command, InvalidArgumentError } from 'commander';

/** A leaf of the command line. Each takes --json. */
export const leaf = (parent: Command, name: string, summary: string): Command =>
  parent.command(name).summary(summary).description(summary).option('--json', 'print JSON, for machines');

/** Prints a result: as JSON with --json, otherwise in words. */
export function print(options: { json?: boolean }, value: unknown, words: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value, null, 2) : words}\n`);
}

/** Columns under their names, as wide as they must be. */
export function table(rows: readonly object[], nothing: string): string {
  if (rows.length === 0) return nothing;
  const names = Object.keys(rows[0] as object);
  const cells = rows.map((row) => names.map((name) => cell((row as Record<string, unknown>)[name])));
  const widths = names.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: string[]) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(names.map((name) => name.replaceAll('_', ' '))), ...cells.map(line)].join('\n');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.join(',');
  return String(value);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An id on the command line. */
export function uuid(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('It must be a UUID.');
  return text.toLowerCase();
}

/** How many lines of a list. */
export function limit(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1) throw new InvalidArgumentError('It must be from 1 to 9999.');
  return Number(text);
}

/** a,b,c */
export function list(text: string): string[] {
  const items = text.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new InvalidArgumentError('It must be a list such as a,b,c.');
  return items;
}

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time (ISO 8601), or how far from now: "24h" is in 24 hours, or 24 hours ago with `direction` -1. */
export const time =
  (direction: 1 | -1) =>
  (text: string): string => {
    const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const at = amount ? Date.now() + direction * Number(amount) * (UNITS[unit] ?? 0) * 1000 : Date.parse(text);
    if (Number.isNaN(at))
      throw new InvalidArgumentError('It must be a time such as 2027-01-31T12:00:00Z, or a duration such as 24h.');
    return new Date(at).toISOString();
  };
