import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  addLead,
  claimsOf,
  failure,
  makeOrganization,
  makeWorkspaceKey,
  NO_SUCH_ID,
  untilBlocked,
} from './fixtures.ts';

let db: TestDatabase;
let top: string;
let north: string;
let stranger: string;

beforeAll(async () => {
  db = await createDatabase();
  top = await makeOrganization(db, 'Top');
  north = await makeOrganization(db, 'North', top);
  stranger = await makeOrganization(db, 'Stranger');
});
afterAll(() => db.drop());

const history = async (lead: string) =>
  (
    await db.admin.query(
      'select organization_id, destination, metadata, handed_off_at from app.lead_handoffs where lead_id = $1 order by handed_off_at, id',
      [lead],
    )
  ).rows;
const HAND_OFF =
  'select handed_off_at, handoff_destination, handoff_metadata, updated_at from app.hand_off_lead($1, $2, $3)';

describe('the history', () => {
  test('follows from every change of the lead, also one made in psql', async () => {
    const lead = await addLead(db, north);
    const change = (set: string) => db.admin.query(`update app.leads set ${set} where id = $1`, [lead]);
    await change("handed_off_at = '2026-05-01', handoff_destination = 'krew'");
    await change("handed_off_at = '2026-05-02'");
    await change('handoff_metadata = \'{"a": 1}\'');
    await change("notes = 'nothing of it'");
    await change("handed_off_at = '2026-05-02'");
    await change('handed_off_at = null, handoff_destination = null, handoff_metadata = null');
    await change("handed_off_at = '2026-05-03'");
    expect(await history(lead)).toMatchObject([
      { organization_id: north, destination: 'krew', metadata: null, handed_off_at: new Date('2026-05-01T00:00:00Z') },
      { destination: 'krew', metadata: null, handed_off_at: new Date('2026-05-02T00:00:00Z') },
      { destination: 'krew', metadata: { a: 1 }, handed_off_at: new Date('2026-05-02T00:00:00Z') },
      { destination: 'unknown', metadata: null, handed_off_at: new Date('2026-05-03T00:00:00Z') },
    ]);
  });

  test('cannot be written, by whichever role', async () => {
    for (const role of ['tenant', 'workspace'] as const) {
      for (const statement of [
        `insert into app.lead_handoffs (organization_id, lead_id, destination, handed_off_at) values ('${north}', '${NO_SUCH_ID}', 'x', now())`,
        "update app.lead_handoffs set destination = 'x'",
        'delete from app.lead_handoffs',
        "update app.leads set handoff_destination = 'x'",
        "insert into app.leads (name, handed_off_at) values ('x', now())",
      ]) {
        expect(await failure(db.as(role, claimsOf(north), statement)), statement).toMatchObject({ code: '42501' });
      }
    }
  });

  test('goes with its lead', async () => {
    const lead = await addLead(db, north);
    await db.as('tenant', claimsOf(north), HAND_OFF, [lead, 'krew', null]);
    await db.admin.query('delete from app.leads where id = $1', [lead]);
    expect(await history(lead)).toEqual([]);
  });
});

describe('a hand-off', () => {
  test('that is the same again returns the lead as it is, though another waits for it', async () => {
    const lead = await addLead(db, north);
    const [first, second] = [await db.admin.connect(), await db.admin.connect()];
    try {
      for (const client of [first, second]) {
        await client.query('begin; set local role tenant');
        await client.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claimsOf(north))]);
      }
      const { rows: one } = await first.query(HAND_OFF, [lead, 'krew', '{}']);
      const { rows } = await second.query('select pg_backend_pid() as pid');
      const waiting = second.query(HAND_OFF, [lead, 'krew', '{}']);
      await untilBlocked(db, rows[0].pid);
      await first.query('commit');
      expect((await waiting).rows).toEqual(one);
      await second.query('commit');
    } finally {
      first.release();
      second.release();
    }
    expect(await history(lead)).toHaveLength(1);
  });

  test('needs the scope, and reaches the lead', async () => {
    const lead = await addLead(db, north);
    const attempt = (role: string, claims: object, id = lead) => db.as(role, claims, HAND_OFF, [id, 'krew', null]);
    const refused = { code: 'PT403', message: 'The API key lacks the scope leads.handoff.' };
    expect(await failure(attempt('tenant', claimsOf(north, { scopes: ['leads.read', 'leads.write'] })))).toMatchObject(
      refused,
    );
    const key = await makeWorkspaceKey(db, top);
    const workspace = (more: object = {}) => claimsOf(top, { reach: 'workspace', key_id: key, ...more });
    expect(await failure(attempt('workspace', workspace({ scopes: ['leads.write'] })))).toMatchObject(refused);

    for (const [role, claims] of [
      ['tenant', claimsOf(stranger)],
      ['tenant', claimsOf(top)],
      ['workspace', claimsOf(stranger, { reach: 'workspace', key_id: await makeWorkspaceKey(db, stranger) })],
    ] as const) {
      expect(await failure(attempt(role, claims))).toMatchObject({ code: 'PT404' });
    }
    expect(await failure(attempt('tenant', claimsOf(north), NO_SUCH_ID))).toMatchObject({ code: 'PT404' });
    expect(await history(lead)).toEqual([]);

    await attempt('workspace', workspace({ scopes: ['leads.handoff'] }));
    expect(await history(lead)).toMatchObject([{ organization_id: north, destination: 'krew' }]);
  });

  test('under a grant is refused: a parent only reads', async () => {
    const lead = await addLead(db, north);
    await db.admin.query(
      "insert into app.grants (organization_id, parent_organization_id, scopes) values ($1, $2, '{leads.read}')",
      [north, top],
    );
    const claims = claimsOf(top, { target_organization_id: north });
    expect(await failure(db.as('tenant', claims, HAND_OFF, [lead, 'krew', null]))).toMatchObject({ code: 'PT403' });
  });

  test.each([
    ['no destination', null, '{}'],
    ['an empty destination', '', '{}'],
    ['a blank destination', ' \n', '{}'],
    ['too long a destination', 'x'.repeat(201), '{}'],
    ['a list as metadata', 'krew', '[]'],
  ])('with %s is refused', async (_what, destination, metadata) => {
    const lead = await addLead(db, north);
    expect(await failure(db.as('tenant', claimsOf(north), HAND_OFF, [lead, destination, metadata]))).toMatchObject({
      code: expect.stringMatching(/^(23514|PT400)$/),
    });
    expect(await history(lead)).toEqual([]);
  });
});
