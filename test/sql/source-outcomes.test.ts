import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const asTenant = (text: string, values: unknown[] = []) => db.as('tenant', claimsOf(organization), text, values);
const outcomes = async () =>
  (await asTenant('select source, won, lost, total from api.source_outcomes order by source')).map(
    ({ source, won, lost, total }) => `${source} ${won} ${lost} ${total}`,
  );
const add = (source: string | null, stage: string, count = 1) =>
  asTenant(
    "insert into app.leads (name, source, pipeline_stage) select 'Lead ' || n, $1, $2 from generate_series(1, $3::integer) as n",
    [source, stage, count],
  );

describe('outcomes of a source', () => {
  test('count leads as they end, not as they come in or move on', async () => {
    await add('ads', 'new', 3);
    await asTenant("update app.leads set pipeline_stage = 'contacted'");
    expect(await outcomes()).toEqual([]);
    await asTenant("update app.leads set pipeline_stage = 'won' where name = 'Lead 1'");
    await asTenant("update app.leads set pipeline_stage = 'lost' where name <> 'Lead 1'");
    expect(await outcomes()).toEqual(['ads 1 2 3']);
  });

  test('follow a lead that is opened again, changes its mind or its source, or goes', async () => {
    await add('ads', 'won', 2);
    await asTenant("update app.leads set pipeline_stage = 'lost' where name = 'Lead 1'");
    expect(await outcomes()).toEqual(['ads 1 1 2']);
    await asTenant("update app.leads set pipeline_stage = 'replied' where name = 'Lead 1'");
    expect(await outcomes()).toEqual(['ads 1 0 1']);
    await asTenant("update app.leads set source = 'list'");
    expect(await outcomes()).toEqual(['ads 0 0 0', 'list 1 0 1']);
    await db.admin.query('delete from app.leads where organization_id = $1', [organization]);
    expect(await outcomes()).toEqual(['ads 0 0 0', 'list 0 0 0']);
  });

  test('are those of many leads in one statement', async () => {
    await asTenant(
      "insert into app.leads (name, source, pipeline_stage) select 'x', (array['ads', 'list', null])[1 + n % 3], (array['won', 'lost', 'new', 'lost'])[1 + n % 4] from generate_series(1, 1200) as n",
    );
    expect(await outcomes()).toEqual(['ads 100 200 300', 'list 100 200 300']);
    await asTenant("update app.leads set pipeline_stage = 'won' where source = 'list'");
    expect(await outcomes()).toEqual(['ads 100 200 300', 'list 400 0 400']);
  });

  test('are the same however many write at once', async () => {
    await add('ads', 'new', 40);
    const leads = await asTenant('select id from app.leads');
    await Promise.all(
      leads.map(({ id }, place) =>
        asTenant('update app.leads set pipeline_stage = $2 where id = $1', [id, place % 2 ? 'won' : 'lost']),
      ),
    );
    expect(await outcomes()).toEqual(['ads 20 20 40']);
  });

  test('are not written over HTTP or by a tenant', async () => {
    await add('ads', 'won');
    await expect(asTenant('update app.source_outcomes set won = 9')).rejects.toThrow(/permission denied/);
  });

  test('are what counting all leads would tell, after anything', async () => {
    for (const [index, stage] of ['won', 'lost', 'new', 'qualified', 'lost'].entries())
      await add(`s${index % 2}`, stage, index + 1);
    await asTenant("update app.leads set pipeline_stage = 'won', source = 's9' where name = 'Lead 2'");
    await asTenant("update app.leads set pipeline_stage = 'new' where name = 'Lead 3'");
    const { rows } = await db.admin.query(
      `select from app.source_outcomes as o full join (
         select organization_id, source, count(*) filter (where pipeline_stage = 'won') as won, count(*) filter (where pipeline_stage = 'lost') as lost
           from app.leads where source is not null group by 1, 2) as l using (organization_id, source)
        where (coalesce(o.won, 0), coalesce(o.lost, 0)) <> (coalesce(l.won, 0), coalesce(l.lost, 0))`,
    );
    expect(rows).toEqual([]);
  });
});

describe('a source', () => {
  const ofSource = async (source: string) => {
    const [lead] = await asTenant("insert into app.leads (name, source) values ('Ann', $1) returning id", [source]);
    const [row] = await asTenant('select app.lead_signals(l) as signals from app.leads as l where id = $1', [lead?.id]);
    const [{ ai_reasoning }] = (await asTenant('select ai_reasoning from api.score_lead($1)', [lead?.id])) as [
      { ai_reasoning: string },
    ];
    return { ...row?.signals, ai_reasoning };
  };

  test('is not judged by a few leads', async () => {
    await add('ads', 'won', 9);
    expect(await ofSource('ads')).toMatchObject({ source_closed: 9, source_conversion: null, source_lift: null });
  });

  test('is judged against all of them, by Laplace’s rule', async () => {
    await add('referral', 'won', 8);
    await add('referral', 'lost', 2);
    await add('list', 'won', 1);
    await add('list', 'lost', 29);
    expect(await ofSource('referral')).toMatchObject({
      source_closed: 10,
      source_conversion: 0.75,
      source_lift: 3.15,
      ai_reasoning: expect.stringContaining('ource that converts well (+0.10)'),
    });
    expect(await ofSource('list')).toMatchObject({
      source_conversion: 0.063,
      source_lift: 0.26,
      ai_reasoning: 'Source that seldom converts (-0.10)',
    });
    expect(await ofSource('web')).toMatchObject({ source_closed: 0, source_lift: null });
  });

  test('of another organization tells nothing', async () => {
    await add('ads', 'won', 50);
    organization = await makeOrganization(db);
    expect(await ofSource('ads')).toMatchObject({ source_closed: 0 });
  });
});
