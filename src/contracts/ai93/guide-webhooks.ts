import { deliveryBlocks, eventTable, fileBeside } from '../../gateway/docs/blocks.ts';
import { plainBlock } from '../../gateway/docs/code.ts';
import type { Chapter, GuideContext } from '../../gateway/docs/guide.ts';
import { table } from '../../gateway/docs/text.ts';

/** The second half of the guide: events, how they come, and how to tell that they are genuine. */
export const webhookChapters = ({ document }: GuideContext): Chapter[] => [
  { title: 'Webhook events', html: events(eventTable(document)) },
  { title: 'Receiving webhooks', html: receiving(deliveryBlocks(document, 'lead.converted')) },
  { title: 'Verifying a delivery', html: verifying() },
  { title: 'When a delivery fails', html: failing() },
];

const MINT = `npm run trunkline -- webhooks create --org ID --contract ai93 \\
  --url https://crm-bridge.example.com/ai93 \\
  --events lead.created,lead.converted,lead.handed_off`;

const events = (
  list: string,
): string => `<p>Subscriptions are made by the operator, not over this API. One hears of a single business or of all businesses of a workspace:</p>
${plainBlock('Operator', 'operator', MINT)}
<p>For an organization that has businesses below it, the subscription covers all of them; <code>--lock</code> keeps it to that one. The signing secret (<code>whsec_…</code>) is printed once. <code>webhooks list</code>, <code>test</code>, <code>rotate-secret</code>, <code>disable</code>, <code>deliveries</code>, <code>retry</code> and <code>recover</code> manage it afterwards.</p>
${list}
<p>One change can be several events: a reply to a new lead is <code>lead.replied</code> and <code>lead.status_changed</code>, each with an id of its own.</p>`;

const receiving = (
  delivery: string,
): string => `<p>Each event is a POST of JSON to your address. <code>data</code> is the lead as the change left it, in the shape of <a href="#leads.get">GET /leads/{id}</a>; <code>consumerWorkspace</code> is the short name of the workspace the subscription belongs to.</p>
${delivery}`;

const verifying =
  (): string => `<p>Anybody can send to your address, but only who knows the secret can sign. Compute HMAC-SHA256 over the timestamp header, a dot and the body as it came (before any JSON parser), with the whole secret as key, <code>whsec_</code> included; compare in constant time; and refuse what is older than five minutes. Both of these run as they stand, with <code>WEBHOOK_SECRET</code> in the environment:</p>
${plainBlock('Node.js (Web Crypto)', 'receiver-node', fileBeside(import.meta.url, 'receiver.mjs'))}
${plainBlock('Python', 'receiver-python', fileBeside(import.meta.url, 'receiver.py'))}
<p>A library for <a href="https://www.standardwebhooks.com" rel="noreferrer">Standard Webhooks</a> works as well: each delivery has the <code>webhook-*</code> headers besides. During the 24 hours after a rotation those are signed with both secrets; <code>X-AI93-Signature</code> has place for one and takes the new one at once.</p>`;

const failing =
  (): string => `<p>Any 2xx within 10 seconds is success; answer at once and work afterwards. Everything else is a failure: another status, a redirect, a broken connection, silence.</p>
${table(
  ['Attempt', 'After the first', '<code>X-AI93-Attempt</code>', '<code>User-Agent</code>'],
  [
    ['first', 'at once', '<code>1</code>', '<code>AI93Platform/1.0</code>'],
    ...['1 minute', '5 minutes', '30 minutes', '2 hours'].map((after, index) => [
      ['second', 'third', 'fourth', 'fifth'][index] ?? '',
      after,
      `<code>${index + 2}</code>`,
      '<code>AI93Platform/1.0 (retry)</code>',
    ]),
  ],
)}
<p>After the fifth the delivery is a dead letter: kept, and sent again when the operator says so. An event can come more than once (your answer may be lost on the way) and out of order: remember the event ids that you have handled, and drop those that come again. The id is the same at every attempt, in <code>X-AI93-Event-Id</code> and in the body.</p>`;
