/** How far a time zone is ahead of UTC at a moment, in milliseconds. */
function ahead(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at);
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  return (
    Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) -
    Math.floor(at / 1000) * 1000
  );
}

/**
 * A moment as ISO 8601 in UTC; undefined for what is none. What the editor's calendar writes has no time zone: it is a time in the
 * workflow's. Takes dates of JavaScript and of Luxon too, as expressions yield them.
 */
export function instant(value: unknown, zone: string): string | undefined {
  const text = isDate(value) ? value.toISOString() : isLuxon(value) ? value.toUTC().toISO() : String(value).trim();
  const time = Date.parse(text);
  if (Number.isNaN(time)) return undefined;
  if (/(Z|[+-]\d{2}:?\d{2})$/i.test(text)) return new Date(time).toISOString();
  const local = Date.parse(/\d[T ]\d/.test(text) ? `${text.replace(' ', 'T')}Z` : `${text.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(local)) return new Date(time).toISOString();
  // the second look finds the offset that holds at that moment, when the clocks change on the day
  const guess = local - ahead(zone, local);
  return new Date(local - ahead(zone, guess)).toISOString();
}

const isDate = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime());
const isLuxon = (value: unknown): value is { toUTC(): { toISO(): string } } =>
  typeof value === 'object' && value !== null && 'toUTC' in value;
