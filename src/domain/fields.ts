import { z } from 'zod';
import { invalidRequest } from '../errors.ts';

// Fields that several resources share. Messages complete the sentence "<field>: …".

/** An id in a path: anything that is no UUID names nothing, so it is looked up like any other and not found. */
const NO_ID = '00000000-0000-0000-0000-000000000000';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const pathId: z.ZodType<string> = z
  .string()
  .transform((text) => (UUID.test(text) ? text : NO_ID))
  .pipe(z.string().meta({ format: 'uuid' }));

/** An id in a query or body: it must be one. */
export const uuid = z.string('must be a UUID').regex(UUID, 'must be a UUID').meta({ format: 'uuid' });

/** The UUID zero as a TypeID's part after the prefix. */
const NO_TYPE_ID = '0'.repeat(26);

/** A TypeID in a path (`whd_…`), for app.typeid_uuid: anything else names nothing, and is looked up as such. */
export const prefixedId = (prefix: string) => {
  const pattern = new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`);
  return z
    .string()
    .transform((value) => (pattern.test(value) ? value : `${prefix}_${NO_TYPE_ID}`))
    .pipe(z.string());
};

export const text = (max: number) =>
  z.string('must be a string').max(max, `must have at most ${max} characters`).regex(/\S/, 'must not be blank');

export const email = z
  .string('must be a string')
  .max(254, 'must have at most 254 characters')
  // also of a text that is too long, so it must not try every dot in turn: that takes the square of the length
  .regex(/^[^\s@]+@[^\s@][^\s@.]*\.[^\s@]+$/, 'must be an email address')
  .meta({ format: 'email' });

const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?$/;

/** The moment that an ISO 8601 text names, in the years 1 to 9999, which both ends can write; undefined when it names none. */
function moment(given: string): string | undefined {
  // a plus sign that nobody escaped comes out of an address as a space
  const value = given.replace(/(?<=T[\d:.]+) (?=\d{2}(:?\d{2})?$)/, '+');
  if (!ISO.test(value)) return undefined;
  const [, zone] = /T.*?(Z|[+-]\d{2}(?::?\d{2})?)$/.exec(value) ?? [];
  // Date knows no zone of hours alone
  const zoned = !value.includes('T') ? value : `${value}${zone === undefined ? 'Z' : zone.length === 3 ? ':00' : ''}`;
  const date = new Date(zoned);
  // Date takes February 30 for March 2
  const day = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || !day.toISOString().startsWith(value.slice(0, 10))) return undefined;
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date.toISOString() : undefined;
}

/** ISO 8601; a date alone is its first moment, a time without a zone is UTC. */
export const timestamp = z
  .string('must be an ISO 8601 timestamp')
  .transform((value, context) => {
    const found = moment(value);
    if (found) return found;
    context.addIssue({ code: 'custom', message: 'must be an ISO 8601 timestamp' });
    return z.NEVER;
  })
  .pipe(z.string().meta({ format: 'date-time' }));

/** A number in a query string; documented as the number it is read as. */
export const queryInteger = (min: number, max: number) =>
  z
    .string(`must be a whole number from ${min} to ${max}`)
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().int().min(min, `must be from ${min} to ${max}`).max(max, `must be from ${min} to ${max}`));

/** Entries on a page; each list has its own default. */
export const pageSize = queryInteger(1, 200).meta({ description: 'Entries on a page.' });

export interface Cursor {
  createdAt: string;
  id: string;
}

/** base64url of {"created_at","id"}, as app.cursor writes it. */
export const cursor: z.ZodType<Cursor | undefined> = z
  .string('must be a cursor')
  .max(512, 'is not a cursor of this API')
  .transform((value, context) => {
    try {
      const { created_at, id } = JSON.parse(Buffer.from(value, 'base64url').toString('utf8')) as Record<
        string,
        unknown
      >;
      const createdAt = typeof created_at === 'string' ? moment(created_at) : undefined;
      if (createdAt && typeof id === 'string' && UUID.test(id)) return { createdAt, id };
    } catch {
      // not JSON: said below
    }
    context.addIssue({ code: 'custom', message: 'is not a cursor of this API' });
    return z.NEVER;
  })
  .meta({ description: '`next_cursor` of the page before. Opaque; without it, the first page.' });

/** The filter on creation time that lists share. */
export const period = {
  start_at: timestamp.meta({ description: 'From this time on (ISO 8601; without a zone, UTC).' }).optional(),
  end_at: timestamp.meta({ description: 'Up to and including this time (ISO 8601).' }).optional(),
};

/** The child organization whose rows a parent asks for. */
export const childId = uuid.meta({
  description: 'A child organization that has granted the caller this; without it, the calling organization.',
});

/** Refuses an end before its start. */
export function checkPeriod(input: { start_at?: string | undefined; end_at?: string | undefined }): void {
  if (input.start_at && input.end_at && input.start_at > input.end_at) {
    throw invalidRequest('end_at lies before start_at.', { field: 'end_at', reason: 'must not be before start_at' });
  }
}

/** Inputs of a page for a template: the cursor's two parts apart, the organization left to the claims. */
export function pageValues<
  Input extends { limit: number; cursor?: Cursor | undefined; organization_id?: string | undefined },
>(input: Input): Record<string, unknown> {
  const { cursor: after, organization_id: _target, ...values } = input;
  return after ? { ...values, after_created_at: after.createdAt, after_id: after.id } : values;
}

/** The same as parameters of the template. */
export const pageParameters = (given: (name: string) => boolean, value: <T = string>(name: string) => T) => ({
  limit: value<number>('limit'),
  ...(given('after_id') && { after: { createdAt: value('after_created_at'), id: value('after_id') } }),
});

/** JSON Schema: these fields are there and not null. */
export const present = (...fields: string[]): object => ({
  required: fields,
  properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])),
});
