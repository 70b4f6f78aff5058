import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, startApi } from '../../support/api.ts';

let api: Api;
let one: Caller;
let all: string[];

/** Every id of a list, page by page; `between` runs after each page. */
async function walk(caller: Caller, path: string, between: () => Promise<unknown> = async () => {}): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `${path}&cursor=${cursor}` : path;
    const { status, body } = await caller.get(query);
    expect(status).toBe(200);
    ids.push(...body.data.map((row: { id: string }) => row.id));
    cursor = body.next_cursor;
    await between();
  } while (cursor);
  return ids;
}

const expectedIds = async (condition = 'true'): Promise<string[]> =>
  (
    await api.db.admin.query(
      `select id from app.leads where organization_id = $1 and ${condition} order by created_at desc, id desc`,
      [one.organizationId],
    )
  ).rows.map((row) => row.id);

beforeAll(async () => {
  api = await startApi();
  one = await api.organization();
  // a thousand leads in eleven moments, some a millisecond apart, and the same of somebody else
  const other = await api.organization();
  await api.db.admin.query(
    `insert into app.leads (organization_id, name, source, pipeline_stage, created_at)
     select organization, 'Lead ' || n, (array['google_ads', 'website', 'referral'])[1 + n % 3],
            (array['new', 'contacted', 'qualified', 'won', 'lost'])[1 + n % 5],
            '2026-04-27T13:22:05.114Z'::timestamptz + case when n % 11 < 5 then n % 11 * interval '1 ms' else n % 11 * interval '1 day' end
       from unnest($1::uuid[]) as organization, generate_series(1, 1000) as n`,
    [[one.organizationId, other.organizationId]],
  );
  all = await expectedIds();
});
afterAll(() => api.stop());

describe('paging', () => {
  test.each([1, 7, 50, 200])('through a thousand leads, %i at a time, shows each once, newest first', async (limit) => {
    const path = `/leads?limit=${limit}`;
    const shown =
      limit === 1 ? await walk(one, '/leads?limit=1&source=referral&pipeline_stage=won') : await walk(one, path);
    expect(shown).toEqual(limit === 1 ? await expectedIds("source = 'referral' and pipeline_stage = 'won'") : all);
  });

  test('shows what was there once, also while leads are being added and changed', async () => {
    let added = 0;
    const shown = await walk(one, '/leads?limit=60', async () => {
      await Promise.all([
        one.post('/leads', { email: `new${added++}@example.com` }),
        // among those that were passed, and among those to come
        api.db.admin.query(
          `insert into app.leads (organization_id, name, created_at)
           select $1, 'Amid', '2026-04-27T13:22:05.114Z'::timestamptz + n * interval '1 ms' from generate_series(0, 4) as n`,
          [one.organizationId],
        ),
        api.db.admin.query("update app.leads set name = name || '.' where id = $1", [all[added * 50]]),
      ]);
    });
    expect(new Set(shown).size).toBe(shown.length);
    const known = new Set(all);
    expect(shown.filter((id) => known.has(id))).toEqual(all);
    await api.db.admin.query(
      "delete from app.leads where organization_id = $1 and (name = 'Amid' or email is not null)",
      [one.organizationId],
    );
  });

  test('ends with null, also when the last page is full', async () => {
    const filters = '/leads?source=referral&pipeline_stage=won';
    const { length } = await expectedIds("source = 'referral' and pipeline_stage = 'won'");
    const full = await one.get(`${filters}&limit=${length}`);
    expect(full.body.data).toHaveLength(length);
    expect(full.body.next_cursor).toBeNull();
    const short = await one.get(`${filters}&limit=${length - 1}`);
    expect(short.body.data).toHaveLength(length - 1);
    expect(short.body.next_cursor).not.toBeNull();
  });

  test('has 50 to a page unless told otherwise', async () => {
    expect((await one.get('/leads')).body.data).toHaveLength(50);
    expect((await one.get('/audit-log')).body.data).toHaveLength(50);
  });

  test('of the audit log and of keys loses and doubles nothing either', async () => {
    const keys = (
      await api.db.admin.query('select id from app.api_keys where organization_id = $1', [one.organizationId])
    ).rowCount;
    for (let n = 0; n < 5; n++) await one.post('/api-keys', { name: `Key ${n}`, scopes: ['read'] });
    expect(new Set(await walk(one, '/api-keys?limit=2')).size).toBe((keys ?? 0) + 5);
    const entries = await walk(one, '/audit-log?limit=150');
    expect(new Set(entries).size).toBe(entries.length);
    const { rows } = await api.db.admin.query(
      'select id from audit.platform_events where organization_id = $1 order by created_at desc, id desc',
      [one.organizationId],
    );
    expect(entries).toEqual(rows.map((row) => row.id));
  });

  test('of child organizations goes newest first', async () => {
    const parent = await api.organization();
    const children: string[] = [];
    for (let n = 0; n < 5; n++)
      children.unshift((await api.organization({ parent: parent.organizationId })).organizationId);
    expect(await walk(parent, '/organizations?limit=2')).toEqual(children);
  });

  test('goes on where a cursor says, also one whose lead is gone', async () => {
    const { body } = await one.get('/leads?limit=10');
    await api.db.admin.query('delete from app.leads where id = $1', [body.data[9].id]);
    const next = await one.get(`/leads?limit=5&cursor=${body.next_cursor}`);
    expect(next.body.data.map((row: { id: string }) => row.id)).toEqual(all.slice(10, 15));
    all = await expectedIds();
  });
});

describe('filters', () => {
  const moment = '2026-04-27T13:22:05.116Z';
  const cases: [query: string, condition: string][] = [
    ['pipeline_stage=qualified', "pipeline_stage = 'qualified'"],
    ['source=google_ads', "source = 'google_ads'"],
    [`start_at=${moment}`, `created_at >= '${moment}'`],
    [`end_at=${moment}`, `created_at <= '${moment}'`],
    [`start_at=${moment}&end_at=${moment}`, `created_at = '${moment}'`],
    ['start_at=2026-05-01', "created_at >= '2026-05-01T00:00:00Z'"],
    ['end_at=2026-05-02T15:22:05.114%2B02:00', "created_at <= '2026-05-02T13:22:05.114Z'"],
    ['source=website&pipeline_stage=new', "source = 'website' and pipeline_stage = 'new'"],
    [
      `source=website&pipeline_stage=new&start_at=${moment}&end_at=2026-05-05`,
      `source = 'website' and pipeline_stage = 'new' and created_at between '${moment}' and '2026-05-05T00:00:00Z'`,
    ],
    ['source=Website', 'false'],
    ['source=web%25', 'false'],
    ['end_at=2020-01-01', 'false'],
  ];
  test.each(cases)('%s', async (query, condition) => {
    expect(await walk(one, `/leads?limit=200&${query}`)).toEqual(await expectedIds(condition));
  });
});
