import { sql } from 'kysely';
import { z } from 'zod';
import { statement } from '../database/page.ts';
import { invalidRequest } from '../errors.ts';
import { operation } from '../operations/operation.ts';

// What an organization does by itself when somebody calls. What the values mean together, the database says (sql/18_dispatch_settings.sql).

const flag = z.boolean('must be true or false');
const number = (min: number, max: number) =>
  z
    .number(`must be from ${min} to ${max}`)
    .min(min, `must be from ${min} to ${max}`)
    .max(max, `must be from ${min} to ${max}`);
const whole = (min: number, max: number) =>
  z
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be from ${min} to ${max}`)
    .max(max, `must be from ${min} to ${max}`);
const template = z
  .string('must be a string')
  .min(1, 'must not be empty')
  .max(640, 'must have at most 640 characters')
  .regex(/\S/, 'must not be blank');
const time = z
  .string('must be a time of day, 00:00 to 24:00')
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day, 00:00 to 24:00');
const interval = z.tuple([time, time], 'must be two times of day');
const weekday = z.array(interval, 'must be a list of intervals').max(10, 'must hold at most 10 intervals').optional();
const hours = z.strictObject(
  { mon: weekday, tue: weekday, wed: weekday, thu: weekday, fri: weekday, sat: weekday, sun: weekday },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'must be an object of weekdays') },
);

const INTENTS = ['water', 'fire', 'mold', 'biohazard', 'other'] as const;

/** Each setting, and what may be given for it. */
const settings = {
  service_postal_codes: z
    .array(
      z
        .string('must be a string')
        .regex(/^[A-Za-z0-9][A-Za-z0-9 -]{0,11}\*?$/, 'must be a postal code, or the beginning of one and *'),
      'must be a list',
    )
    .max(5000, 'must hold at most 5000 codes')
    .meta({
      description:
        'Postal codes that the organization serves; one that ends in `*` stands for all that begin so: `300*`.',
    }),
  service_center_postal_code: z
    .string('must be a string')
    .regex(/^[A-Za-z0-9][A-Za-z0-9 -]{2,11}$/, 'must be a postal code')
    .nullable()
    .meta({
      description: 'Postal code that the radius is measured from, unless latitude and longitude say it better.',
    }),
  service_center_latitude: number(-90, 90)
    .nullable()
    .meta({ description: 'Latitude of the point that the radius is measured from.' }),
  service_center_longitude: number(-180, 180)
    .nullable()
    .meta({ description: 'Longitude of the point that the radius is measured from.' }),
  service_radius_miles: number(0.1, 5000).nullable().meta({
    description:
      'How far from the center the organization serves, in miles. Needs a center: a postal code, or latitude and longitude.',
  }),
  business_hours: hours.meta({
    description:
      'For each weekday, intervals in the organization’s time zone: `{"mon": [["08:00", "18:00"]]}`. One that ends before it begins goes past midnight. Replaced as a whole.',
  }),
  closed_dates: z
    .array(z.iso.date('must be a date: 2026-12-25'), 'must be a list')
    .max(1000, 'must hold at most 1000 dates')
    .meta({ description: 'Days on which no business hours begin.' }),
  urgent_at_any_hour: flag.meta({
    description: 'Whether a call of high urgency is dispatched outside of business hours too.',
  }),
  qualified_intents: z
    .array(z.enum(INTENTS, `must be one of ${INTENTS.join(', ')}`), 'must be a list')
    .max(5, 'must hold at most 5')
    .meta({
      description:
        'What a call must be about to be dispatched. A qualified call about something else is reviewed by a person.',
    }),
  minimum_confidence: number(0, 1).meta({
    description:
      'How sure a classification must be for its call to be dispatched, from 0 to 1. A call that is less sure is reviewed by a person.',
  }),
  transcript_wait_seconds: whole(0, 3600).meta({
    description: 'How long a call that has no transcript waits for one before it is classified without.',
  }),
  stale_after_minutes: whole(1, 10_080).meta({
    description:
      'A call that is told of or classified more than so many minutes after it came in is reviewed by a person.',
  }),
  auto_dispatch: flag.meta({ description: 'Whether calls are dispatched without a person.' }),
  crm_push: flag.meta({ description: 'Whether a dispatched call makes a job in the CRM, when one is connected.' }),
  sms_callback: flag.meta({ description: 'Whether the caller of a dispatched call gets a text message.' }),
  sms_template: template.meta({
    description:
      'Text of the message to the caller of a dispatched call. `{name}`, `{first_name}`, `{organization}` and `{tracking_number}` are filled in.',
  }),
  sms_on_callback: flag.meta({ description: 'Whether somebody who is to be called back gets a text message.' }),
  sms_on_callback_template: template.meta({
    description: 'Text of the message to somebody who is to be called back, with the same placeholders.',
  }),
};

/** All of them, as an answer shows them. */
export const dispatchSettings = z.strictObject(settings);

export const getDispatchSettings = operation({
  id: 'organizations.dispatch_settings.get',
  summary: 'Get the dispatch settings',
  description:
    'What the calling organization does by itself when somebody calls: which area it serves, when it is open, and which calls it takes.',
  scope: 'organizations.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: ({ actor, shape }) => statement`
    select ${sql.raw(shape('dispatch_settings'))}(row)::text as body
      from app.dispatch_settings as row where row.organization_id = ${actor.organizationId}::uuid`,
});

export const updateDispatchSettings = operation({
  id: 'organizations.dispatch_settings.update',
  summary: 'Update the dispatch settings',
  description:
    'Settings that are left out stay as they are. Calls are dispatched by themselves once a service area is set: postal codes, or a radius around a center. Applies to calls that are classified from now on.',
  scope: 'organizations.admin',
  kind: 'write',
  input: z.strictObject(settings).partial(),
  statement({ input, shape }) {
    const changes = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    if (Object.keys(changes).length === 0) {
      throw invalidRequest('Nothing to update.', {
        reason: `give at least one of ${Object.keys(settings).join(', ')}`,
      });
    }
    return statement`
      select ${sql.raw(shape('dispatch_settings'))}(row)::text as body
        from app.update_dispatch_settings(${JSON.stringify(changes)}::jsonb) as row`;
  },
});
