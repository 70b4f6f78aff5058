import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cleanUp, type Environment, launch, type Result, run, until } from '../start/process.ts';
import { createDatabase, TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let environment: Environment;
let folder: string;
let organization: string;
let number = 0;

beforeAll(async () => {
  db = await createDatabase();
  environment = { DATABASE_URL: db.url, ENCRYPTION_KEY: TEST_ENCRYPTION_KEY };
  folder = mkdtempSync(join(tmpdir(), 'trunkline-import-'));
});
beforeEach(async () => {
  number += 1;
  const { rows } = await db.admin.query('select id from app.create_organization($1, null, null, null)', [
    `Organization ${number}`,
  ]);
  organization = rows[0].id;
});
afterAll(async () => {
  await cleanUp();
  await db.drop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

function fileOf(content: string | Buffer, name = `leads-${number}.csv`): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const command = (path: string, more: string[]): string[] => [
  ...['leads', 'import', path, '--org', organization],
  ...(more.includes('--source') ? more : ['--source', 'list', ...more]),
];
const importing = (path: string, ...more: string[]): Promise<Result> => run(command(path, more), environment);

/** What the import of a content answers with --json. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was printed
async function imported(content: string | Buffer, ...more: string[]): Promise<any> {
  const { stdout, stderr } = await importing(fileOf(content), ...more, '--json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

async function leads(columns = 'name, email, phone'): Promise<Record<string, unknown>[]> {
  const { rows } = await db.admin.query(
    `select ${columns} from app.leads where organization_id = $1 order by created_at, id`,
    [organization],
  );
  return rows;
}

const refusal = async (content: string | Buffer, ...more: string[]): Promise<string> => {
  const { code, stdout, stderr } = await importing(fileOf(content), ...more);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^trunkline: [^\n]+\n$/);
  expect(await leads()).toEqual([]);
  return stderr;
};

/** Rows of every table, by table. */
async function everything(): Promise<Record<string, string>> {
  const { rows: tables } = await db.admin.query(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace in (select oid from pg_namespace where nspowner = 'trunkline_owner'::regrole)",
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await db.admin.query(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') as print from ${name} as t`,
    );
    found[name] = rows[0].print;
  }
  return found;
}

describe('columns', () => {
  test('are known by what people call them; the rest is kept in the context', async () => {
    const answer = await imported(
      'First Name,LAST_NAME,E-Mail Address,Phone Number,Organisation,Position,Web Site,Labels,Comments,Lead Status,Shoe Size,\n' +
        'Sarah,Mitchell,sarah@example.com,(212) 555-0100,Acme,CEO,https://acme.example,"a, b;c",Call her,Converted,42,spare\n',
    );
    expect(answer).toMatchObject({ rows: 1, created: 1, updated: 0, unchanged: 0, rejected: 0, status: 'succeeded' });
    expect(answer.mapping).toMatchObject({
      'First Name': 'first_name',
      'Web Site': 'source_url',
      'Shoe Size': 'context',
    });
    expect(
      await leads('name, email, phone, company, job_title, source, source_url, tags, notes, pipeline_stage, context'),
    ).toEqual([
      {
        ...{ name: 'Sarah Mitchell', email: 'sarah@example.com', phone: '(212) 555-0100', company: 'Acme' },
        ...{ job_title: 'CEO', source: 'list', source_url: 'https://acme.example', tags: ['a', 'b', 'c'] },
        ...{ notes: 'Call her', pipeline_stage: 'won', context: { 'Shoe Size': '42', 'column 12': 'spare' } },
      },
    ]);
  });

  test('lose no part of a name', async () => {
    await imported(
      'Name,First Name,Last Name,Email\nMitchell,Sarah,,a@example.com\nSarah Mitchell,Sarah,MITCHELL,b@example.com\n,Ann,,c@example.com\n',
    );
    expect(await leads('name, context')).toEqual([
      { name: 'Mitchell', context: { 'First Name': 'Sarah' } },
      { name: 'Sarah Mitchell', context: {} },
      { name: 'Ann', context: {} },
    ]);
  });

  test('are what --map says; tags and target type are for all', async () => {
    const maps = ['--map', 'Who=name', '--map', 'email=', '--map', 'Status=context', '--map', 'Mail=email'];
    await imported(
      'Who,Email,Mail,Status\nAnn,old@example.com,ann@example.com,Hot\n',
      ...maps,
      ...['--tag', 'fair', '--tag', 'vip', '--target-type', 'partner'],
    );
    expect(await leads('name, email, tags, target_type, pipeline_stage, context')).toEqual([
      {
        ...{ name: 'Ann', email: 'ann@example.com', tags: ['fair', 'vip'], target_type: 'partner' },
        ...{ pipeline_stage: 'new', context: { Status: 'Hot' } },
      },
    ]);
  });

  test.each<[string, string, string[]]>([
    ['is empty.', '', []],
    ['The first row of the file must name its columns', 'ann@example.com,Ann\n', []],
    ['No column says who a lead is', 'Colour,Size\nred,42\n', []],
    ['The column "Email" is there twice: rename one', 'Email,Email\na@example.com,b@example.com\n', []],
    ['"Email" and "E-mail" are the same: say which', 'Email,E-mail\na@example.com,b@example.com\n', []],
    ['the file has no column "Mail"; it has Email', 'Email\na@example.com\n', ['--map', 'Mail=email']],
    ['"mail" is no field; there are name', 'Email\na@example.com\n', ['--map', 'Email=mail']],
    ['two columns cannot both be email', 'A,B\na,b\n', ['--map', 'A=email', '--map', 'B=email']],
    ['it must be "CSV column=field"', 'Email\na@example.com\n', ['--map', 'Email']],
    ['There is nothing to go on with', 'Email\na@example.com\n', ['--resume']],
  ])('%s', async (message, content, more) => {
    expect(await refusal(content, ...more)).toContain(message);
  });

  test('an organization, a file and a source must be', async () => {
    const path = fileOf('Email\na@example.com\n');
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect((await run(['leads', 'import', path, '--org', nobody, '--source', 'x'], environment)).stderr).toContain(
      `There is no organization ${nobody}`,
    );
    expect((await importing(join(folder, 'no.csv'))).stderr).toContain('no.csv cannot be read (ENOENT)');
    expect((await importing(folder)).stderr).toContain('is not a file');
    const nowhere = join(folder, 'nowhere', 'rejected.csv');
    expect((await importing(path, '--rejects', nowhere)).stderr).toBe(
      `trunkline: ${nowhere} cannot be written (ENOENT): name a file for rejected rows with --rejects.\n`,
    );
    expect((await importing(path, '--source', 'x'.repeat(101))).stderr).toContain('1 to 100 characters');
    expect((await importing(path, '--tag', 'a,b')).stderr).toContain('A tag has no comma');
    expect((await importing(path, '--delimiter', 'x')).stderr).toContain('a comma, a semicolon or the word tab');
  });
});

describe('how files are written', () => {
  const bom = '\uFEFF';
  const utf16 = Buffer.from(`${bom}Name\tEmail\r\nZoë\tzoe@example.com\r\n`, 'utf16le');
  test.each<[string, string | Buffer, string[]]>([
    ['BOM and CRLF', `${bom}Name,Email\r\nZoë,zoe@example.com\r\n`, []],
    ['semicolons', 'Name;Email\nZoë;zoe@example.com\n', []],
    ['tabs, told', 'Name\tEmail\nZoë\tzoe@example.com\n', ['--delimiter', 'tab']],
    ['spaces after the commas, quotes, no line end', 'Name, Email\n"Zoë", "zoe@example.com"', []],
    ['an old Mac', 'Name,Email\rZoë,zoe@example.com\r', []],
    ['a first line for Excel', `${bom}sep=;\r\nName;Email\r\nZoë;zoe@example.com\r\n`, []],
    ['such a line, and the delimiter told', 'SEP=\t\nName\tEmail\nZoë\tzoe@example.com\n', ['--delimiter', 'tab']],
    ['blank lines and line ends of all kinds', '\nName,Email\r\n\r\n,\nZoë,zoe@example.com\n\n', []],
    ['UTF-16 as Excel writes it', utf16, []],
    ['Windows-1252, told', Buffer.from('Name,Email\nZoë,zoe@example.com\n', 'latin1'), ['--encoding', 'windows-1252']],
    ['cells that no spreadsheet may run', "Name,Email\nZoë,'=zoe@example.com\n".replace("'=zoe", 'zoe'), []],
  ])('%s', async (_name, content, more) => {
    expect(await imported(content, ...more)).toMatchObject({ rows: 1, created: 1, rejected: 0 });
    expect(await leads('name, email')).toEqual([{ name: 'Zoë', email: 'zoe@example.com' }]);
  });

  test('what an export neutralised is what it was, and a list or an object of one is one', async () => {
    await imported(
      `Name,Phone,Notes,Tags,Context\n'=SUM,'+1 212 555 0100,'-5 %,"{a,""b, c""}","{""size"": 42}"\n'quoted',,'@home,,loose\n`,
    );
    expect(await leads('name, phone, notes, tags, context')).toEqual([
      { name: '=SUM', phone: '+1 212 555 0100', notes: '-5 %', tags: ['a', 'b, c'], context: { size: 42 } },
      { name: "'quoted'", phone: null, notes: '@home', tags: [], context: { Context: 'loose' } },
    ]);
  });

  test('an export of AI93 is read as what it is', async () => {
    await imported(
      'id,businessId,targetType,source,status,displayName,createdAt,email,tags,context.url,context.other,enrichment.industry\n' +
        `ld_1,biz_1,realtor,reddit,converted,'@ann,2027-01-01T00:00:00.000Z,ann@example.com,"a,b",https://x.example,"{""n"": 1}",roofs\n`,
    );
    expect(await leads('target_type, source, pipeline_stage, name, tags, context')).toEqual([
      {
        ...{ target_type: 'realtor', source: 'reddit', pipeline_stage: 'won', name: '@ann', tags: ['a', 'b'] },
        context: { url: 'https://x.example', n: 1 },
      },
    ]);
  });

  test('its fields of the context are what they were: numbers, lists and all', async () => {
    await imported(
      'businessId,displayName,email,context.rating,context.longitude,context.postId,context.matchedKeywords,context.city,context.comments,context.other\n' +
        `biz_1,Ann,ann@example.com,4.5,'-79.38,17,"[""roof"", ""leak""]",12,many,"{""id"": 12345678901234567890}"\n`,
    );
    const [{ context } = {}] = await leads('context::text');
    expect(context).toBe(
      '{"id": 12345678901234567890, "city": "12", "postId": "17", "rating": 4.5, "comments": "many", "longitude": -79.38, "matchedKeywords": ["roof", "leak"]}',
    );
  });

  test('JSON that no column can hold is a text, and keeps no other row from being imported', async () => {
    const deep = `{""a"": ${'['.repeat(8000)}${']'.repeat(8000)}}`;
    const cells = [
      '{""a"": ""\\u0000""}',
      '{""a"": ""\\ud800""}',
      '{""\\u0000"": 1}',
      deep,
      `{""a"": 1${'0'.repeat(2000)}}`,
      '12345678901234567890',
      'null',
    ];
    const rows = cells.map((cell, i) => `n${i}@example.com,"${cell}"\n`);
    expect(await imported(`Email,Context\n${rows.join('')}`)).toMatchObject({ created: cells.length, rejected: 0 });
    const texts = cells.map((cell) => cell.replaceAll('""', '"'));
    const kept = (await leads('context')).map(({ context }) => context);
    expect(kept.map((context, i) => (i === 4 ? texts[4] : (context as { Context: string }).Context))).toEqual(texts);
    expect(kept[4]).toEqual({ a: null });
  });

  test('a file that cannot be read to its end changes nothing', async () => {
    const latin1 = Buffer.from('Name,Email\nAnn,ann@example.com\nZoë,zoe@example.com\n', 'latin1');
    expect(await refusal(latin1)).toMatch(/line 3: this is no UTF-8\. .* --encoding windows-1252/);
    expect(await refusal('Name,Email\nAnn,ann@example.com\n"Zoë,zoe@example.com\n')).toMatch(
      /line 3: this row opens a quote that is never/,
    );
    expect(await refusal(`Name\nAnn\n"${'x\n'.repeat(600_000)}`)).toMatch(
      /line 3: this row has more than 1,000,000 bytes/,
    );
  });

  test('the line is told of a quote that stands where none may, behind rows of several lines and of any number', async () => {
    const rows = 'Ann,"one\r\ntwo"\r\n'.repeat(2000);
    expect(await refusal(`Name,Notes\r\n${rows}Bob,"5" pipe"\r\nEve,x\r\n`)).toMatch(
      /line 4002: this row goes on behind a quote that closes a cell/,
    );
    expect(await refusal('Name,Notes\nAnn,x\n"Bob" B,y\n')).toMatch(/line 3: this row goes on behind a quote/);
  });

  test('a header alone is an import of nothing', async () => {
    expect(await imported('Name,Email\n')).toMatchObject({ rows: 0, created: 0, rejected: 0, status: 'succeeded' });
  });
});

describe('a lead that is known', () => {
  test('is found by email in any case and by phone in any notation, also within a file', async () => {
    const file =
      'Name,Email,Phone,Tags,Status,Notes,Extra\n' +
      'Ann,Ann@Example.com,,a,new,,1\n' +
      'Bob,,(212) 555-0100,,,,\n' +
      'Ann Lee,ann@EXAMPLE.com,,b,contacted,,\n' +
      ',,+1 212 555 0100,,,"Two\nlines",2\n' +
      ',ann@example.com,,,new,,\n';
    expect(await imported(file)).toMatchObject({ rows: 5, created: 2, updated: 2, unchanged: 1, rejected: 0 });
    const expected = [
      {
        ...{ name: 'Ann Lee', email: 'Ann@Example.com', phone: null, tags: ['a', 'b'], pipeline_stage: 'contacted' },
        ...{ notes: null, context: { Extra: '1' } },
      },
      {
        ...{ name: 'Bob', email: null, phone: '(212) 555-0100', tags: [], pipeline_stage: 'new' },
        ...{ notes: 'Two\nlines', context: { Extra: '2' } },
      },
    ];
    const columns = 'name, email, phone, tags, pipeline_stage, notes, context';
    expect(await leads(columns)).toEqual(expected);
    // once more: the names of Ann take turns, everything else is as it was
    expect(await imported(file)).toMatchObject({ created: 0, updated: 2, unchanged: 3 });
    expect(await leads(columns)).toEqual(expected);
  });

  test('a finished file imported again changes nothing', async () => {
    const content = `Name,Email,External ID,Tags\n${Array.from({ length: 1500 }, (_, i) => `N${i},n${i}@example.com,${i},t\n`).join('')}`;
    expect(await imported(content)).toMatchObject({ created: 1500 });
    const before = await leads('*');
    expect(await imported(content)).toMatchObject({ created: 0, updated: 0, unchanged: 1500 });
    expect(await leads('*')).toEqual(before);
  });
});

test('rejected rows are written to a file that can be mended and imported; the others are imported', async () => {
  const content =
    'Name;Email;Status\r\nAnn;ann@example.com;new\r\nBob;not an address;new\r\n"A ""q"";\r\nB";b@example.com;hot\r\n' +
    'short;s@example.com\r\nlong;l@example.com;new;more\r\nNul\0;n@example.com;new\r\n;;won\r\nEve;eve@example.com;lost\r\n';
  const path = fileOf(content);
  const { code, stdout } = await importing(path, '--json');
  const answer = JSON.parse(stdout);
  expect(code).toBe(2);
  expect(answer).toMatchObject({
    rows: 8,
    created: 2,
    rejected: 6,
    status: 'partial',
    rejects_file: `${path}.rejected.csv`,
  });
  expect(readFileSync(answer.rejects_file, 'utf8').split(/(?<!\r)\n/)).toEqual([
    'Name;Email;Status;line;field;reason',
    'Bob;not an address;new;3;email;must be an email address',
    '"A ""q"";\r\nB";b@example.com;hot;4;pipeline_stage;must be one of new, contacted, replied, qualified, won, lost',
    'short;s@example.com;;6;row;has 2 columns where the header has 3',
    'long;l@example.com;new;more;7;row;has 4 columns where the header has 3',
    'Nul\0;n@example.com;new;8;name;contains a character that cannot be stored (NUL)',
    ';;won;9;email;a lead needs at least one of email, phone, name, company or handle',
    '',
  ]);
  const mended = readFileSync(answer.rejects_file, 'utf8')
    .split('\n')
    .slice(0, 2)
    .join('\n')
    .replace('not an address', 'bob@example.com');
  expect(await imported(mended)).toMatchObject({ created: 1, rejected: 0 });
  expect(await leads('name, context')).toEqual([
    { name: 'Ann', context: {} },
    { name: 'Eve', context: {} },
    { name: 'Bob', context: {} },
  ]);
  expect(existsSync(`${fileOf('')}.rejected.csv`)).toBe(true);
});

test('a dry run tells what would happen, and changes nothing', async () => {
  await imported('Name,Email\nAnn,ann@example.com\n');
  const path = fileOf(
    'Name,Email\nAnn,ann@example.com\nAnna,ANN@example.com\nBob,b\nEve,eve@example.com\n,eve@example.com\n',
    'dry.csv',
  );
  const before = await everything();
  const dry = await importing(path, '--dry-run', '--json');
  expect(dry.code).toBe(2);
  const counts = { rows: 5, created: 1, updated: 1, unchanged: 2, rejected: 1 };
  expect(JSON.parse(dry.stdout)).toMatchObject({
    ...counts,
    dry_run: true,
    rejects_file: null,
    rejections: [{ line: 4, field: 'email', reason: 'must be an email address' }],
  });
  expect((await importing(path, '--dry-run')).stdout).toContain('This was a dry run: nothing was changed.');
  expect(await everything()).toEqual(before);
  expect(existsSync(`${path}.rejected.csv`)).toBe(false);
  expect(JSON.parse((await importing(path, '--json')).stdout)).toMatchObject(counts);
});

describe('an import that was killed', () => {
  const ROWS = 12_000;
  const bad = (i: number): boolean => i % 400 === 7;
  const content = `Name,Email\n${Array.from({ length: ROWS }, (_, i) => `Lead ${i},${bad(i) ? 'bad' : `lead${i}@example.com`}\n`).join('')}`;
  const REJECTED = Array.from({ length: ROWS }, (_, i) => i).filter(bad).length;

  /** Lets an import of the organization go on batch by batch, so that it is in the middle when the test says so. */
  async function holdImports(): Promise<{ untilDone(rows: number): Promise<unknown>; release(): Promise<void> }> {
    const client = await db.admin.connect();
    // what who makes leads of an organization holds until its transaction ends; whoever waits for it is the next to get it
    const key = '7263, hashtext($1)';
    await client.query(`select pg_advisory_lock(${key})`, [organization]);
    return {
      untilDone: (target) =>
        until(async () => {
          await client.query(`select pg_advisory_unlock(${key}), pg_advisory_lock(${key})`, [organization]);
          const { rows } = await client.query(
            'select from app.scraper_runs where organization_id = $1 and rows_done >= $2',
            [organization, target],
          );
          return rows.length > 0;
        }),
      async release() {
        await client.query(`select pg_advisory_unlock(${key})`, [organization]);
        client.release();
        // what a killed one has sent already is still done
        await until(async () => {
          const { rows } = await db.admin.query(
            "select from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()",
          );
          return rows.length === 0;
        });
      },
    };
  }

  test('goes on where it stopped: no lead is lost or doubled', async () => {
    const path = fileOf(content);
    for (const target of [1, 5000]) {
      const gate = await holdImports();
      const started = launch(command(path, target === 1 ? [] : ['--resume']), environment);
      started.ready.catch(() => undefined);
      await gate.untilDone(target);
      started.kill('SIGKILL');
      await started.exited;
      await gate.release();
    }
    // what the crash cut off, and rows that it wrote but did not commit
    const rejects = `${path}.rejected.csv`;
    writeFileSync(rejects, `${readFileSync(rejects, 'utf8')}Lead 11999,bad,12001,email,x\n"Lea`);

    expect((await importing(path)).stderr).toMatch(/stopped after [\d,]+ of 12,000 rows: --resume goes on/);
    expect((await importing(path, '--resume', '--tag', 'x')).stderr).toContain('another mapping or other options');
    const other = fileOf(`${content}One,one@example.com\n`, 'other.csv');
    expect((await importing(other, '--resume')).stderr).toMatch(/This is not the file whose import stopped \(leads-/);

    const { code, stdout } = await importing(path, '--resume', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ rows: ROWS, created: ROWS - REJECTED, updated: 0, unchanged: 0, rejected: REJECTED, status: 'partial' },
    });
    const { rows } = await db.admin.query(
      `select count(*)::int as leads, count(distinct email_key)::int as people,
              (select count(*)::int from app.outbox as o where o.organization_id = $1 and o.action = 'lead.created') as announced,
              (select count(*)::int from audit.platform_events as e where e.organization_id = $1 and e.action = 'lead.created') as audited,
              (select count(*)::int from app.scraper_runs as r where r.organization_id = $1) as runs
         from app.leads where organization_id = $1`,
      [organization],
    );
    const made = ROWS - REJECTED;
    expect(rows).toEqual([{ leads: made, people: made, announced: made, audited: made, runs: 1 }]);
    const lines = readFileSync(rejects, 'utf8').trimEnd().split('\n').slice(1);
    expect(lines).toEqual(
      Array.from({ length: ROWS }, (_, i) => i)
        .filter(bad)
        .map((i) => `Lead ${i},bad,${i + 2},email,must be an email address`),
    );
  });

  test('can be begun again, and is told of on Ctrl-C', async () => {
    const path = fileOf(content);
    const gate = await holdImports();
    const started = launch(command(path, []), environment);
    started.ready.catch(() => undefined);
    await gate.untilDone(1);
    started.kill('SIGINT');
    await gate.release();
    const { code, stderr } = await started.exited;
    expect(code).toBe(130);
    expect(stderr).toContain('--resume goes on from here');
    const answer = JSON.parse((await importing(path, '--no-resume', '--json')).stdout);
    expect(answer).toMatchObject({ rows: ROWS, rejected: REJECTED });
    expect(answer.unchanged).toBeGreaterThan(0);
    expect(answer.created + answer.unchanged).toBe(ROWS - REJECTED);
    const listed = await run(['leads', 'runs', '--org', organization, '--json'], environment);
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { status: 'partial', leads_found: ROWS },
      { status: 'failed', error: 'It was begun again.' },
    ]);
    expect((await importing(path, '--resume')).stderr).toContain('There is nothing to go on with');
  });
});

test('every lead is audited and announced under the run’s correlation id; the log lists the run', async () => {
  const { run_id } = await imported('Name,Email\nAnn,ann@example.com\nBob,bob@example.com\nAnna,ann@example.com\n');
  const { rows: entries } = await db.admin.query(
    "select action, source, correlation_id from audit.platform_events where organization_id = $1 and source = 'system' and action like 'lead.%' order by created_at, id",
    [organization],
  );
  expect(entries.map(({ action }) => action)).toEqual(['lead.created', 'lead.created', 'lead.updated']);
  expect(new Set(entries.map(({ correlation_id }) => correlation_id)).size).toBe(1);
  expect(entries[0].correlation_id).toMatch(/^cli_/);
  const { rows: events } = await db.admin.query(
    "select action, changed from app.outbox where organization_id = $1 and resource = 'leads' order by id",
    [organization],
  );
  expect(events).toEqual([
    { action: 'lead.created', changed: [] },
    { action: 'lead.created', changed: [] },
    { action: 'lead.updated', changed: ['name'] },
  ]);
  const { rows: runs } = await db.admin.query('select * from app.scraper_runs where id = $1', [run_id]);
  expect(runs[0]).toMatchObject({
    ...{ source: 'list', status: 'succeeded', leads_found: 3, leads_created: 2, leads_updated: 1, leads_rejected: 0 },
    details: {
      ...{
        file: `leads-${number}.csv`,
        rows: 3,
        bytes: 72,
        delimiter: ',',
        encoding: 'utf-8',
        tags: [],
        target_type: null,
      },
      ...{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), mapping: { Name: 'name', Email: 'email' } },
    },
  });
  expect(JSON.stringify(runs[0])).not.toContain(folder);
  const { stdout } = await run(['leads', 'runs', '--org', organization], environment);
  expect(stdout).toMatch(/source +status +file[\s\S]+list +succeeded +leads-\d+\.csv +3 +2 +1 +0 +0/);
});

test('a long file takes no more memory than a short one', async () => {
  // of one person, so that what grows is the file and not the work of the database
  const path = fileOf(`Name,Email,Notes\n${`Ann,ann@example.com,${'x'.repeat(2000)}\n`.repeat(50_000)}`);
  const { code, stdout, stderr } = await run(command(path, ['--json']), {
    ...environment,
    // less than the file has: what kept it, or its rows, would end here
    NODE_OPTIONS: '--max-old-space-size=64',
  });
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ rows: 50_000, created: 1, unchanged: 49_999 });
});
