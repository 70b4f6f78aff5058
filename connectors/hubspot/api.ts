import { z } from 'zod';
import type { ConnectorIo, Explanation, HttpAnswer, HttpRequest } from '../connector.ts';
import { unlessMissing } from '../crm.ts';
import { ConnectorFailure } from '../failure.ts';
import type { Config } from './manifest.ts';

// Calls of HubSpot's CRM objects.

const id = z.union([z.string().min(1), z.number()]).transform(String);
const object = z.object({
  id,
  properties: z.record(z.string(), z.string().nullish()).default({}),
  url: z.string().optional(),
});
export type HubSpotObject = z.infer<typeof object>;
const objects = z.object({ results: z.array(object) });

/** A contact by a property with unique values; what was written a moment ago is found. */
export const contactBy = (property: string, value: string, config: Config, io: ConnectorIo) =>
  unlessMissing(ask(object, `/contacts/${encodeURIComponent(value)}`, { query: { idProperty: property } }, config, io));

/** Contacts by any property. HubSpot's search is some seconds behind. */
export async function searchContacts(
  property: string,
  value: string,
  config: Config,
  io: ConnectorIo,
): Promise<HubSpotObject[]> {
  const filterGroups = [{ filters: [{ propertyName: property, operator: 'EQ', value }] }];
  const json = { filterGroups, properties: [property], limit: 10 };
  return (await ask(objects, '/contacts/search', { method: 'POST', json }, config, io)).results;
}

export const createObject = (type: 'contacts' | 'deals', json: object, config: Config, io: ConnectorIo) =>
  ask(object, `/${type}`, { method: 'POST', json }, config, io);

export const updateContact = (contact: string, properties: object, config: Config, io: ConnectorIo) =>
  ask(object, `/contacts/${encodeURIComponent(contact)}`, { method: 'PATCH', json: { properties } }, config, io);

const associated = z.object({
  id,
  associations: z.object({ deals: z.object({ results: z.array(z.object({ id })) }).optional() }).optional(),
});

/** The deals of a contact, with their descriptions; what was written a moment ago is among them. */
export async function dealsOf(contact: string, config: Config, io: ConnectorIo): Promise<HubSpotObject[]> {
  const path = `/contacts/${encodeURIComponent(contact)}`;
  const { associations } = await ask(associated, path, { query: { associations: 'deals' } }, config, io);
  const ids = new Set((associations?.deals?.results ?? []).map((deal) => deal.id));
  if (ids.size === 0) return [];
  // the newest are the last; older ones than a hundred are of no call that is being made a deal
  const inputs = [...ids].slice(-100).map((deal) => ({ id: deal }));
  const json = { properties: ['description'], inputs };
  return (await ask(objects, '/deals/batch/read', { method: 'POST', json }, config, io)).results;
}

export const listContacts = (config: Config, io: ConnectorIo) =>
  ask(objects, '/contacts', { query: { limit: '1' } }, config, io);

async function ask<Answer>(
  schema: z.ZodType<Answer>,
  path: string,
  request: Omit<HttpRequest, 'url'>,
  config: Config,
  io: ConnectorIo,
): Promise<Answer> {
  const { body } = await io.http.request({
    ...request,
    url: `${config.api_url.replace(/\/+$/, '')}/crm/objects/${config.api_version}${path}`,
    headers: { authorization: `Bearer ${config.access_token}` },
    readError,
  });
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new ConnectorFailure(
    'garbage',
    `HubSpot's answer cannot be read: ${issue?.path.join('.') || 'it'} ${issue?.message}.`,
  );
}

const said = z.object({ message: z.string(), category: z.string().optional(), policyName: z.string().optional() });

/**
 * Seconds to wait by the limit that was reached, as HubSpot sends no Retry-After. The daily one ends at midnight in a time zone of the
 * account's settings.
 */
const PAUSES = new Map([
  ['SECONDLY', 1],
  ['TEN_SECONDLY_ROLLING', 10],
  ['DAILY', 900],
]);

/** The id of the contact that is there already comes in the message only, so it is taken for the error's code. */
function readError({ status, body }: HttpAnswer): Explanation | undefined {
  const read = said.safeParse(body);
  if (!read.success) return undefined;
  const { message, category, policyName } = read.data;
  const [, existing] = (status === 409 && /Existing ID: (\d{1,30})/.exec(message)) || [];
  const code = existing ?? category;
  const retryAfter = status === 429 ? PAUSES.get(policyName ?? '') : undefined;
  return { message, ...(code !== undefined && { code }), ...(retryAfter !== undefined && { retryAfter }) };
}
