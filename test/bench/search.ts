import pg from 'pg';
import { runInScope, type Scope, type Statement } from '../../src/database/transaction.ts';
import type { Bench } from './environment.ts';
import { alternate } from './load.ts';
import { business, seedPeople, WORKSPACE } from './people.ts';
import { note, report } from './report.ts';

const LEADS = 1_000_000;
const ROUNDS = 3;
const PAGE = 51;

const CLAIMS = { scopes: ['leads.read'], source: 'api', correlation_id: 'bench' };
const WHOLE: Scope = {
  role: 'workspace',
  claims: JSON.stringify({ ...CLAIMS, organization_id: WORKSPACE, reach: 'workspace' }),
};

interface Search {
  q?: string;
  tags?: string[];
  stage?: string;
}

const body = (rows: string, values: unknown[]): Statement => ({
  text: `select string_agg(ai93.lead(row)::text, ',') as body from (${rows}) as row`,
  values,
});

const ours = ({ q, tags, stage }: Search): Statement =>
  body('select * from app.find_leads($1, $2, $3, null, null, null, null, $4)', [q, tags, stage, PAGE]);

const NEWEST = `order by l.created_at desc, l.id desc limit ${PAGE}`;

/** What suggests itself: the words in the columns, under the policies; phones by the digits they are written with. */
function naive({ q, tags, stage }: Search): Statement {
  return body(
    `select l.* from app.leads as l
      where ($1::text is null or not exists (
               select from string_to_table($1, ' ') as word
                where not concat_ws(' ', l.name, l.handle, l.company, l.email, l.phone, l.notes) ilike '%' || word || '%'))
        and ($2::text[] is null or l.tags @> $2) and ($3::text is null or l.pipeline_stage = $3) ${NEWEST}`,
    [q, tags, stage],
  );
}

/** What the index gives to who may see everything, and the planner with all its statistics. */
function raw({ q, tags, stage }: Search): Statement {
  const quoted = (text: string) => pg.escapeLiteral(text);
  const words = (q ?? '').split(' ').map((word) => ` and l.search_text like '%' || app.fold(${quoted(word)}) || '%'`);
  return body(
    `select l.* from app.leads as l where l.workspace_id = ${quoted(WORKSPACE)}${words.join('')}
        ${tags ? `and l.tags @> ${quoted(`{${tags.join(',')}}`)}` : ''} ${stage ? `and l.pipeline_stage = ${quoted(stage)}` : ''} ${NEWEST}`,
    [],
  );
}

/** Searches at 1,000,000 leads of a workspace: as a request makes them, against doing without the index, and without security. */
export async function benchSearch(bench: Bench): Promise<void> {
  const admin = await bench.createDatabase('search');
  await seedPeople(admin, LEADS);
  const { rows } = await admin.query<{ email: string; handle: string; phone_key: string }>(
    `select email, handle, phone_key from app.leads
      where workspace_id = $1 and phone is not null and handle is not null order by created_at desc offset 10000 limit 1`,
    [WORKSPACE],
  );
  const { email = '', handle = '', phone_key = '' } = rows[0] ?? {};
  const searches: Record<string, Search> = {
    'a rare word': { q: 'xylophone' },
    'a frequent name': { q: 'maria' },
    'two names': { q: 'guinevere cholmondeley' },
    'a frequent word': { q: 'example' },
    'an email address': { q: email },
    'a handle': { q: handle },
    'a phone number': { q: phone_key },
    'what is nowhere': { q: 'qxjkvw' },
    'a rare tag': { tags: ['rare-tag'] },
    'name, tag and stage': { q: 'maria', tags: ['hot'], stage: 'won' },
  };
  const gateway = new pg.Pool({ connectionString: bench.url('search', 'gateway'), max: 1 });
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const asked = (statement: Statement, scope = WHOLE) =>
    took(() => runInScope(gateway, scope, statement, { readOnly: true }));

  const total = { ours: 0, naive: 0, raw: 0, slowest: 0 };
  for (const [name, search] of Object.entries(searches)) {
    // read once before, so that none pays for what the disk was asked
    await asked(ours(search));
    const times = await alternate(ROUNDS, {
      ours: () => asked(ours(search)),
      naive: () => asked(naive(search)),
      raw: () => took(() => admin.query(raw(search))),
    });
    total.ours += times.ours;
    total.naive += times.naive;
    total.raw += times.raw;
    total.slowest = Math.max(total.slowest, times.ours);
    const ms = (time: number): string => `${time.toFixed(1)} ms`;
    note(`${name}: ${ms(times.ours)}; without the index ${ms(times.naive)}, without security ${ms(times.raw)}`);
  }
  report('searches at 1,000,000 leads, time without the index against ours', total.naive / total.ours, '>=', 20);
  report('the same, time against a superuser with the index', total.ours / total.raw, '<=', 1.5);
  report('the slowest of them, milliseconds', total.slowest, '<=', 300);

  const page = body(`select l.* from app.leads as l ${NEWEST}`, []);
  const locked: Scope = { role: 'tenant', claims: JSON.stringify({ ...CLAIMS, organization_id: business(100) }) };
  const many = async (scope: Scope): Promise<number> => {
    let sum = 0;
    for (let i = 0; i < 200; i += 1) sum += await asked(page, scope);
    return sum;
  };
  const pages = await alternate(ROUNDS, { whole: () => many(WHOLE), one: () => many(locked) });
  report('a page of a workspace of 200 businesses against one of a business, time', pages.whole / pages.one, '<=', 1.5);
  await gateway.end();
  await admin.end();
}
