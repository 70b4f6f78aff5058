import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CrmLead } from '../../connectors/crm.ts';
import { mapped, recordOf, splitName } from '../../connectors/crm.ts';
import { connectorNamed } from '../../connectors/registry.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { connectorIo } from '../../src/connections/io.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { CASES } from './cases.ts';
import { json } from './http-service.ts';
import { CALL, LEAD } from './vendors/crm.ts';
import { ownCrm } from './vendors/http-crm.ts';
import { hubSpotPortal } from './vendors/hubspot.ts';
import { jobNimbusAccount } from './vendors/jobnimbus.ts';

// What CRMs make of leads, where the suite over all vendors does not look.

let outbound: Outbound;
let service: Receiver;
beforeAll(async () => {
  outbound = createOutbound({ guard: createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] }) });
  service = await startReceiver();
});
afterAll(async () => {
  await outbound.close();
  await service.close();
});
beforeEach(() => {
  service.requests.length = 0;
});

function crm(vendor: string, settings: object = {}) {
  const connector = connectorNamed(vendor);
  const own = CASES[vendor];
  if (!connector?.crm || !connector.test || !own) throw new Error(`${vendor} is no CRM`);
  const io = connectorIo(outbound, Object.values(own.secrets));
  const config = connector.configuration.schema.parse({
    ...own.settings(service.url),
    ...own.secrets,
    ...settings,
  }) as never;
  const { crm: part, test: probe } = connector;
  return {
    push: (lead: CrmLead, known?: string) => part.push(lead, known, config, io),
    createJob: (contact: string) => part.createJob(CALL, { id: contact, lead: LEAD }, config, io),
    test: () => probe(config, io),
  };
}
const methods = () => service.requests.map(({ method }) => method);

test.each([
  ['Sarah Mitchell', { first: 'Sarah', last: 'Mitchell' }],
  ['  Sarah   Jane  Mitchell ', { first: 'Sarah Jane', last: 'Mitchell' }],
  ['Cher', { first: 'Cher' }],
  ['', {}],
  [undefined, {}],
])('%j is split into %j', (name, parts) => {
  expect(splitName(name)).toEqual(parts);
});

test('a mapping fills in what is known, and nothing else', () => {
  const mapping = {
    a: 'name',
    b: 'context.city',
    c: 'context.gone',
    d: 'email',
    e: 'tags',
    f: 'context.deep',
    g: 'lead_score',
  };
  const lead = { ...LEAD, lead_score: 0, context: { city: 'Marietta', deep: { x: 1 } } };
  expect(mapped(mapping, lead)).toEqual({ a: 'Sarah Jane Mitchell', b: 'Marietta', e: 'urgent, basement', g: 0 });
});

test('an id that cannot be kept is garbage, a page that is none is left out', () => {
  expect(recordOf(7, 'javascript:alert(1)')).toEqual({ externalId: '7' });
  expect(recordOf('7', `https://x.example/${'x'.repeat(3000)}`)).toEqual({ externalId: '7' });
  for (const id of ['', undefined, null, {}, 'x'.repeat(256)])
    expect(() => recordOf(id)).toThrowError(expect.objectContaining({ kind: 'garbage' }));
});

test.each(['+', 'unknown', 'N/A'])('a lead whose number is %j is nobody else who has that', async (phone) => {
  const lead = { id: LEAD.id, name: 'Ann', phone } as CrmLead;
  const account = jobNimbusAccount();
  account.contacts.push({ jnid: 'jn_7', first_name: 'Bob', mobile_phone: '' });
  service.answer(account.answer);
  await crm('jobnimbus').push(lead);
  await crm('jobnimbus').push(lead);
  expect(account.contacts.map((contact) => contact.first_name)).toEqual(['Bob', 'Ann']);

  const portal = hubSpotPortal();
  portal.contacts.push({ id: '7', properties: { firstname: 'Bob', phone }, associations: [] });
  service.answer(portal.answer);
  await crm('hubspot').push(lead);
  await crm('hubspot').push(lead);
  expect(portal.contacts.map(({ properties }) => properties.firstname)).toEqual(['Bob', 'Ann']);
});

describe('JobNimbus', () => {
  test('says which workflows and statuses there are, when one is not among them', async () => {
    service.answer(jobNimbusAccount().answer);
    expect(await crm('jobnimbus').test()).toBe('Contacts are made as Customer, Lead; jobs as Job, Lead.');
    const refused = (settings: object) => crm('jobnimbus', settings).test();
    await expect(refused({ contact_type: 'Supplier' })).rejects.toThrow(
      'JobNimbus has no workflow of contacts Supplier; it has Customer.',
    );
    await expect(refused({ contact_status: 'Lost' })).rejects.toThrow(
      'JobNimbus has no status of Customer Lost; it has Lead, Won.',
    );
    await expect(refused({ job_type: 'Roof' })).rejects.toThrow('JobNimbus has no workflow of jobs Roof; it has Job.');
  });

  test.each([
    ['email address', { email: 'SARAH@example.com' }, { ...LEAD, phone: undefined, email: 'SARAH@example.com' }],
    ['number', { mobile_phone: '4045550142' }, LEAD],
  ])('knows a person by the %s, and leaves status and description alone', async (_by, known, lead) => {
    const account = jobNimbusAccount();
    service.answer(account.answer);
    account.contacts.push({ jnid: 'jn_7', status_name: 'Won', description: 'Likes tea', ...known });
    expect(await crm('jobnimbus').push(lead as CrmLead)).toMatchObject({ externalId: 'jn_7' });
    expect(account.contacts).toMatchObject([
      {
        first_name: 'Sarah Jane',
        last_name: 'Mitchell',
        status_name: 'Won',
        description: 'Likes tea',
        city: 'Marietta',
      },
    ]);
  });

  test('makes a contact of whatever is known of a lead', async () => {
    const account = jobNimbusAccount();
    service.answer(account.answer);
    await crm('jobnimbus').push({ id: LEAD.id, handle: 'u/some_redditor' });
    expect(account.contacts).toMatchObject([{ display_name: 'u/some_redditor', description: `Lead ${LEAD.id}` }]);
  });

  test('of two with one name makes two', async () => {
    const account = jobNimbusAccount();
    service.answer(account.answer);
    await crm('jobnimbus').push({ id: 'a', name: 'John Smith' });
    await crm('jobnimbus').push({ id: 'b', name: 'John Smith' });
    expect(account.contacts).toHaveLength(2);
  });
});

describe('HubSpot', () => {
  test('brings a known contact up to date in one request', async () => {
    const portal = hubSpotPortal();
    service.answer(portal.answer);
    portal.contacts.push({ id: '100', properties: { lifecyclestage: 'customer' }, associations: [] });
    expect(await crm('hubspot').push(LEAD, '100')).toMatchObject({ externalId: '100' });
    expect(methods()).toEqual(['PATCH']);
    expect(portal.contacts).toMatchObject([{ properties: { lastname: 'Mitchell', lifecyclestage: 'customer' } }]);
  });

  test('is told apart whether a contact is gone or may not be changed', async () => {
    service.answer(json({ status: 'error', message: 'This app has no scope', category: 'MISSING_SCOPES' }, 403));
    await expect(crm('hubspot').push(LEAD, '100')).rejects.toMatchObject({ kind: 'refused', code: 'MISSING_SCOPES' });
    expect(methods()).toEqual(['PATCH']);
  });

  test('has the deals of a contact read once, and makes none that is there', async () => {
    const portal = hubSpotPortal();
    service.answer(portal.answer);
    portal.contacts.push({ id: '100', properties: {}, associations: [] });
    const first = await crm('hubspot').createJob('100');
    expect(await crm('hubspot').createJob('100')).toEqual(first);
    expect(portal.deals).toHaveLength(1);
  });
});

describe('a CRM of one’s own', () => {
  test('sees the same key for the same content, and another when the lead has changed', async () => {
    const own = ownCrm();
    service.answer(own.answer);
    await crm('http-crm').push(LEAD);
    await crm('http-crm').push(LEAD);
    expect(own.keys.size).toBe(1);
    await crm('http-crm').push({ ...LEAD, name: 'Sarah Jones' }, 'own_1');
    expect(own.keys.size).toBe(2);
    expect(own.kept.size).toBe(1);
  });

  test('may answer an update without the id', async () => {
    service.answer(json({}));
    expect(await crm('http-crm').push(LEAD, 'own_1')).toEqual({ externalId: 'own_1' });
    await expect(crm('http-crm').push(LEAD)).rejects.toMatchObject({ kind: 'garbage' });
  });

  test('may number its records beyond what JavaScript counts exactly', async () => {
    service.answer({ body: '{"id":90071992547409931234}' });
    expect(await crm('http-crm').push(LEAD)).toEqual({ externalId: '90071992547409931234' });
  });
});
