import http from 'node:http';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CSV_COLUMNS } from '../../../src/contracts/ai93/leads-csv.ts';
import { lead as leadShape } from '../../../src/contracts/ai93/outputs.ts';
import { SOURCES } from '../../../src/domain/sources.ts';
import { startGatewayChild } from '../../gateway/gateway-child.ts';
import { type Caller, expectFlatError } from '../../support/api.ts';
import { parseCsv } from '../../support/csv.ts';
import { createOrganization } from '../../support/gateway.ts';
import { expectAnswer, newLead, startWorld, type World } from './world.ts';

let world: World;
let north: Caller;
let many: Caller;

/** Rows and bytes of the large business: more than a file may hold, and each row of some size. */
const MANY = 25_100;
const SIZE = 4000;

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
  many = await world.api.ai93(await createOrganization(world.api.db, 'Many'));
  // without triggers, which would take their time
  const client = await world.api.db.admin.connect();
  await client.query('begin; set local session_replication_role = replica');
  await client.query(
    `insert into app.leads (organization_id, workspace_id, name, source, notes, created_at)
     select $1, $1, 'Lead ' || n, 'manual', repeat('x', ${SIZE}), now() - n * interval '1 s'
       from generate_series(1, ${MANY}) as n`,
    [many.organizationId],
  );
  await client.query('commit');
  client.release();
});
afterAll(() => world.api.stop());

async function rowsOf(caller: Caller, query = ''): Promise<Record<string, string>[]> {
  const reply = await caller.get(`/leads.csv${query}`);
  expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
  return parseCsv(reply.text);
}

describe('a row', () => {
  test('has a column for each field of a lead, and for each documented field of context and enrichment', () => {
    const fields = Object.keys(leadShape.shape);
    const plain = fields.filter((field) => field !== 'context' && field !== 'enrichment');
    expect(CSV_COLUMNS.filter((name) => !name.includes('.'))).toEqual(plain);
    for (const { context } of SOURCES) {
      for (const field of Object.keys(context.shape)) expect(CSV_COLUMNS).toContain(`context.${field}`);
    }
    expect(CSV_COLUMNS).toEqual(expect.arrayContaining(['context.other', 'enrichment.other']));
    expect(new Set(CSV_COLUMNS).size).toBe(CSV_COLUMNS.length);
  });

  test('says what the lead says, whatever characters it holds', async () => {
    const { id } = await newLead(north, {
      source: 'google_maps',
      displayName: 'Zoë "the roof", Ltd.\n2nd line 😀',
      email: 'zoe@example.com',
      notes: 'a,b;c\r\n"d"\t\\N',
      tags: ['two words', 'ü'],
      context: { rating: 4.5, city: 'Montréal', reviewCount: 0, hours: { mon: '9–5' }, 'a,b': 'c"d' },
    });
    await world.api.db.admin.query(
      `update app.leads set enrichment = '{"industry": "roofing", "confidence_score": 0.5, "extra": [1, null]}'
        where id = app.typeid_uuid('ld', $1)`,
      [id],
    );
    await north.post(`/leads/${id}/replies`, { message: 'Yes' });
    await north.post(`/leads/${id}/handoff`, { destination: 'krew', metadata: { note: 'a,"b"' } });
    const { lead } = expectAnswer(await north.get(`/leads/${id}`), 'leads.get').body;
    const [row] = await rowsOf(north, '?limit=1');
    const text = (value: unknown): string =>
      value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    const plain = CSV_COLUMNS.filter((name) => !name.includes('.') && name !== 'tags' && name !== 'handoffMetadata');
    for (const name of plain) expect(row?.[name], name).toBe(text(lead[name]));
    expect(row).toMatchObject({
      tags: 'two words,ü',
      'context.rating': '4.5',
      'context.reviewCount': '0',
      'context.city': 'Montréal',
      'context.subreddit': '',
      'enrichment.industry': 'roofing',
      'enrichment.confidence_score': '0.5',
    });
    expect(JSON.parse(row?.handoffMetadata ?? '')).toEqual(lead.handoffMetadata);
    expect(JSON.parse(row?.['context.other'] ?? '')).toEqual({ hours: { mon: '9–5' }, 'a,b': 'c"d' });
    expect(JSON.parse(row?.['enrichment.other'] ?? '')).toEqual({ extra: [1, null] });
  });

  test('has empty cells where the lead says nothing, and for an empty text', async () => {
    await newLead(north, { displayName: 'Nobody', notes: '', context: {} });
    const [row] = await rowsOf(north, '?limit=1');
    const filled = Object.entries(row ?? {}).filter(([, value]) => value !== '');
    expect(filled.map(([name]) => name)).toEqual([
      ...['id', 'businessId', 'targetType', 'source', 'status', 'displayName', 'createdAt', 'replyCount', 'updatedAt'],
    ]);
  });

  test.each(['=1+1', '+15555551234', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', "=cmd|' /C calc'!A0"])(
    'runs no formula: %j gets an apostrophe, in every cell',
    async (formula) => {
      const phone = `${formula} 555`;
      const context = { enteredBy: formula, somethingElse: formula };
      const { id } = await newLead(north, {
        ...{ displayName: formula, handle: formula, company: formula, notes: formula, phone, context },
        ...(formula.trim() === formula && { tags: [formula] }),
      });
      await north.post(`/leads/${id}/handoff`, { destination: formula });
      await world.api.db.admin.query(
        `update app.leads set source = $2, target_type = $2, email = '=a@example.com', enrichment = jsonb_build_object('industry', $2::text)
          where id = app.typeid_uuid('ld', $1)`,
        [id, formula],
      );
      const [row] = await rowsOf(north, '?limit=1');
      for (const [name, value] of Object.entries(row ?? {})) expect(value, name).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/);
      for (const name of ['displayName', 'handle', 'company', 'notes', 'handoffDestination', 'source', 'targetType']) {
        expect(row?.[name], name).toBe(`'${formula}`);
      }
      expect([row?.['context.enteredBy'], row?.['enrichment.industry']]).toEqual([`'${formula}`, `'${formula}`]);
    },
  );
});

test.each([';', '\t', '|'])('a cell is one cell to a spreadsheet that divides at %j, too', async (delimiter) => {
  const text = `a${delimiter}=1+1${delimiter}b`;
  await newLead(north, { displayName: text, notes: `Roof leak${delimiter} call back`, tags: [`x${delimiter}y`] });
  const { text: file } = await north.get('/leads.csv?limit=1');
  const rows = parse(file, { delimiter: [',', delimiter] }) as string[][];
  expect(rows.map((row) => row.length)).toEqual([CSV_COLUMNS.length, CSV_COLUMNS.length]);
  expect(rows[1]).toContain(text);
});

describe('the file', () => {
  test('is the header alone when there is nothing', async () => {
    const reply = await north.get('/leads.csv?since=2999-01-01');
    expect([reply.status, reply.text]).toEqual([200, `${CSV_COLUMNS.join(',')}\n`]);
    expect(reply.headers.get('content-disposition')).toMatch(/^attachment; filename="[\w-]+\.csv"$/);
  });

  test('holds 5000 rows unless told, and 25000 at most, newest first', async () => {
    const names = (rows: Record<string, string>[]) => rows.map((row) => row.displayName);
    const unless = names(await rowsOf(many));
    expect([unless.length, unless[0], unless.at(-1)]).toEqual([5000, 'Lead 1', 'Lead 5000']);
    expect(names(await rowsOf(many, '?limit=3'))).toEqual(['Lead 1', 'Lead 2', 'Lead 3']);
    for (const limit of ['0', '25001', '-1', '1.5', 'all', '', '5&limit=5']) {
      expectFlatError(await many.get(`/leads.csv?limit=${limit}`), 400, 'invalid_request', /limit/);
    }
  });

  test('of HEAD has the headers alone', async () => {
    const reply = await world.api.send('HEAD', '/leads.csv', { key: north.key });
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect(reply.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  });
});

test('however much it is, the gateway’s memory does not grow with it', async () => {
  const child = await startGatewayChild(world.api.db.loginUrl('gateway'));
  const read = async (limit: number): Promise<{ lines: number; bytes: number }> => {
    const headers = { authorization: `Bearer ${many.key}` };
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(`${child.url}/api/v1/leads.csv?limit=${limit}`, { headers }, resolve).on('error', reject);
    });
    let [lines, bytes] = [0, 0];
    for await (const chunk of response) {
      bytes += chunk.length;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
    }
    return { lines, bytes };
  };
  try {
    // a fifth of it first, for what the process loads and the garbage it lets lie
    await read(5000);
    const before = await child.peakKiB();
    const whole = await read(25_000);
    expect(whole.lines).toBe(25_001);
    expect(whole.bytes).toBeGreaterThan(25_000 * SIZE);
    expect((await child.peakKiB()) - before).toBeLessThan(64 * 1024);
  } finally {
    await child.stop();
  }
});
