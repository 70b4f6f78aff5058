import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Contract, Route } from '../../src/contracts/contract.ts';
import { contracts } from '../../src/contracts/registry.ts';
import { type Api, type Caller, expectError, expectErrorOf, startApi } from '../support/api.ts';
import { type Family, foundFamily } from './family.ts';
import { CASES, type Case, label, pathOf, rowsOf, sendCase } from './isolation-cases.ts';

// Every endpoint of every contract, every id of another tenant: 404, and no trace. A route without a case fails the first test.

let api: Api;
let family: Family;
let one: Caller;
let child: Caller;
let theirs: Record<string, string>;

beforeAll(async () => {
  api = await startApi();
  family = await foundFamily(api);
  ({ one, child } = family);
  theirs = family.theirs.eal;
});
afterAll(() => api.stop());

/** Strangers to the family, by the contract of their key. */
const STRANGERS: Record<string, ('one' | 'locked' | 'workspace')[]> = { eal: ['one'], ai93: ['locked', 'workspace'] };

const routes = contracts.flatMap((contract) =>
  contract.routes.map((route): [string, Contract, Route] => [label(contract, route), contract, route]),
);
const asked = routes.flatMap(([name, contract, route]) =>
  (STRANGERS[contract.name] ?? []).map((who): [string, string, 'one' | 'locked' | 'workspace', Contract, Route] => [
    name,
    who === 'one' ? 'a key of another organization' : `a ${who} key of another organization`,
    who,
    contract,
    route,
  ]),
);

test('every route of every contract has its case', () => {
  expect(Object.keys(CASES).sort()).toEqual(routes.map(([name]) => name).sort());
});

test.each(asked)('%s: %s finds nothing, and leaves no trace', async (name, _key, who, contract, route) => {
  const { status, query } = CASES[name] as Case;
  const ids = family.theirs[contract.name as 'eal'];
  const all = [family.child, family.parent, family.sibling].map(({ organizationId }) => organizationId);
  const before = await rowsOf(api.db, ...all);
  const reply = await sendCase(api, family, contract, route, family[who], ids, query?.(family));
  expect(reply.status).toBe(status);
  if (status >= 400) expectErrorOf(contract.name, reply, status, status === 404 ? 'not_found' : 'forbidden');
  const { vendor: _everybodys, ...eal } = family.theirs.eal;
  for (const id of [...Object.values(eal), ...Object.values(family.theirs.ai93)]) {
    // the refusal may say back what was asked for, nothing else
    expect(reply.text.replaceAll(pathOf(route, ids), '')).not.toContain(id);
  }
  expect(reply.text).not.toMatch(/Secret|secret@/);
  expect(await rowsOf(api.db, ...all)).toBe(before);
});

test.each(asked.filter(([name, , , , route]) => route.path.includes('{') && CASES[name]?.status === 404))(
  '%s: %s cannot tell an id of another tenant from one that does not exist',
  async (name, _key, who, contract, route) => {
    const ids = family.theirs[contract.name as 'eal'];
    const nobody = Object.fromEntries(
      Object.entries(ids).map(([kind, id]) => [
        kind,
        kind === 'vendor'
          ? id
          : /^[a-z]+_/.test(id)
            ? `${id.split('_')[0]}_${'0'.repeat(25)}1`
            : `00000000-0000-4000-8000${id.slice(23)}`,
      ]),
    );
    const { query } = CASES[name] as Case;
    const real = await sendCase(api, family, contract, route, family[who], ids, query?.(family));
    const none = await sendCase(api, family, contract, route, family[who], nobody, query?.(family));
    expect([none.status, none.text]).toEqual([real.status, real.text]);
  },
);

describe('a stranger', () => {
  test('registers an address that another tenant has, for itself', async () => {
    const mine = await one.post('/webhooks', { url: 'https://hooks.example.com/theirs', events: ['lead.created'] });
    expect(mine.body.id).not.toBe(theirs.webhooks);
    expect((await child.get(`/webhooks/${theirs.webhooks}`)).body.events).toEqual(['lead.created', 'audit.log.event']);
  });

  test('does not read deliveries of another contract’s webhook of its own organization', async () => {
    const path = `/webhooks/${theirs.webhooks}/deliveries/${theirs.delivery_id}`;
    expect((await child.get(path)).status).toBe(200);
    const become = (contract: string, events: string) =>
      api.db.admin.query('update app.webhook_endpoints set contract = $2, events = $3 where id = $1', [
        theirs.webhooks,
        contract,
        events,
      ]);
    await become('ai93', '{lead.created}');
    const reply = await child.get(path);
    await become('eal', '{lead.created,audit.log.event}');
    expectError(reply, 404, 'not_found');
  });

  test('cannot mix its own ids with another tenant’s', async () => {
    const { body: mine } = await one.post('/webhooks', {
      url: 'https://hooks.example.com/mine',
      events: ['lead.created'],
    });
    for (const path of [`/webhooks/${mine.id}/deliveries/${theirs.delivery_id}`]) {
      expectError(await one.get(path), 404, 'not_found');
      expectError(await one.post(`${path}/retry`), 404, 'not_found');
    }
    expectError(await one.delete(`/organizations/${one.organizationId}/grants/${theirs.grant_id}`), 404, 'not_found');
  });

  test('does not page through another tenant’s rows with its cursor', async () => {
    await child.post('/leads', { email: 'second@example.com' });
    const { body } = await child.get('/leads?limit=1');
    const page = await one.get(`/leads?cursor=${body.next_cursor}`);
    expect(page.text).not.toContain(child.organizationId);
  });

  test('does not name another organization in a header or a body', async () => {
    const headers = { 'x-organization-id': child.organizationId };
    expect((await one.get('/organizations/me', headers)).body.id).toBe(one.organizationId);
    expect((await one.get('/leads', headers)).text).not.toContain(child.organizationId);
    expect((await one.post('/leads', { email: 'a@example.com' }, headers)).body.organization_id).toBe(
      one.organizationId,
    );
    expectError(
      await one.post('/leads', { email: 'a@example.com', organization_id: child.organizationId }),
      400,
      'invalid_request',
      { field: 'organization_id' },
    );
  });
});
