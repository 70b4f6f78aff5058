import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, claimsOf, failure, makeKey, makeOrganization, NO_SUCH_ID, untilBlocked } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
let other: string;

beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
  other = await makeOrganization(db, 'Other');
});
afterAll(() => db.drop());

const asTenant = <Row extends pg.QueryResultRow>(
  text: string,
  values: unknown[] = [],
  claims = claimsOf(organization),
) => db.as<Row>('tenant', claims, text, values);

async function beginRun(owner = organization): Promise<string> {
  const [run] = await asTenant(
    "insert into app.scraper_runs (source) values ('list') returning id",
    [],
    claimsOf(owner),
  );
  return run?.id;
}

const IMPORT = 'select * from app.import_leads($1, $2, $3)';

/** What came of each row: created | updated | unchanged, or "rejected field: reason". */
async function outcomes(rows: unknown[], more: { run?: string; first?: number } = {}): Promise<string[]> {
  const results = await asTenant(IMPORT, [more.run ?? (await beginRun()), more.first ?? 0, JSON.stringify(rows)]);
  return results.map(({ outcome, field, reason }) => (field === null ? outcome : `${outcome} ${field}: ${reason}`));
}

async function leadsOf(owner: string, columns: string): Promise<Record<string, unknown>[]> {
  const { rows } = await db.admin.query(
    `select ${columns} from app.leads where organization_id = $1 order by created_at, id`,
    [owner],
  );
  return rows;
}

describe('who a lead is', () => {
  test('its id at the source comes before its email, and its email before its phone', async () => {
    expect(
      await outcomes([
        { source: 's', external_id: '1', email: 'a@example.com' },
        { source: 's', external_id: '2', email: 'b@example.com', phone: '+44 20 7946 0000' },
        { source: 's', external_id: '1', email: 'b@example.com', notes: 'by id' },
        { source: 'another', external_id: '1', email: 'B@EXAMPLE.COM', notes: 'by email, the oldest' },
        { phone: '0044 2079460000', notes: 'by phone' },
        { source: 's', external_id: '2', pipeline_stage: 'contacted' },
        { source: 's', external_id: '3' },
      ]),
    ).toEqual([
      ...['created', 'created', 'updated', 'updated', 'updated', 'updated'],
      'rejected email: a lead needs at least one of email, phone, name, company or handle',
    ]);
    expect(await leadsOf(organization, 'source, external_id, email, phone, notes, pipeline_stage')).toEqual([
      {
        ...{ source: 's', external_id: '1', email: 'b@example.com', phone: null },
        ...{ notes: 'by email, the oldest', pipeline_stage: 'new' },
      },
      {
        ...{ source: 's', external_id: '2', email: 'b@example.com', phone: '+44 20 7946 0000' },
        ...{ notes: 'by phone', pipeline_stage: 'contacted' },
      },
    ]);
  });

  test('a number that anybody could have is nobody’s', async () => {
    const rows = ['0000000000', '000-000-0000', 'ext 12', 'x12', 'n/a', 'n/a'].map((phone) => ({ name: 'x', phone }));
    expect(await outcomes(rows)).toEqual(rows.map(() => 'created'));
  });
});

describe('what a known lead learns', () => {
  const known = {
    ...{
      name: 'Ann',
      email: 'Ann@Example.com',
      phone: '(212) 555-0100',
      source: 'website',
      notes: 'old',
      lead_score: 7,
    },
    ...{ tags: ['a'], context: { size: 1, colour: 'red' }, pipeline_stage: 'qualified' },
  };
  test.each<[string, object, object | null]>([
    [
      'nothing from what is left blank',
      { email: 'ann@example.com', name: ' ', notes: '', tags: [], context: {} },
      null,
    ],
    ['nothing from another notation', { email: 'ANN@example.com', phone: '+1 212 555 0100' }, null],
    ['not another source', { email: 'ann@example.com', source: 'list', external_id: '9' }, null],
    ['its id at its source', { email: 'ann@example.com', source: 'website', external_id: '9' }, { external_id: '9' }],
    ['another number', { email: 'ann@example.com', phone: '+1 212 555 0199' }, { phone: '+1 212 555 0199' }],
    ['another address', { phone: '212-555-0100', email: 'lee@example.com' }, { email: 'lee@example.com' }],
    ['more tags, each once', { email: 'ann@example.com', tags: ['c', 'a', 'b', 'c'] }, { tags: ['a', 'c', 'b'] }],
    [
      'more context',
      { email: 'ann@example.com', context: { size: 2, shape: 'round' } },
      { context: { size: 2, colour: 'red', shape: 'round' } },
    ],
    ['no earlier stage', { email: 'ann@example.com', pipeline_stage: 'contacted' }, null],
    ['that it is lost', { email: 'ann@example.com', pipeline_stage: 'Lost' }, { pipeline_stage: 'lost' }],
    [
      'that it is won, in any word',
      { email: 'ann@example.com', pipeline_stage: ' Converted ' },
      { pipeline_stage: 'won' },
    ],
    [
      'a score, a target',
      { email: 'ann@example.com', lead_score: '70', target_type: 't' },
      { lead_score: 70, target_type: 't' },
    ],
  ])('%s', async (_name, brought, change) => {
    await outcomes([known]);
    const [before] = await leadsOf(organization, '*');
    expect(await outcomes([brought])).toEqual([change ? 'updated' : 'unchanged']);
    const [after, ...more] = await leadsOf(organization, '*');
    expect(more).toEqual([]);
    const derived = ['updated_at', 'email_key', 'phone_key', 'search_text'];
    const told = (lead: object | undefined) =>
      Object.fromEntries(Object.entries(lead ?? {}).filter(([column]) => !derived.includes(column)));
    expect(told(after)).toEqual({ ...told(before), ...change });
    expect(after?.updated_at).toEqual(change ? expect.any(Date) : before?.updated_at);
  });

  test('won stays won, and a lost one is not new again', async () => {
    await outcomes([
      { name: 'a', email: 'won@example.com', pipeline_stage: 'won' },
      { name: 'b', email: 'lost@example.com', pipeline_stage: 'lost' },
    ]);
    expect(
      await outcomes([
        { email: 'won@example.com', pipeline_stage: 'lost' },
        { email: 'lost@example.com', pipeline_stage: 'new' },
        { email: 'lost@example.com', pipeline_stage: 'won' },
      ]),
    ).toEqual(['unchanged', 'unchanged', 'updated']);
  });
});

describe('a row that is no lead', () => {
  const bad: [unknown, string][] = [
    [{ name: 'x', email: 'x' }, 'email: must be an email address'],
    [{ email: 'x@example.com', name: 'x'.repeat(201) }, 'name: 1 to 200 characters'],
    [{ name: 'x', lead_score: 'many' }, 'lead_score: must be from 0 to 100'],
    [{ name: 'x', lead_score: 101 }, 'lead_score: must be from 0 to 100'],
    [
      { name: 'x', pipeline_stage: 'hot' },
      'pipeline_stage: must be one of new, contacted, replied, qualified, won, lost',
    ],
    [{ name: 'x', external_id: '1' }, 'external_id: 1 to 255 characters, and it needs a source'],
    [{ name: 'x', tags: 'a' }, 'tags: must be a list'],
    [{ name: 'x', context: [] }, 'context: must be an object'],
    [{ name: 'x', organization_id: NO_SUCH_ID }, 'organization_id: unknown field'],
    [{ notes: 'x' }, 'email: a lead needs at least one of email, phone, name, company or handle'],
    ['x', 'lead: must be an object'],
    [null, 'lead: must be an object'],
  ];

  test('says why, and leaves the others alone', async () => {
    const run = await beginRun();
    const rows = bad.flatMap(([row], index) => [row, { name: `Good ${index}` }]);
    expect(await outcomes(rows, { run })).toEqual(bad.flatMap(([, reason]) => [`rejected ${reason}`, 'created']));
    const { rows: runs } = await db.admin.query('select * from app.scraper_runs where id = $1', [run]);
    expect(runs[0]).toMatchObject({
      ...{
        leads_found: 24,
        leads_created: 12,
        leads_updated: 0,
        leads_rejected: 12,
        rows_done: '24',
        status: 'running',
      },
    });
  });

  test('counts also when the reader could make no lead of any', async () => {
    const run = await beginRun();
    expect(await asTenant('select from app.import_leads($1, 0, $2, 3)', [run, '[]'])).toEqual([]);
    expect(await outcomes([{ name: 'x' }], { run, first: 3 })).toEqual(['created']);
    const { rows } = await db.admin.query('select * from app.scraper_runs where id = $1', [run]);
    expect(rows[0]).toMatchObject({ leads_found: 4, leads_created: 1, leads_rejected: 3, rows_done: '4' });
  });

  test('also when only what the lead has already makes it one', async () => {
    const tags = (from: number) => Array.from({ length: 60 }, (_, i) => `tag ${from + i}`);
    expect(
      await outcomes([
        { email: 'a@example.com', tags: tags(0) },
        { email: 'b@example.com' },
        { email: 'a@example.com', tags: tags(60), name: 'Ann' },
        { email: 'b@example.com', name: 'Bob' },
      ]),
    ).toEqual(['created', 'created', 'rejected tags: at most 100, none of them null', 'updated']);
    expect(await leadsOf(organization, 'name')).toEqual([{ name: null }, { name: 'Bob' }]);
  });

  test('keeps all others back where all or nothing is wanted', async () => {
    const run = await beginRun();
    const whole = (rows: unknown[], unreadable = 0) =>
      asTenant('select outcome from app.import_leads($1, 0, $2, $3, true)', [run, JSON.stringify(rows), unreadable]);
    expect(await failure(whole([{ name: 'x' }, { name: 'y', email: 'y' }]))).toMatchObject({ hint: 'rows_rejected' });
    expect(await failure(whole([{ name: 'x' }], 1))).toMatchObject({ hint: 'rows_rejected' });
    const tags = Array.from({ length: 101 }, (_, i) => `tag ${i}`);
    const twice = [50, 101].map((end, index) => ({ email: 'a@example.com', tags: tags.slice(index * 50, end) }));
    expect(await failure(whole(twice))).toMatchObject({ code: '23514' });
    expect(await leadsOf(organization, 'id')).toEqual([]);
    expect(await whole([{ name: 'x' }])).toEqual([{ outcome: 'created' }]);
  });
});

describe('who may import', () => {
  test('a key with the scope, into its own organization and its own run', async () => {
    const rows = JSON.stringify([{ name: 'x', email: 'sarah@example.com' }]);
    const lead = await addLead(db, other);
    expect(await failure(asTenant(IMPORT, [await beginRun(other), 0, rows]))).toMatchObject({ code: 'PT404' });
    expect(await failure(asTenant(IMPORT, [NO_SUCH_ID, 0, rows]))).toMatchObject({ code: 'PT404' });
    const run = await beginRun();
    const reader = claimsOf(organization, { scopes: ['leads.read', 'sources.read'] });
    expect(await failure(asTenant(IMPORT, [run, 0, rows], reader))).toMatchObject({ code: 'PT403' });
    expect(await failure(asTenant("select app.upsert_lead('{}')", [], reader))).toMatchObject({ code: 'PT403' });
    for (const role of ['tenant', 'anon', 'analyst', 'worker']) {
      expect((await failure(db.as(role, null, IMPORT, [run, 0, rows]))).code, role).toMatch(/^(PT404|42501)$/);
      const upsert = db.as(role, null, "select app.upsert_lead('{}')");
      expect((await failure(upsert)).code, role).toMatch(/^(PT401|42501)$/);
    }
    const [imported] = await asTenant(IMPORT, [run, 0, rows]);
    expect(imported).toMatchObject({ outcome: 'created' });
    expect(imported?.lead_id).not.toBe(lead);
    expect(await leadsOf(other, 'id, name')).toEqual([{ id: lead, name: 'Sarah Mitchell' }]);
  });

  test('one process: rows that are done are not done again, and a run that ended takes none', async () => {
    const run = await beginRun();
    await outcomes([{ name: 'x' }], { run });
    const again = await failure(outcomes([{ name: 'x' }], { run }));
    expect(again).toMatchObject({ code: 'PT409', message: expect.stringContaining('got to row 1, not 0') });
    await asTenant("update app.scraper_runs set status = 'succeeded' where id = $1", [run]);
    expect(await failure(outcomes([{ name: 'x' }], { run, first: 1 }))).toMatchObject({ code: 'PT404' });
    expect(await leadsOf(organization, 'name')).toEqual([{ name: 'x' }]);
  });
});

describe('one lead, as any caller tells it', () => {
  const UPSERT = 'select u.outcome, (u.lead).id, (u.lead).name from app.upsert_lead($1, $2) as u';

  test('is created, filled in, or left as it is', async () => {
    const upsert = (fields: object) => asTenant(UPSERT, [JSON.stringify(fields), null]);
    const [created] = await upsert({ email: 'ann@example.com', name: 'Ann' });
    expect(created).toMatchObject({ outcome: 'created', name: 'Ann' });
    expect(await upsert({ email: 'ANN@example.com', name: 'Ann Lee' })).toEqual([
      { outcome: 'updated', id: created?.id, name: 'Ann Lee' },
    ]);
    expect(await upsert({ email: 'ann@example.com' })).toMatchObject([{ outcome: 'unchanged', id: created?.id }]);
    expect(await failure(upsert({ email: 'ann@example.com', size: 1 }))).toMatchObject({
      code: 'PT400',
      detail: { field: 'size', reason: 'unknown field' },
    });
    expect(await failure(upsert({ email: 'ann' }))).toMatchObject({ code: '23514' });
    expect(await failure(upsert({}))).toMatchObject({ code: '23514' });
  });

  test('of any business of a workspace, and of no other', async () => {
    const child = await makeOrganization(db, 'Child', organization);
    const workspace = claimsOf(organization, { reach: 'workspace' });
    const upsert = (business: string | null) =>
      db.as('workspace', workspace, UPSERT, ['{"email": "ann@example.com"}', business]);
    expect(await upsert(child)).toMatchObject([{ outcome: 'created' }]);
    expect(await upsert(child)).toMatchObject([{ outcome: 'unchanged' }]);
    expect(await upsert(null)).toMatchObject([{ outcome: 'created' }]);
    expect(await failure(upsert(other))).toMatchObject({ code: 'PT404' });
    expect(await failure(asTenant(UPSERT, ['{"name": "x"}', child]))).toMatchObject({ code: 'PT404' });
    expect(await leadsOf(child, 'email')).toEqual([{ email: 'ann@example.com' }]);
  });

  test('is refused to a key that was revoked', async () => {
    const key = await makeKey(db, organization);
    await db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [key]);
    const claims = claimsOf(organization, { key_id: key });
    expect(await failure(asTenant(UPSERT, ['{"name": "x"}', null], claims))).toMatchObject({ code: 'PT401' });
  });
});

describe('at the same moment', () => {
  /** A session of the organization in a transaction that stays open. */
  async function session(): Promise<{ client: pg.Client; pid: number }> {
    const client = new pg.Client({ connectionString: db.url });
    await client.connect();
    await client.query('begin');
    await client.query("select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true)", [
      JSON.stringify(claimsOf(organization)),
    ]);
    const { rows } = await client.query('select pg_backend_pid() as pid');
    return { client, pid: rows[0].pid };
  }

  test('two imports make one lead of one person', async () => {
    const rows = JSON.stringify([{ email: 'ann@example.com' }]);
    const [first, second] = [await session(), await session()];
    const [one, two] = [await beginRun(), await beginRun()];
    await first.client.query(IMPORT, [one, 0, rows]);
    const waiting = second.client.query(IMPORT, [two, 0, rows]);
    await untilBlocked(db, second.pid);
    // an import into another organization does not wait
    expect(await asTenant(IMPORT, [await beginRun(other), 0, rows], claimsOf(other))).toMatchObject([
      { outcome: 'created' },
    ]);
    await first.client.query('commit');
    expect((await waiting).rows).toMatchObject([{ outcome: 'unchanged' }]);
    await second.client.query('commit');
    await first.client.end();
    await second.client.end();
    expect(await leadsOf(organization, 'email')).toEqual([{ email: 'ann@example.com' }]);
  });

  test('a change of the lead is kept, and a lead that a request makes is found by its id at the source', async () => {
    await outcomes([{ email: 'ann@example.com', tags: ['a'] }]);
    const { client, pid } = await session();
    const beside = new pg.Client({ connectionString: db.url });
    await beside.connect();
    await beside.query('begin');
    await beside.query("update app.leads set tags = '{b}', notes = 'by hand' where organization_id = $1", [
      organization,
    ]);
    await beside.query(
      "insert into app.leads (organization_id, source, external_id, name) values ($1, 's', '1', 'by a request')",
      [organization],
    );
    const rows = [
      { email: 'ann@example.com', tags: ['c'], name: 'Ann' },
      { source: 's', external_id: '1', company: 'Acme' },
    ].map((row) => ({ handle: 'h', ...row }));
    const waiting = client.query(IMPORT, [await beginRun(), 0, JSON.stringify(rows)]);
    await untilBlocked(db, pid);
    await beside.query('commit');
    expect((await waiting).rows.map(({ outcome }) => outcome)).toEqual(['updated', 'updated']);
    await client.query('commit');
    await Promise.all([client.end(), beside.end()]);
    expect(await leadsOf(organization, 'name, tags, notes, company')).toEqual([
      { name: 'Ann', tags: ['b', 'c'], notes: 'by hand', company: null },
      { name: 'by a request', tags: [], notes: null, company: 'Acme' },
    ]);
  });
});

test('a thousand rows among many leads read little more than a thousand, also into a table that was empty', async () => {
  const client = new pg.Client({ connectionString: db.url });
  await client.connect();
  const run = await beginRun();
  const row = (i: number) => ({
    name: `n ${i}`,
    email: `n${i}@example.com`,
    phone: `+1 212 555 ${i}`,
    source: 's',
    external_id: `${i}`,
  });
  const read: number[] = [];
  // statistics of yesterday, when every organization had a lead or two
  await db.admin.query('analyze app.leads');
  // one session, whose plans are kept from batch to batch; the last leads are known
  for (const [batch, [from, notes, outcome]] of (
    [
      [0, 'a', 'created'],
      [1000, 'a', 'created'],
      [2000, 'a', 'created'],
      [3000, 'a', 'created'],
      [0, 'a', 'unchanged'],
      [1000, 'b', 'updated'],
    ] as const
  ).entries()) {
    await client.query('begin');
    await client.query("select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true)", [
      JSON.stringify(claimsOf(organization)),
    ]);
    const rows = Array.from({ length: 1000 }, (_, i) => ({ ...row(from + i), notes }));
    const { rows: results } = await client.query(IMPORT, [run, batch * 1000, JSON.stringify(rows)]);
    expect(results[7]).toMatchObject({ outcome });
    await client.query('reset role');
    const { rows: tables } = await client.query(
      "select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_all_tables where relid = 'app.leads'::regclass",
    );
    read.push(tables[0].read);
    await client.query('commit');
  }
  await client.end();
  for (const rows of read) expect(rows, String(read)).toBeLessThan(5000);
});

test('a tag that is too long for the index rejects its row, not the import', async () => {
  const long = Array.from({ length: 400 }, () => crypto.randomUUID()).join('');
  const rows = [
    { name: 'Long', tags: [long] },
    { name: 'Short', tags: ['a'] },
  ];
  expect(await outcomes(rows)).toEqual([expect.stringMatching(/^rejected lead: /), 'created']);
  const whole = asTenant('select * from app.import_leads($1, 0, $2, 0, true)', [
    await beginRun(),
    JSON.stringify(rows),
  ]);
  await expect(whole).rejects.toMatchObject({ code: 'PT400' });
});
