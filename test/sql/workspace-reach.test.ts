import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  claimsOf,
  failure,
  fillBusiness,
  makeKey,
  makeOrganization,
  makeWorkspaceKey,
  NO_SUCH_ID,
  sha256,
} from './fixtures.ts';

// Who reaches a whole workspace: a key whose own row says so, which only the operator makes.

let db: TestDatabase;
let top: string;
let north: string;
let stranger: string;
let key: string;

const workspaceClaims = (more: object = {}) => claimsOf(top, { reach: 'workspace', key_id: key, ...more });
const TABLES = ['app.leads', 'app.lead_replies', 'app.lead_handoffs', 'app.scraper_runs'].flatMap((name) => [
  name,
  name.replace('app.', 'api.'),
]);

beforeAll(async () => {
  db = await createDatabase();
  top = await makeOrganization(db, 'Top');
  north = await makeOrganization(db, 'North', top);
  stranger = await makeOrganization(db, 'Stranger');
  key = await makeWorkspaceKey(db, top);
  for (const organization of [top, north]) await fillBusiness(db, organization);
});
afterAll(() => db.drop());

describe('the reach of a workspace', () => {
  const read = 'select from app.leads';

  test('is not had by saying so: the key’s own row must have it', async () => {
    for (const locked of [await makeKey(db, top), await makeWorkspaceKey(db, top, 'organization')]) {
      const claims = workspaceClaims({ key_id: locked });
      for (const name of TABLES) {
        expect(await failure(db.as('workspace', claims, `select from ${name}`)), name).toMatchObject({
          code: 'PT403',
          message: 'The API key is locked to one business.',
        });
      }
      const handOff = "select from app.hand_off_lead($1, 'krew', null)";
      expect(await failure(db.as('workspace', claims, handOff, [NO_SUCH_ID]))).toMatchObject({ code: 'PT403' });
      const find = "select from app.find_leads('a', null, null, null, null, null, null, 10)";
      expect(await failure(db.as('workspace', claims, find))).toMatchObject({ code: 'PT403' });
    }
  });

  test('is not had without the claim, nor with another organization’s key', async () => {
    const { reach: _, ...silent } = workspaceClaims() as { reach: string };
    expect(await failure(db.as('workspace', silent, read))).toMatchObject({ code: 'PT403' });
    const foreign = workspaceClaims({ key_id: await makeWorkspaceKey(db, stranger) });
    expect(await failure(db.as('workspace', foreign, read))).toMatchObject({ code: 'PT401' });
    expect(await failure(db.as('workspace', workspaceClaims({ key_id: NO_SUCH_ID }), read))).toMatchObject({
      code: 'PT401',
    });
  });

  test('needs the scope as everything does', async () => {
    const claims = workspaceClaims({ scopes: ['sources.read'] });
    expect(await failure(db.as('workspace', claims, read))).toMatchObject({ code: 'PT403' });
    expect(await db.as('workspace', claims, 'select from app.scraper_runs')).toHaveLength(2);
    const reader = workspaceClaims({ scopes: ['leads.read'] });
    for (const change of [
      "update app.leads set notes = 'x'",
      "insert into app.leads (name) values ('x')",
      `insert into app.lead_replies (lead_id, message) select id, 'x' from app.leads limit 1`,
      `select app.hand_off_lead('${NO_SUCH_ID}', 'krew', null)`,
    ]) {
      expect(await failure(db.as('workspace', reader, change)), change).toMatchObject({ code: 'PT403' });
    }
  });

  test('ends at once when the key is revoked or expires', async () => {
    for (const end of ['revoked_at = now()', "expires_at = now() - interval '1 ms'"]) {
      const doomed = workspaceClaims({ key_id: await makeWorkspaceKey(db, top) }) as { key_id: string };
      expect(await db.as('workspace', doomed, read)).not.toEqual([]);
      await db.admin.query(`update app.api_keys set ${end} where id = $1`, [doomed.key_id]);
      for (const statement of [read, "update app.leads set notes = 'x'", 'select from api.lead_pipeline']) {
        expect(await failure(db.as('workspace', doomed, statement)), statement).toMatchObject({ code: 'PT401' });
      }
    }
  });

  test('is the operator’s to give, and only to the top', async () => {
    const create = (organization: string, reach: string, claims: object = {}) =>
      db.as(
        'tenant',
        claimsOf(organization, claims),
        `select reach from app.create_key('ai93', 'live', 'x', $1, 'ai93_live_x', '{leads:read}', null, reach => $2)`,
        [sha256(randomUUID()), reach],
      );
    expect(await create(top, 'workspace')).toEqual([{ reach: 'workspace' }]);
    expect(await create(north, 'organization')).toEqual([{ reach: 'organization' }]);
    expect(await failure(create(north, 'workspace'))).toMatchObject({ code: 'PT400', detail: { field: 'reach' } });
    expect(await failure(create(top, 'workspace', { key_id: await makeKey(db, top) }))).toMatchObject({
      code: 'PT403',
    });
    expect(await failure(create(top, 'everything'))).toMatchObject({ code: '23514' });

    const rotate = (claims: object) =>
      db.as('tenant', claimsOf(top, claims), "select reach from app.rotate_key($1, $2, 'ai93_live_x', '1 hour')", [
        key,
        sha256(randomUUID()),
      ]);
    expect(await failure(rotate({ key_id: await makeKey(db, top) }))).toMatchObject({ code: 'PT403' });
    expect(await rotate({})).toEqual([{ reach: 'workspace' }]);
    // the tests go on with it
    await db.admin.query('update app.api_keys set expires_at = null where id = $1', [key]);
  });

  test('of a webhook endpoint is the operator’s too, and only AI93 has it', async () => {
    const register = (organization: string, contract = 'ai93', claims: object = {}) =>
      db.as(
        'tenant',
        claimsOf(organization, claims),
        `select (endpoint).reach from app.register_webhook($1, $2, '{lead.created}', null, null, uuidv7(), 'x', 'whsec_x', 'workspace')`,
        [contract, `https://example.com/${randomUUID()}`],
      );
    expect(await register(top)).toEqual([{ reach: 'workspace' }]);
    expect(await failure(register(north))).toMatchObject({ code: 'PT400', detail: { field: 'reach' } });
    expect(await failure(register(top, 'ai93', { key_id: key }))).toMatchObject({ code: 'PT403' });
    expect(await failure(register(top, 'eal'))).toMatchObject({ code: '23514' });
  });
});
