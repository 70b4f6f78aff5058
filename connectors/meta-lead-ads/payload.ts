import { z } from 'zod';
import type { HookReceipt } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import { parseJson } from '../json.ts';
import type { Announced } from './lead.ts';

// What Meta delivers: which leads there are, not what they say.

const id = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,30}$/, 'must be a number'));
const leadgen = z.object({
  leadgen_id: id,
  page_id: id.optional(),
  form_id: id.optional(),
  ad_id: id.optional(),
  created_time: z.number().optional(),
});
const change = z.object({ field: z.string(), value: z.unknown() });
const payload = z.object({ entry: z.array(z.object({ id: id.optional(), changes: z.array(change).default([]) })) });

/** The leads that a payload announces, each once. Other changes are passed over: an app may be subscribed to more. */
export function announcedIn({ body }: HookReceipt): { announced: Announced[]; failures: ConnectorFailure[] } {
  const leads = new Map<string, Announced>();
  const failures: ConnectorFailure[] = [];
  for (const { id: pageId, changes } of readPayload(body).entry) {
    for (const { value: raw } of changes.filter(({ field }) => field === 'leadgen')) {
      const read = leadgen.safeParse(raw);
      if (!read.success) {
        failures.push(new ConnectorFailure('refused', 'A lead was announced without a readable leadgen_id.'));
        continue;
      }
      const { leadgen_id: leadgenId, ...value } = read.data;
      leads.set(leadgenId, {
        leadgenId,
        pageId: value.page_id ?? pageId,
        formId: value.form_id,
        adId: value.ad_id,
        createdTime: value.created_time,
      });
    }
  }
  return { announced: [...leads.values()], failures };
}

function readPayload(body: Buffer): z.infer<typeof payload> {
  try {
    return payload.parse(parseJson(body.toString('utf8')));
  } catch {
    throw new ConnectorFailure('refused', 'What was received is not what Meta sends: it has no list of entries.');
  }
}
