import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeKey, makeOrganization, NO_SUCH_ID, sha256, until } from './fixtures.ts';

let db: TestDatabase;
let parent: string;
let child: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  parent = await makeOrganization(db, 'Parent');
  child = await makeOrganization(db, 'Child', parent);
});
afterAll(() => db.drop());

const as = (organization: string, text: string, values: unknown[] = []) =>
  db.as('tenant', claimsOf(organization), text, values);

describe('settings', () => {
  const set = async (settings: unknown, organization = child) =>
    (
      await as(organization, 'select (app.update_organization($1, null, null, $2)).settings', [
        child,
        JSON.stringify(settings),
      ])
    )[0]?.settings;

  test('are merged: what is not named stays, toggles by name, a null removes', async () => {
    await set({ timezone: 'America/New_York', integrations: { callrail: true, jobnimbus: false } });
    expect(await set({ default_locale: 'en-US', integrations: { jobnimbus: true } })).toEqual({
      timezone: 'America/New_York',
      default_locale: 'en-US',
      integrations: { callrail: true, jobnimbus: true },
    });
    expect(await set({ timezone: null, integrations: { callrail: null } })).toEqual({
      default_locale: 'en-US',
      integrations: { jobnimbus: true },
    });
    expect(await set({})).toMatchObject({ default_locale: 'en-US' });
  });

  test.each([
    [
      'an unknown setting',
      { theme: 'dark' },
      'settings.theme',
      'unknown setting; known are default_locale, integrations, timezone',
    ],
    [
      'an unknown time zone',
      { timezone: 'Mars/Olympus' },
      'settings.timezone',
      'must be an IANA time zone name, e.g. America/New_York',
    ],
    [
      'a time zone that is no text',
      { timezone: 5 },
      'settings.timezone',
      'must be an IANA time zone name, e.g. America/New_York',
    ],
    [
      'a locale that is no tag',
      { default_locale: 'english' },
      'settings.default_locale',
      'must be a BCP 47 language tag, e.g. en-US',
    ],
    [
      'a toggle that is no boolean',
      { integrations: { callrail: 'yes' } },
      'settings.integrations',
      'must be an object of integration names and true or false',
    ],
    [
      'toggles that are no object',
      { integrations: true },
      'settings.integrations',
      'must be an object of integration names and true or false',
    ],
  ])('refuse %s', async (_, settings, field, reason) => {
    expect(await failure(set(settings))).toMatchObject({
      code: 'PT400',
      hint: 'invalid_request',
      detail: { field, reason },
    });
  });

  test('refuse the same in psql', async () => {
    const typo = db.admin.query(`update app.organizations set settings = '{"timezon": "UTC"}' where id = $1`, [child]);
    expect(await failure(typo)).toMatchObject({ code: 'PT400' });
  });

  test('are changed by the organization and by its parent, by nobody else', async () => {
    expect(await set({ default_locale: 'fr-CA' }, parent)).toEqual({ default_locale: 'fr-CA' });
    const stranger = await makeOrganization(db);
    expect(await failure(set({ default_locale: 'de' }, stranger))).toMatchObject({ code: 'PT404' });
    expect(await failure(as(child, "select app.update_organization($1, 'x', null, null)", [parent]))).toMatchObject({
      code: 'PT404',
    });
  });
});

test('a parent sees its children, a child itself alone', async () => {
  expect((await as(parent, 'select id from api.organizations order by id')).map((row) => row.id)).toEqual(
    [parent, child].sort(),
  );
  expect(await as(child, 'select id from api.organizations')).toEqual([{ id: child }]);
});

test('an organization is not its own parent', async () => {
  expect(
    await failure(db.admin.query('update app.organizations set parent_organization_id = id where id = $1', [child])),
  ).toMatchObject({ code: '23514' });
});

test.each([
  ['PuroClean of West Cobb', 'puroclean-of-west-cobb'],
  ['  --Ünïcode & Söhne--  ', 'n-code-s-hne'],
  ['株式会社', 'organization'],
])('the slug of %s is %s', async (name, slug) => {
  const { rows } = await db.admin.query('select app.slug($1) as slug', [name]);
  expect(rows).toEqual([{ slug }]);
});

describe('a child is created by its parent, with an invitation', () => {
  const create = (claims: object | null = claimsOf(parent), email = 'ann@example.com', token: string = randomUUID()) =>
    db.as(
      'tenant',
      claims,
      `select (organization).id, (organization).parent_organization_id as parent, (organization).slug, (invitation).expires_at, $2::text as token
         from app.create_child_organization('West Cobb', 'restoration', '{"default_locale": "en-US"}', $1, sha256($2::bytea))`,
      [email, token],
    );

  test('that works for seven days', async () => {
    const [made] = await create();
    expect(made).toMatchObject({ parent, slug: 'west-cobb' });
    const { rows } = await db.admin.query(
      "select expires_at - created_at = '7 days' as week from app.invitations where organization_id = $1",
      [made?.id],
    );
    expect(rows).toEqual([{ week: true }]);
  });

  test('only with an admin key, and never without claims', async () => {
    expect(await failure(create(claimsOf(parent, { scopes: ['organizations.read'] })))).toMatchObject({
      code: 'PT403',
    });
    expect(await failure(create(null))).toMatchObject({ code: 'PT401' });
  });

  test('to an email address', async () => {
    expect(await failure(create(claimsOf(parent), 'nobody'))).toMatchObject({ code: '23514' });
    expect(await as(parent, "select from api.organizations where name = 'West Cobb'")).toEqual([]);
  });

  const anon = (text: string, values: unknown[]) => db.as('anon', null, text, values);
  const accept = (token: string) =>
    anon('select * from app.accept_invitation(sha256($1::bytea), $2, $3)', [
      token,
      sha256(randomUUID()),
      'eal_live_abcd',
    ]);
  const show = async (token: string) =>
    (await anon('select * from app.show_invitation(sha256($1::bytea))', [token]))[0];

  test('opening the link shows the organization, accepting it makes the first admin key, once', async () => {
    const [made] = await create();
    expect(await show(made?.token)).toMatchObject({
      organization_name: 'West Cobb',
      email: 'ann@example.com',
      state: 'open',
    });
    const [key] = await accept(made?.token);
    expect(key).toMatchObject({ organization_id: made?.id, organization_name: 'West Cobb' });
    const { rows } = await db.admin.query('select contract, scopes from app.api_keys where id = $1', [key?.key_id]);
    expect(rows).toEqual([{ contract: 'eal', scopes: ['admin', 'read', 'write'] }]);
    expect(await show(made?.token)).toMatchObject({ state: 'accepted' });
    expect(await failure(accept(made?.token))).toMatchObject({ code: 'PT409', hint: 'conflict' });
  });

  test('of many who accept at once one gets the key', async () => {
    const [made] = await create();
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => accept(made?.token)));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    const { rows } = await db.admin.query('select count(*) from app.api_keys where organization_id = $1', [made?.id]);
    expect(rows).toEqual([{ count: '1' }]);
  });

  test('an expired link, and one that never was, make nothing', async () => {
    const [made] = await create();
    await db.admin.query(
      "update app.invitations set expires_at = now() - interval '1 second' where organization_id = $1",
      [made?.id],
    );
    expect(await show(made?.token)).toMatchObject({ state: 'expired' });
    expect(await failure(accept(made?.token))).toMatchObject({ code: 'PT410', hint: 'gone' });
    expect(await show('no such token')).toBeUndefined();
    expect(await failure(accept('no such token'))).toMatchObject({ code: 'PT404' });
  });
});

describe('a grant', () => {
  const give = (by: string, to: string, scopes = ['leads.read'], expiry: string | null = null) =>
    as(by, 'select * from app.give_grant($1, $2, $3, $4)', [child, to, scopes, expiry]);

  test('is given by the child itself to its parent', async () => {
    const [given] = await give(child, parent, ['leads.read', 'audit_log.read', 'leads.read'], '2099-01-01');
    expect(given).toMatchObject({
      organization_id: child,
      parent_organization_id: parent,
      scopes: ['leads.read', 'audit_log.read'],
    });
  });

  test('is not given by the parent, nor by a stranger', async () => {
    expect(await failure(give(parent, parent))).toMatchObject({ code: 'PT403', hint: 'forbidden' });
    expect(await failure(give(await makeOrganization(db), parent))).toMatchObject({ code: 'PT404', hint: 'not_found' });
  });

  test('is not given to another than the parent, not even in psql', async () => {
    const stranger = await makeOrganization(db);
    expect(await failure(give(child, stranger))).toMatchObject({
      code: 'PT400',
      detail: { field: 'parent_organization_id' },
    });
    const byHand = db.admin.query(
      "insert into app.grants (organization_id, parent_organization_id, scopes) values ($1, $2, '{leads.read}')",
      [child, stranger],
    );
    expect(await failure(byHand)).toMatchObject({ code: '23503' });
  });

  test('is not given for what is over, for nothing, or for more than reading', async () => {
    expect(await failure(give(child, parent, ['leads.read'], '2020-01-01'))).toMatchObject({
      code: 'PT400',
      detail: { field: 'expires_at' },
    });
    expect(await failure(give(child, parent, []))).toMatchObject({ code: '23514' });
    expect(await failure(give(child, parent, ['leads.write']))).toMatchObject({ code: '23514' });
  });

  test('is ended by the child at once, and only by it', async () => {
    const [given] = await give(child, parent);
    const revoke = (by: string) => as(by, 'select (app.revoke_grant($1, $2)).revoked_at', [child, given?.id]);
    expect(await failure(revoke(parent))).toMatchObject({ code: 'PT404' });
    const target = claimsOf(parent, { target_organization_id: child });
    expect(await db.as('tenant', target, 'select from api.leads')).toEqual([]);
    expect((await revoke(child))[0]?.revoked_at).toBeInstanceOf(Date);
    expect(await failure(db.as('tenant', target, 'select from api.leads'))).toMatchObject({ code: 'PT404' });
    expect(await failure(revoke(child))).toMatchObject({ code: 'PT404' });
  });

  test('the list of children shows the scopes in force', async () => {
    const shown = async () =>
      (
        await as(parent, 'select eal.child_organization(o)::text as json from app.organizations o where id = $1', [
          child,
        ])
      ).map((row) => JSON.parse(row.json).grants)[0];
    expect(await shown()).toEqual([]);
    await give(child, parent, ['audit_log.read', 'leads.read']);
    await give(child, parent, ['calls.read'], '2099-01-01');
    expect(await shown()).toEqual(['leads.read', 'calls.read', 'audit_log.read']);
    await db.admin.query(
      "update app.grants set expires_at = '2020-01-01' where organization_id = $1 and expires_at is not null",
      [child],
    );
    expect(await shown()).toEqual(['leads.read', 'audit_log.read']);
  });
});

describe('an API key', () => {
  const create = (scopes: string[], more: { contract?: string; expiry?: string; claims?: object } = {}) =>
    db.as(
      'tenant',
      more.claims ?? claimsOf(child),
      "select * from app.create_key($1, 'live', 'CRM', $2, 'eal_live_abcd', $3, $4)",
      [more.contract ?? 'eal', sha256(randomUUID()), scopes, more.expiry ?? null],
    );

  test('is made for the calling organization', async () => {
    const [key] = await create(['write', 'read', 'read']);
    expect(key).toMatchObject({
      organization_id: child,
      contract: 'eal',
      environment: 'live',
      scopes: ['write', 'read'],
      revoked_at: null,
    });
  });

  test('only by an admin key, and not with scopes of another contract, nor expired', async () => {
    expect(await failure(create(['read'], { claims: claimsOf(child, { scopes: ['api_keys.read'] }) }))).toMatchObject({
      code: 'PT403',
    });
    expect(await failure(create(['leads:read']))).toMatchObject({ code: '23514' });
    expect(await failure(create([], { contract: 'ai93' }))).toMatchObject({ code: '23514' });
    expect(await failure(create(['read'], { expiry: '2020-01-01' }))).toMatchObject({
      code: 'PT400',
      detail: { field: 'expires_at' },
    });
  });

  test('is found by its hash, in force or not, by the gateway alone', async () => {
    const hash = sha256(randomUUID());
    await as(child, "select app.create_key('eal', 'test', 'CRM', $1, 'eal_test_abcd', '{read}', null)", [hash]);
    const found = await db.as('gateway', null, 'select * from app.authenticate($1)', [hash]);
    expect(found).toMatchObject([{ organization_id: child, contract: 'eal', environment: 'test', scopes: ['read'] }]);
    expect(await db.as('gateway', null, 'select * from app.authenticate($1)', [sha256('none')])).toEqual([]);
    expect(await failure(db.as('tenant', claimsOf(child), 'select * from app.authenticate($1)', [hash]))).toMatchObject(
      { code: '42501' },
    );
  });

  const rotate = async (id: string, overlap: string) =>
    (
      await as(child, "select * from app.rotate_key($1, $2, 'eal_live_new1', $3)", [id, sha256(randomUUID()), overlap])
    )[0];
  const read = (id: string) => db.as('tenant', claimsOf(child, { key_id: id }), 'select from api.organizations');

  test('is rotated: the new one has its rights, the old one works for the overlap', async () => {
    const [key] = await create(['read', 'write']);
    const fresh = await rotate(key?.id, '1 day');
    expect(fresh).toMatchObject({ scopes: ['read', 'write'], name: 'CRM', rotated_from: key?.id });
    await read(key?.id);
    await read(fresh?.id);
    const { rows } = await db.admin.query(
      "select expires_at between now() + interval '23 hours' and now() + interval '1 day' as day from app.api_keys where id = $1",
      [key?.id],
    );
    expect(rows).toEqual([{ day: true }]);
  });

  test('rotated without overlap stops at once', async () => {
    const [key] = await create(['read']);
    await rotate(key?.id, '0');
    expect(await failure(read(key?.id))).toMatchObject({ code: 'PT401' });
    expect(await failure(rotate(key?.id, '1 day'))).toMatchObject({ code: 'PT404' });
  });

  test('revoked stops at once, and gateways are told', async () => {
    const hash = sha256(randomUUID());
    const [key] = await as(
      child,
      "select (app.create_key('eal', 'live', 'CRM', $1, 'eal_live_abcd', '{read}', null)).id",
      [hash],
    );
    const gateway = await db.admin.connect();
    const told: string[] = [];
    gateway.on('notification', (notice) => told.push(notice.payload ?? ''));
    try {
      await gateway.query('listen trunkline_keys');
      await as(child, 'select app.revoke_key($1)', [key?.id]);
      await until(async () => told.length > 0);
      expect(told).toEqual([hash.toString('hex')]);
    } finally {
      await gateway.query('unlisten *');
      gateway.release();
    }
    expect(await failure(read(key?.id))).toMatchObject({ code: 'PT401' });
    expect(await failure(as(child, 'select app.revoke_key($1)', [key?.id]))).toMatchObject({ code: 'PT404' });
  });

  test('is seen and stopped by its own organization only', async () => {
    const id = await makeKey(db, child);
    expect(await failure(as(parent, 'select app.revoke_key($1)', [id]))).toMatchObject({ code: 'PT404' });
    expect(await failure(as(parent, 'select app.revoke_key($1)', [NO_SUCH_ID]))).toMatchObject({ code: 'PT404' });
  });

  test('when it was last seen only moves forward', async () => {
    const id = await makeKey(db, child);
    const note = (at: string) =>
      db.as('gateway', null, 'select app.note_key_uses($1)', [
        JSON.stringify([{ organization_id: child, key_id: id, at }]),
      ]);
    await note('2026-01-02T00:00:00Z');
    await note('2026-01-01T00:00:00Z');
    const { rows } = await db.admin.query('select last_used_at from app.api_keys where id = $1', [id]);
    expect(rows[0].last_used_at.toISOString()).toBe('2026-01-02T00:00:00.000Z');
  });
});
