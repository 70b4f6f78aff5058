import { z } from 'zod';

// Pieces that several answers are made of.

export const id = z.uuid();
export const at = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ format: 'date-time' });
export const score = z.int().min(0).max(100);
export const stage = z.enum(['new', 'contacted', 'replied', 'qualified', 'won', 'lost']);
export const nullable = z.string().nullable();
/** A prefix and the UUIDv7 in 26 base-32 characters. */
export const typeId = (prefix: string) => z.string().regex(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`));
export const eventId = z
  .string()
  .regex(/^evt_[0-9a-f]{16}$/)
  .meta({ description: 'The same at every attempt: drop what was seen before.' });

export const list = <T extends z.ZodType>(name: string, item: T) =>
  z
    .strictObject({
      data: z.array(item),
      next_cursor: z
        .string()
        .nullable()
        .meta({ description: 'Pass it as cursor for the next page; null on the last.' }),
    })
    .meta({ id: name });
