// What PostgreSQL can hold of what services send.

/** Text that PostgreSQL can hold: no NUL, no half of a surrogate pair. */
export const plain = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** Nothing that means something is nested deeper; PostgreSQL refuses what is nested without end. */
const DEEPEST = 50;

/** A value that a jsonb column can hold. What is nested too deep becomes null. */
export function storable(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return plain(value);
  if (value === null || typeof value !== 'object') return value;
  if (depth >= DEEPEST) return null;
  if (Array.isArray(value)) return value.map((each) => storable(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [plain(key), storable(each, depth + 1)]),
  );
}
