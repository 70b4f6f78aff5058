import { z } from 'zod';
import { prefixedId, queryInteger, text, timestamp } from '../../domain/fields.ts';

// Fields as the document names them. Messages complete the sentence "Invalid value for <field>: …".

/** The document's statuses, by the core's pipeline stage. */
const STATUS_OF_STAGE = {
  new: 'new',
  contacted: 'contacted',
  replied: 'replied',
  qualified: 'qualified',
  won: 'converted',
  lost: 'lost',
} as const;

export const STATUSES = Object.values(STATUS_OF_STAGE);
export const status = z.enum(STATUSES, `must be one of ${STATUSES.join(', ')}`);

/** The pipeline stage of a status. */
export const stageOf = (value: (typeof STATUSES)[number]): string => (value === 'converted' ? 'won' : value);

export const leadId = prefixedId('ld').meta({ description: 'Id of the lead: `ld_` and 26 characters.' });

/** A business in a query or body: what is no such id cannot be one of the key's. */
export const businessId = z
  .string('must be a string')
  .regex(/^biz_[0-7][0-9a-hjkmnp-tv-z]{25}$/, 'must be a business id: biz_ and 26 characters')
  .meta({ description: 'A business that the key reaches. A key that is locked to one may omit it.' });

const rows = (max: number) => queryInteger(1, max);

/** A time or a date: the document's own example is a date. */
export const since = (description: string) => {
  const anyOf = ['date-time', 'date'].map((format) => ({ type: 'string', format }));
  return timestamp.meta({ description, type: undefined, format: undefined, anyOf });
};

/** What both lists of leads, JSON and CSV, can be filtered by. */
export const leadFilters = {
  status: status.meta({ description: 'Where the lead stands.' }).optional(),
  target_type: text(100).meta({ description: 'Kind of target, e.g. customer_lead.' }).optional(),
  source: text(100)
    .meta({ description: 'Where the lead came from: one of `GET /sources`, or what another API wrote.' })
    .optional(),
  since: since('Created at this time or later (ISO 8601; a date is its first moment in UTC).').optional(),
  tag: text(2000)
    .regex(/[^,\s]/, 'must name at least one tag')
    .meta({ description: 'One tag, or several with commas between: all of them.' })
    .optional(),
  q: text(200)
    .meta({
      description:
        'Words to find in name, handle, company, email, phone and notes, in any order, whatever the case and the accents. A phone number is found in any notation. Words of one or two characters are found at the beginning of words.',
    })
    .optional(),
  businessId: businessId.optional(),
};

export const leadLimit = rows(500).meta({ description: 'How many, newest first.' }).default(100);
export const csvLimit = rows(25_000).meta({ description: 'How many rows, newest first.' }).default(5000);

export const displayName = text(200)
  .nullable()
  .meta({ description: 'Name of the person, or how the source displays them.' });
export const tags = z
  .array(
    z
      .string('must be a string')
      .trim()
      .min(1, 'must not be blank')
      .max(100, 'must have at most 100 characters')
      .regex(/^[^,]*$/, 'must not contain a comma'),
    'must be a list of texts',
  )
  .max(100, 'must hold at most 100 tags')
  .transform((list) => [...new Set(list)])
  .pipe(
    z
      .array(
        z
          .string()
          .max(100)
          // the same for readers of the OpenAPI document
          .regex(/^[^,]*[^,\s][^,]*$/),
      )
      .max(100)
      .meta({ description: 'Labels, without commas; at most 100.' }),
  );
export const notes = z
  .string('must be a string')
  .max(10_000, 'must have at most 10000 characters')
  .nullable()
  .meta({ description: 'Free notes; null empties them.' });
/** An object of whatever the client likes to say. */
export const anyObject = z.record(z.string(), z.unknown(), 'must be an object');
