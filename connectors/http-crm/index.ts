import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { type ConnectorIo, connector } from '../connector.ts';
import { CRM_FIELDS, type CrmRecord, mapped, mappingField, recordOf } from '../crm.ts';
import { ConnectorFailure } from '../failure.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';

const manifest = {
  vendor: 'http-crm',
  title: 'Any CRM, over HTTP',
  description:
    'Leads and dispatched calls are sent to an address of yours, signed, and your answer says what they became.',
  setup: [
    'Make an address that takes the requests described in connectors/http-crm/README.md, and a signing secret of your own: `whsec_` and 24 to 64 random bytes in base64, as Standard Webhooks writes it.',
    'Verify each request with a library of Standard Webhooks, and answer with JSON: `{"id": "…"}`, and `url` if it has a page.',
    'Requests may come more than once. One with an `Idempotency-Key` that was answered gets the same answer; a lead or call whose `id` is known is brought up to date, never made again.',
  ],
  fields: [
    {
      name: 'signing_secret',
      label: 'Signing secret',
      help: 'Requests are signed with it.',
      kind: 'text',
      secret: true,
      required: true,
      pattern: {
        expression: /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/,
        reason: 'must be whsec_ and 24 to 64 random bytes in base64',
      },
    },
    {
      name: 'bearer_token',
      label: 'Bearer token',
      help: 'Sent as Authorization, where something in front of the address asks for it.',
      kind: 'text',
      secret: true,
    },
    { name: 'url', label: 'Address', help: 'Where requests are sent (POST).', kind: 'endpoint', required: true },
    mappingField('a field of `fields`'),
    ...CRM_FIELDS,
  ],
} as const satisfies Manifest;

type Config = ConfigurationOf<(typeof manifest)['fields']>;

export const httpCrm = connector(manifest, {
  async test(config, io) {
    await send('connection.test', 'test', {}, config, io);
    return 'The address took a signed request.';
  },

  crm: {
    async push(lead, known, config, io) {
      const data = { ...lead, external_id: known ?? null, fields: mapped(config.field_mapping, lead) };
      return answered(await send('lead.push', lead.id, data, config, io), known);
    },

    async createJob(call, { id, lead }, config, io) {
      const data = { ...call, lead_id: lead.id, lead_external_id: id };
      return answered(await send('job.create', call.id, data, config, io));
    },
  },
});

const answer = z.object({ id: z.union([z.string(), z.number()]).optional(), url: z.string().optional() });
type Answer = z.infer<typeof answer>;

/** An update may be confirmed without the id that is known. */
const answered = ({ id, url }: Answer, known?: string): CrmRecord => recordOf(id ?? known, url);

/** The same content has the same key, however often and whenever it is sent: an address that knows it has done it already. */
async function send(type: string, subject: string, data: object, config: Config, io: ConnectorIo): Promise<Answer> {
  const timestamp = Math.floor(Date.now() / 1000);
  const json = { type, data };
  const content = JSON.stringify(json);
  const key = `msg_${createHash('sha256').update(`${subject} ${content}`).digest('hex').slice(0, 40)}`;
  const signed = `${key}.${timestamp}.${content}`;
  const hmac = createHmac('sha256', Buffer.from(config.signing_secret.slice('whsec_'.length), 'base64'));
  const { body } = await io.http.request({
    method: 'POST',
    url: config.url,
    json,
    headers: {
      'webhook-id': key,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': `v1,${hmac.update(signed).digest('base64')}`,
      'idempotency-key': key,
      ...(config.bearer_token && { authorization: `Bearer ${config.bearer_token}` }),
    },
    readError: (failed) => {
      const read = z.object({ message: z.string() }).safeParse(failed.body);
      return read.success ? { message: read.data.message } : undefined;
    },
  });
  const read = answer.safeParse(body);
  if (!read.success)
    throw new ConnectorFailure('garbage', 'The CRM answered with something that is no object with an id.');
  return read.data;
}
