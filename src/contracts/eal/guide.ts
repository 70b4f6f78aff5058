import {
  answerExample,
  deliveryBlocks,
  errorBlocks,
  eventTable,
  fileBeside,
  scopeTable,
} from '../../gateway/docs/blocks.ts';
import { curl, jsonBlock, plainBlock } from '../../gateway/docs/code.ts';
import type { Chapter, GuideContext } from '../../gateway/docs/guide.ts';
import { connecting } from './guide-connectors.ts';

export function guide(context: GuideContext): Chapter[] {
  return [
    { title: 'Authentication', html: authentication(context) },
    { title: 'Rate limits', html: rateLimits(context) },
    { title: 'Pagination', html: pagination(context) },
    { title: 'Errors', html: errors(context) },
    { title: 'Idempotency', html: idempotency(context) },
    { title: 'Caching and request ids', html: caching(context) },
    { title: 'Receiving webhooks', html: receiving(context) },
    { title: 'Connecting services', html: connecting(context) },
    { title: 'Webhook events', html: eventTable(context.document) },
  ];
}

function authentication({ contract, document, url, key }: GuideContext): string {
  return `<p>Every request carries an API key in the <code>Authorization</code> header. A key belongs to one organization and sees only its rows. Ask for the health of the service to see what a key resolves to:</p>
${plainBlock('Request', 'curl', curl({ method: 'GET', url: `${url}/health`, headers: [`Authorization: Bearer ${key}`] }))}
${jsonBlock('Answer', 'json', answerExample(document, '/health'))}
<p>Keys that start with <code>eal_live_</code> and <code>eal_test_</code> work the same; the second kind is marked as for tests. A key can expire, and one that is revoked stops at once.</p>
${scopeTable(contract)}`;
}

const rateLimits = ({ contract: { rateLimit } }: GuideContext): string =>
  `<p>${rateLimit.perMinute} requests a minute for each key, with bursts up to ${rateLimit.burst} in any minute. <code>X-RateLimit-Remaining</code> on every answer says how many would pass now; so do the IETF headers <code>RateLimit</code> and <code>RateLimit-Policy</code>. One too many is answered 429 with <code>Retry-After</code>, in seconds: wait that long, then send it again.</p>`;

const pagination = ({ document, url, key }: GuideContext): string => {
  const example = answerExample(document, '/leads') as { next_cursor?: string };
  return `<p>Lists are newest first. An answer that has more after it carries <code>next_cursor</code>: send it as <code>cursor</code>, with the same filters, for the next page; on the last page it is <code>null</code>. A page holds 50 entries unless <code>limit</code> says otherwise (at most 200). Rows that are added meanwhile neither repeat nor hide any.</p>
${plainBlock('The next page', 'curl', curl({ method: 'GET', url: `${url}/leads?limit=50&cursor=${example.next_cursor}`, headers: [`Authorization: Bearer ${key}`] }))}`;
};

const errors = ({ contract }: GuideContext): string =>
  `<p>Whatever goes wrong is answered in one shape. Programs look at <code>code</code>, people at <code>message</code>; <code>details</code> names the field and what is wrong with it.</p>
${errorBlocks(contract, 400)}`;

function idempotency({ document, url, key }: GuideContext): string {
  const example = document.components.parameters.IdempotencyKey?.example;
  const body = document.paths['/leads']?.post?.requestBody?.content['application/json']?.example;
  return `<p>When a POST gets no answer, you cannot know whether it was done. Give it an <code>Idempotency-Key</code> of your own, and sending it again is safe: within 24 hours the same key with the same request gets the first answer again, marked <code>Idempotent-Replayed: true</code>, and changes nothing. The same key with another request is refused with 422; while the first is still under way, with 409.</p>
${plainBlock(
  'Request',
  'curl',
  curl({
    method: 'POST',
    url: `${url}/leads`,
    headers: [`Authorization: Bearer ${key}`, `Idempotency-Key: ${example}`],
    body,
  }),
)}`;
}

function caching({ document, url, key }: GuideContext): string {
  const path = document.paths['/leads/{id}']?.get?.parameters[0];
  const id = path && 'example' in path ? path.example : '';
  return `<p>A single resource comes with an <code>ETag</code>. Send it back as <code>If-None-Match</code>: 304 without a body says that nothing changed.</p>
${plainBlock('Request', 'curl', curl({ method: 'GET', url: `${url}/leads/${id}`, headers: [`Authorization: Bearer ${key}`, 'If-None-Match: W/"Zr6wOsWqZGbXHyT_zL1dFG8FYLI"'] }))}
<p>Every answer carries <code>X-Request-Id</code>. Send one of your own and it comes back; what the request changed bears it as <code>correlation_id</code> in the audit log. The log names <code>api</code> as the source of what a key changes; automations that run in n8n send <code>X-Trunkline-Source: n8n</code>, as the nodes of Trunkline do, and are named <code>n8n</code>.</p>`;
}

function receiving({ document }: GuideContext): string {
  return `<p>Register an HTTPS address with <a href="#webhooks.create">POST /webhooks</a> and keep the signing secret: it is shown once. Each event is then sent there as a POST. Answer 2xx within 10 seconds; anything else, a redirect too, is a failure and is tried again (by default 1 minute, 5 minutes, 30 minutes and 2 hours after the first attempt), then kept as a dead letter, which you can <a href="#webhooks.deliveries.retry">retry</a> or <a href="#webhooks.recover">recover</a>. 410 disables the endpoint. Retries carry the same event id: drop what you have seen.</p>
${deliveryBlocks(document, 'lead.created')}
<p>Verify before you act: anybody can send to your address, only the secret’s owner can sign. The signature covers the bytes as sent, so read the body before any JSON parser does. Any <a href="https://www.standardwebhooks.com" rel="noreferrer">Standard Webhooks</a> library verifies the <code>webhook-*</code> headers as well.</p>
${plainBlock('Node.js', 'receiver-node', fileBeside(import.meta.url, 'receiver.mjs'))}
${plainBlock('Python', 'receiver-python', fileBeside(import.meta.url, 'receiver.py'))}`;
}
