import { z } from 'zod';
import type { ConnectorIo, Explanation, HttpAnswer, HttpRequest } from '../connector.ts';
import { ConnectorFailure } from '../failure.ts';
import type { Config } from './manifest.ts';

// Calls of JobNimbus' API.

const text = z.string().nullish();
const found = z.object({
  jnid: z.string().min(1),
  email: text,
  mobile_phone: text,
  description: text,
});
export type Found = z.infer<typeof found>;

type Kind = 'contacts' | 'jobs';

const FIELDS = 'jnid,email,mobile_phone,description';

/** The records that were made last. */
export const newest = (kind: Kind, config: Config, io: ConnectorIo): Promise<Found[]> =>
  list(kind, { sort_field: 'date_created', sort_direction: 'desc' }, config, io);

/** Contacts whose field is exactly this. */
export const searchContacts = (field: string, value: string, config: Config, io: ConnectorIo): Promise<Found[]> =>
  list('contacts', { filter: JSON.stringify({ must: [{ term: { [field]: value } }] }) }, config, io);

async function list(kind: Kind, query: Record<string, string>, config: Config, io: ConnectorIo): Promise<Found[]> {
  const body = await ask(`/${kind}`, { query: { ...query, size: '50', fields: FIELDS } }, config, io);
  const read = z.object({ results: z.array(found) }).safeParse(body);
  if (!read.success) throw new ConnectorFailure('garbage', `JobNimbus' answer is no list of ${kind}.`);
  return read.data.results;
}

/** Makes a record; its id. */
export async function create(kind: Kind, json: object, config: Config, io: ConnectorIo): Promise<string> {
  return idOf(await ask(`/${kind}`, { method: 'POST', json }, config, io));
}

/** Changes a contact; its id. */
export async function update(id: string, json: object, config: Config, io: ConnectorIo): Promise<string> {
  return idOf(await ask(`/contacts/${encodeURIComponent(id)}`, { method: 'PUT', json }, config, io));
}

const workflows = z.object({
  workflows: z.array(
    z.object({
      object_type: z.string(),
      name: z.string(),
      is_active: z.boolean().default(true),
      status: z.array(z.object({ name: z.string() })).default([]),
    }),
  ),
});

/** Workflows that are in use, of contacts and of jobs, each with its statuses. */
export async function fetchWorkflows(config: Config, io: ConnectorIo): Promise<z.infer<typeof workflows>['workflows']> {
  const read = workflows.safeParse(await ask('/account/settings', {}, config, io));
  if (!read.success) throw new ConnectorFailure('garbage', "JobNimbus' answer has no settings of the account.");
  return read.data.workflows.filter((one) => one.is_active);
}

function idOf(body: unknown): string {
  const read = z.object({ jnid: z.string().min(1).max(255) }).safeParse(body);
  if (!read.success) throw new ConnectorFailure('garbage', "JobNimbus' answer has no jnid.");
  return read.data.jnid;
}

async function ask(path: string, request: Omit<HttpRequest, 'url'>, config: Config, io: ConnectorIo): Promise<unknown> {
  const { body } = await io.http.request({
    ...request,
    url: `${config.api_url.replace(/\/+$/, '')}${path}`,
    headers: { authorization: `Bearer ${config.api_key}` },
    readError,
  });
  return body;
}

const said = z.union([
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ error: z.string() }).transform(({ error }) => error),
]);

function readError({ body }: HttpAnswer): Explanation | undefined {
  const read = said.safeParse(body);
  return read.success ? { message: read.data } : undefined;
}
