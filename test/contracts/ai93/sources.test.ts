import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Caller, expectFlatError } from '../../support/api.ts';
import { expectAnswer, newLead, startWorld, type World } from './world.ts';

// What GET /sources says of a source is what POST /leads holds a lead to.

interface Source {
  id: string;
  targetTypes: string[];
  enrichmentSchema: { properties: Record<string, object>; additionalProperties?: unknown };
}

const SOURCES = ['reddit', 'realtor_ca', 'google_maps', 'public_tool', 'facebook_lead_ad', 'manual'];
const TARGET_TYPES = ['customer_lead', 'realtor', 'local_business'];

let world: World;
let north: Caller;
let sources: Map<string, Source>;
const ajv = new Ajv2020({ strict: false });
(formats as unknown as (ajv: Ajv2020) => void)(ajv);

beforeAll(async () => {
  world = await startWorld();
  ({ north } = world);
  const { body } = expectAnswer(await north.get('/sources'), 'sources.list');
  sources = new Map(body.sources.map((source: Source) => [source.id, source]));
});
afterAll(() => world.api.stop());

const post = (source: string, more: object) => north.post('/leads', { source, displayName: 'x', ...more });

test('the six are there, each with target types and fields that are described', () => {
  expect([...sources.keys()]).toEqual(SOURCES);
  for (const { id, targetTypes, enrichmentSchema } of sources.values()) {
    expect(targetTypes.length, id).toBeGreaterThan(0);
    for (const type of targetTypes) expect(TARGET_TYPES).toContain(type);
    for (const [field, schema] of Object.entries(enrichmentSchema.properties)) {
      expect(JSON.stringify(schema), `${id}.${field}`).toContain('description');
    }
  }
});

/** Values that some field of some source takes and another does not. */
const VALUES: unknown[] = [
  'a text',
  '',
  'https://example.com/x',
  'HTTPS://EXAMPLE.COM/X',
  'https://maps.example.com/Café Zoë'.replace(' ', '+'),
  'http://[',
  'ftp://example.com/x',
  'not a url',
  '2026-05-04T13:22:01.000Z',
  '2026-05-04',
  0,
  5,
  -1,
  4.5,
  91,
  true,
  null,
  [],
  ['a'],
  [1],
  {},
  { a: 1 },
  'x'.repeat(101),
  'x'.repeat(2001),
  '😀'.repeat(100),
];

describe.each(SOURCES)('%s', (id) => {
  test('takes exactly the values of a field that its schema takes', async () => {
    const { enrichmentSchema } = sources.get(id) as Source;
    const validate = ajv.compile(enrichmentSchema);
    for (const field of Object.keys(enrichmentSchema.properties)) {
      for (const value of VALUES) {
        const reply = await post(id, { context: { [field]: value } });
        const what = `${field} = ${JSON.stringify(value).slice(0, 60)}: ${reply.text}`;
        expect(reply.status, what).toBe(validate({ [field]: value }) ? 201 : 400);
        if (reply.status === 400) expectFlatError(reply, 400, 'invalid_request', new RegExp(`context\\.${field}`));
        else expect(reply.body.lead.context, what).toEqual({ [field]: value });
      }
    }
  });

  test('keeps fields that it does not know as they are', async () => {
    const context = { somethingElse: { deep: ['ü', 1, null] }, 'with space': '☃' };
    expect((await newLead(north, { source: id, context })).context).toEqual(context);
  });

  test('finds its target types, the first unless told, and no others', async () => {
    const { targetTypes } = sources.get(id) as Source;
    expect((await newLead(north, { source: id })).targetType).toBe(targetTypes[0]);
    expect((await newLead(north, { source: id, targetType: null })).targetType).toBe(targetTypes[0]);
    for (const targetType of TARGET_TYPES) {
      const reply = await post(id, { targetType });
      if (targetTypes.includes(targetType)) expect(reply.body.lead.targetType).toBe(targetType);
      else expectFlatError(reply, 400, 'invalid_request', new RegExp(targetTypes.join(', ')));
    }
  });
});

test.each(['Reddit', 'website', '', ' manual', 'toString', null, 5, ['manual'], {}])(
  'the source %j is refused with the list of those that exist',
  async (source) => {
    const reply = await north.post('/leads', { source, displayName: 'x' });
    expectFlatError(reply, 400, 'invalid_request', new RegExp(SOURCES.join(', ')));
  },
);

test('a lead without a source is refused with the same list', async () => {
  expectFlatError(
    await north.post('/leads', { displayName: 'x' }),
    400,
    'invalid_request',
    new RegExp(SOURCES.join(', ')),
  );
});

test.each(['text', 5, [], true])('the context %j is refused', async (context) => {
  expectFlatError(await post('manual', { context }), 400, 'invalid_request', /context/);
});

test('without a context, or with null, it is an empty object', async () => {
  expect((await newLead(north)).context).toEqual({});
  expect((await newLead(north, { context: null })).context).toEqual({});
});
