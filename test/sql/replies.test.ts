import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, claimsOf, failure, makeOrganization, makeWorkspaceKey, NO_SUCH_ID } from './fixtures.ts';

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

const REPLY =
  'insert into api.lead_replies (lead_id, message, channel, received_at) values ($1, $2, $3, $4) returning organization_id';
const reply = (
  organization: string,
  lead: string,
  message: string | null = 'Yes',
  channel: string | null = null,
  at = 'now',
) => db.as('tenant', claimsOf(organization), REPLY, [lead, message, channel, at]);
const leadOf = async (id: string) =>
  (await db.admin.query('select pipeline_stage, reply_count, last_reply_at from app.leads where id = $1', [id]))
    .rows[0];

test('a reply added to the view is its organization’s, counts and moves the lead, and is audited with it', async () => {
  const lead = await addLead(db, north);
  expect(await reply(north, lead, 'Yes', 'sms', '2026-05-04T13:40:00Z')).toEqual([{ organization_id: north }]);
  expect(await leadOf(lead)).toEqual({
    pipeline_stage: 'replied',
    reply_count: 1,
    last_reply_at: new Date('2026-05-04T13:40:00Z'),
  });
  const { rows } = await db.admin.query(
    'select action, payload from audit.platform_events where organization_id = $1 order by created_at desc, id desc limit 2',
    [north],
  );
  expect(rows.map((row) => row.action)).toEqual(['lead.updated', 'lead_reply.created']);
  expect(rows[0].payload.diff).toMatchObject({
    pipeline_stage: { from: 'new', to: 'replied' },
    reply_count: { from: 0, to: 1 },
  });
});

test('many in one statement all count', async () => {
  const lead = await addLead(db, north);
  await db.as(
    'tenant',
    claimsOf(north),
    "insert into app.lead_replies (lead_id, message) select $1, 'reply ' || n from generate_series(1, 5) as n",
    [lead],
  );
  expect(await leadOf(lead)).toMatchObject({ reply_count: 5, pipeline_stage: 'replied' });
});

describe('a reply is refused', () => {
  test.each([
    ['that is blank', ' \n', null, { code: '23514' }],
    ['that is null', null, null, { code: '23502' }],
    ['that is too long', 'x'.repeat(10_001), null, { code: '23514' }],
    ['with an empty channel', 'Yes', '', { code: '23514' }],
    ['with too long a channel', 'Yes', 'x'.repeat(51), { code: '23514' }],
  ])('%s', async (_what, message, channel, expected) => {
    const lead = await addLead(db, north);
    expect(await failure(reply(north, lead, message, channel))).toMatchObject(expected);
    expect(await leadOf(lead)).toMatchObject({ reply_count: 0 });
  });

  test('to a lead of another organization, which is told as one that does not exist', async () => {
    const lead = await addLead(db, stranger);
    for (const id of [lead, NO_SUCH_ID]) expect(await failure(reply(north, id))).toMatchObject({ code: '23503' });
    const put = "insert into app.lead_replies (organization_id, lead_id, message) values ($1, $2, 'x')";
    expect(await failure(db.as('tenant', claimsOf(north), put, [stranger, lead]))).toMatchObject({ code: '42501' });
    expect(await leadOf(lead)).toMatchObject({ reply_count: 0 });
  });

  test('when a workspace key files it under another business than the lead’s', async () => {
    const lead = await addLead(db, north);
    const south = await makeOrganization(db, 'South', top);
    const claims = claimsOf(top, { reach: 'workspace', key_id: await makeWorkspaceKey(db, top) });
    const put = (organization: string) =>
      db.as(
        'workspace',
        claims,
        "insert into app.lead_replies (organization_id, lead_id, message) values ($1, $2, 'x')",
        [organization, lead],
      );
    expect(await failure(put(south))).toMatchObject({ code: '23503' });
    expect(await failure(put(stranger))).toMatchObject({ code: '42501' });
    await put(north);
    expect(await leadOf(lead)).toMatchObject({ reply_count: 1 });
  });
});

test('nobody changes or removes what was said', async () => {
  for (const role of ['tenant', 'workspace']) {
    for (const statement of ["update app.lead_replies set message = 'x'", 'delete from app.lead_replies']) {
      expect(await failure(db.as(role, claimsOf(north), statement))).toMatchObject({ code: '42501' });
    }
  }
});
