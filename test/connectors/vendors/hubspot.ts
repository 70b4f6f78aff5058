import { expect } from 'vitest';
import type { Answer, ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { json } from '../http-service.ts';
import { CALL, LEAD } from './crm.ts';

// HubSpot's wire format.

type Properties = Record<string, string>;
interface Stored {
  id: string;
  properties: Properties;
  associations: string[];
}

const error = (status: number, message: string, category: string): Answer =>
  json({ status: 'error', message, correlationId: 'c', category }, status);

/** A portal that keeps what it is given. Its search is as far behind as it is told to be. */
export function hubSpotPortal({ unique = ['email'], behind = 0 }: { unique?: string[]; behind?: number } = {}) {
  const contacts: Stored[] = [];
  const deals: Stored[] = [];
  const shown = ({ id, properties }: Stored) => ({ id, properties, url: `https://app.hubspot.example/record/${id}` });

  function answer({ method, path, rawBody }: ReceivedRequest): Answer {
    const { pathname, searchParams } = new URL(path, 'http://hubspot');
    const [, type, rest] = /\/crm\/objects\/2026-09\/(contacts|deals)(?:\/(.+))?$/.exec(pathname) ?? [];
    const body = rawBody.length > 0 ? JSON.parse(rawBody.toString('utf8')) : undefined;
    if (!type) return error(404, 'No such path', 'OBJECT_NOT_FOUND');
    const kept = type === 'contacts' ? contacts : deals;
    const by = (property: string | null) => (one: Stored) =>
      property ? one.properties[property]?.toLowerCase() === value.toLowerCase() : one.id === value;
    const value = decodeURIComponent(rest ?? '');
    if (rest === 'search') return searched(body);
    if (rest === 'batch/read') {
      const ids = body.inputs.map((input: { id: string }) => input.id);
      return json({ status: 'COMPLETE', results: kept.filter(({ id }) => ids.includes(id)).map(shown) });
    }
    if (method === 'POST') return made(kept, body);
    if (!rest) return json({ results: kept.slice(0, 1).map(shown) });
    const found = kept.find(by(searchParams.get('idProperty')));
    if (!found) return error(404, 'Object not found', 'OBJECT_NOT_FOUND');
    if (method === 'PATCH') Object.assign(found.properties, body.properties);
    const results = deals.filter(({ associations }) => associations.includes(found.id)).map(({ id }) => ({ id }));
    const associated = searchParams.has('associations') && results.length > 0;
    return json({ ...shown(found), ...(associated && { associations: { deals: { results } } }) });
  }

  function made(kept: Stored[], body: { properties: Properties; associations?: { to: { id: string } }[] }): Answer {
    const taken = kept.find(({ properties }) =>
      unique.some((name) => properties[name] !== undefined && properties[name] === body.properties[name]),
    );
    if (taken && kept === contacts) return error(409, `Contact already exists. Existing ID: ${taken.id}`, 'CONFLICT');
    const one = {
      id: String((kept === contacts ? 100 : 500) + kept.length),
      properties: body.properties,
      associations: (body.associations ?? []).map(({ to }) => to.id),
    };
    kept.push(one);
    return json(shown(one), 201);
  }

  function searched(body: { filterGroups: { filters: { propertyName: string; value: string }[] }[] }): Answer {
    const [filter] = body.filterGroups[0]?.filters ?? [];
    const indexed = contacts.slice(0, contacts.length - behind);
    const results = indexed.filter(({ properties }) => properties[filter?.propertyName ?? ''] === filter?.value);
    return json({ total: results.length, results: results.map(shown) });
  }

  return { contacts, deals, answer };
}

const bodyOf = (request: ReceivedRequest) => JSON.parse(request.rawBody.toString('utf8'));

/** A portal in which there is only the contact that a deal is made for. */
const portalWithContact = (request: ReceivedRequest): Answer => {
  const portal = hubSpotPortal();
  portal.contacts.push({ id: '100', properties: {}, associations: [] });
  return portal.answer(request);
};

export const hubSpot: ConformanceCase = {
  settings: (url) => ({
    api_url: url,
    field_mapping: { city: 'context.city' },
    initial_properties: { lifecyclestage: 'lead' },
  }),
  secrets: { access_token: 'pat-na1-7261-4d65-4e2b-8a91' },
  service: (request: ReceivedRequest) => hubSpotPortal().answer(request),
  refusal: {
    answer: error(401, 'Authentication credentials pat-na1-7261-4d65-4e2b-8a91 not found.', 'INVALID_AUTHENTICATION'),
    reason: /Authentication credentials \[redacted\] not found/,
  },
  acts: {
    'crm.push': {
      act: async ({ crm }, config, io) => crm?.push(LEAD, undefined, config as never, io),
      answer: { externalId: '100', url: 'https://app.hubspot.example/record/100' },
      sent([search, create]) {
        expect(bodyOf(search).filterGroups).toEqual([
          { filters: [{ propertyName: 'phone', operator: 'EQ', value: '+14045550142' }] },
        ]);
        expect(create.headers.authorization).toBe('Bearer pat-na1-7261-4d65-4e2b-8a91');
        expect(bodyOf(create)).toEqual({
          properties: {
            firstname: 'Sarah Jane',
            lastname: 'Mitchell',
            phone: '+14045550142',
            company: 'Mitchell Roofing',
            city: 'Marietta',
            lifecyclestage: 'lead',
          },
        });
      },
    },
    'crm.createJob': {
      service: portalWithContact,
      act: async ({ crm }, config, io) => crm?.createJob(CALL, { id: '100', lead: LEAD }, config as never, io),
      answer: { externalId: '500', url: 'https://app.hubspot.example/record/500' },
      sent([, create]) {
        expect(bodyOf(create)).toMatchObject({
          properties: {
            dealname: 'Water damage: Sarah Jane Mitchell',
            pipeline: 'default',
            dealstage: 'appointmentscheduled',
            description: expect.stringContaining(CALL.id),
          },
          associations: [
            { to: { id: '100' }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 3 }] },
          ],
        });
      },
    },
  },
};
