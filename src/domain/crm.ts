import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { z } from 'zod';
import { statement } from '../database/page.ts';
import { operation } from '../operations/operation.ts';
import { pathId } from './fields.ts';

const id = pathId.meta({ description: 'Id of the lead.' });

/** How long a request waits for the worker, looking again after these milliseconds; together five seconds. */
const LOOKS = [50, 50, 100, 100, 200, 200, 300, ...Array<number>(8).fill(500)];
/** Requests of a process that wait at once; any more are answered with what is known. */
const MOST_WAITING = 50;
let waiting = 0;

const isPending = (body: string): boolean => JSON.parse(body).crm_sync.status === 'pending';

export const pushLeadToCrm = operation({
  id: 'leads.push_to_crm',
  summary: 'Push a lead to the configured CRM',
  description:
    'Makes the lead a contact in the CRM, or brings the contact up to date when the lead has changed. Idempotent: what is there already is answered with its external_id. The worker does it, and the answer waits up to five seconds for it; after that its `status` is `pending`. `failed` says why in `last_error`: what may pass is tried again by itself, for up to eight hours; asking again starts anew. 409 when no CRM is connected.',
  scope: 'leads.write',
  kind: 'write',
  input: z.strictObject({ id }),
  missing: 'No such lead.',
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('lead_pushed'))}(row)::text as body from app.push_to_crm(${input.id}::uuid) as row`,
  async outside(body, { input, shape }, _pool, read) {
    if (!isPending(body) || waiting >= MOST_WAITING) return body;
    const again = statement`
      select ${sql.raw(shape('lead_pushed'))}(row)::text as body from app.latest_crm_record(${input.id}::uuid) as row`;
    waiting += 1;
    try {
      let latest = body;
      for (const pause of LOOKS) {
        await delay(pause);
        latest = (await read(again))?.body ?? latest;
        if (!isPending(latest)) break;
      }
      return latest;
    } finally {
      waiting -= 1;
    }
  },
});
