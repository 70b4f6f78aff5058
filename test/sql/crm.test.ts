import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectors } from '../../connectors/registry.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addCall, addLead, connectCrm, crmOf, requestPush } from '../worker/crm-fixtures.ts';
import { claimsOf, failure, makeOrganization, NO_SUCH_ID } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const SECRETS: Record<string, Record<string, string>> = {
  hubspot: { access_token: 'pat-na1-7261' },
  jobnimbus: { api_key: 'jilqy9efy8jk79v9' },
};
const connect = (vendor: string, settings: object = {}, more: { name?: string; enabled?: boolean } = {}) =>
  connectCrm(db, organization, vendor, settings, SECRETS[vendor] ?? {}, more);
const tasks = async (): Promise<number> =>
  (await db.admin.query("select from app.tasks where organization_id = $1 and kind = 'push_to_crm'", [organization]))
    .rowCount ?? 0;
const vendorOf = async (lead: string) => (await crmOf(db, lead)).map(({ vendor }) => vendor);
/** What the worker does when the CRM takes it. */
async function settle(lead: string, externalId = 'x-1'): Promise<void> {
  const [record] = await crmOf(db, lead);
  const { rows } = await db.admin.query("select * from app.claim_crm_push($1, $2, '1 minute')", [
    organization,
    record?.id,
  ]);
  const [claim] = rows;
  await db.as('tenant', claimsOf(organization), 'select app.settle_crm_push($1, $2, $3, $4, null)', [
    record?.id,
    claim.claim,
    JSON.stringify({ external_id: externalId, hash: claim.hash.toString('hex') }),
    JSON.stringify(claim.jobs.map(({ id }: { id: string }) => ({ id, external_id: `job of ${externalId}` }))),
  ]);
  await db.admin.query('delete from app.tasks where organization_id = $1', [organization]);
}

test('the vendors that are CRMs are those whose connectors take leads', async () => {
  const { rows } = await db.admin.query('select app.crm_vendors() as vendors');
  const crms = connectors.filter(({ crm }) => crm !== undefined).map(({ manifest }) => manifest.vendor);
  expect(rows[0].vendors).toEqual(crms.toSorted());
});

describe('which CRM', () => {
  test('none: null to whoever dispatches, 409 to whoever asks by hand', async () => {
    const lead = await addLead(db, organization);
    expect(await requestPush(db, organization, lead)).toMatchObject([{ id: null }]);
    await connect('jobnimbus', {}, { enabled: false });
    expect(await requestPush(db, organization, lead)).toMatchObject([{ id: null }]);
    const refused = await failure(db.as('tenant', claimsOf(organization), 'select * from api.push_to_crm($1)', [lead]));
    expect(refused).toMatchObject({
      code: 'PT409',
      hint: 'conflict',
      message: 'No CRM is connected.',
      detail: { field: 'crm', reason: 'connect one of http-crm, hubspot, jobnimbus, or enable its connection' },
    });
    expect(await tasks()).toBe(0);
  });

  test('the oldest of two, until another has a higher priority, or it is disabled', async () => {
    await connect('jobnimbus');
    await connect('hubspot');
    const [first, second, third] = [
      await addLead(db, organization),
      await addLead(db, organization),
      await addLead(db, organization),
    ];
    await requestPush(db, organization, first);
    expect(await vendorOf(first)).toEqual(['jobnimbus']);
    await connect('hubspot', { priority: 1 });
    await requestPush(db, organization, second);
    expect(await vendorOf(second)).toEqual(['hubspot']);
    await connect('hubspot', { priority: 1 }, { enabled: false });
    await requestPush(db, organization, third);
    expect(await vendorOf(third)).toEqual(['jobnimbus']);
    // a lead that moves along is in both
    await connect('hubspot', { priority: 1 });
    await requestPush(db, organization, third);
    expect(await vendorOf(third)).toEqual(['hubspot', 'jobnimbus']);
  });

  test('never that of somebody else, nor for somebody else’s lead', async () => {
    await connect('hubspot');
    const stranger = await makeOrganization(db);
    const lead = await addLead(db, stranger);
    expect(await requestPush(db, organization, lead)).toMatchObject([{ id: null }]);
    for (const id of [lead, NO_SUCH_ID]) {
      expect(
        await failure(db.as('tenant', claimsOf(organization), 'select * from app.push_to_crm($1)', [id])),
      ).toMatchObject({ code: 'PT404', message: 'No such lead.' });
    }
    const reader = claimsOf(organization, { scopes: ['leads.read'] });
    expect(await failure(db.as('tenant', reader, 'select * from app.push_to_crm($1)', [lead]))).toMatchObject({
      code: 'PT403',
    });
  });
});

describe('a lead is pushed by itself', () => {
  test.each([
    ['insert', 'qualified', 1],
    ['insert', 'new', 0],
    ['insert', 'won', 1],
  ])('%s as %s', async (_verb, stage, expected) => {
    await connect('hubspot', { push_when: ['qualified', 'won'] });
    const lead = await addLead(db, organization, { pipeline_stage: stage });
    expect(await crmOf(db, lead)).toHaveLength(expected);
    expect(await tasks()).toBe(expected);
  });

  test('when psql moves it to such a stage, and not before', async () => {
    await connect('hubspot', { push_when: ['qualified'] });
    const lead = await addLead(db, organization);
    await db.admin.query("update app.leads set notes = 'x', pipeline_stage = 'contacted' where id = $1", [lead]);
    expect(await crmOf(db, lead)).toEqual([]);
    await db.admin.query("update app.leads set pipeline_stage = 'qualified' where id = $1", [lead]);
    expect(await crmOf(db, lead)).toMatchObject([{ state: 'pending', next_attempt_at: expect.any(Date) }]);
  });

  test('all of an import, in one statement', async () => {
    await connect('hubspot', { push_when: ['new'] });
    await db.admin.query(
      "insert into app.leads (organization_id, name, email) select $1, 'L' || n, n || '@example.com' from generate_series(1, 20) as n",
      [organization],
    );
    expect(await tasks()).toBe(20);
  });

  test('when it was a qualified call, whichever comes last', async () => {
    await connect('hubspot', { push_when: ['qualified'] });
    const [first, second] = [await addLead(db, organization), await addLead(db, organization)];
    const call = await addCall(db, organization, { lead_id: first });
    expect(await crmOf(db, first)).toEqual([]);
    await db.admin.query('update app.calls set qualified = true where id = $1', [call]);
    expect(await crmOf(db, first)).toHaveLength(1);
    const later = await addCall(db, organization, { qualified: true });
    await db.admin.query('update app.calls set lead_id = $2 where id = $1', [later, second]);
    expect(await crmOf(db, second)).toHaveLength(1);
    // a job is what dispatching makes
    expect((await db.admin.query('select from app.crm_jobs where organization_id = $1', [organization])).rowCount).toBe(
      0,
    );
  });

  test('not without the setting, whatever else stands there', async () => {
    for (const settings of [{}, { push_when: [] }, { push_when: 'never' }, { push_when: null }, { priority: 'high' }]) {
      await connect('hubspot', settings);
      const lead = await addLead(db, organization, { pipeline_stage: 'qualified' });
      expect(await crmOf(db, lead), JSON.stringify(settings)).toEqual([]);
    }
  });
});

describe('what is there already', () => {
  test('is answered at once, and asks for nothing', async () => {
    await connect('hubspot');
    const lead = await addLead(db, organization);
    await requestPush(db, organization, lead);
    await settle(lead);
    const rows = await db.as('tenant', claimsOf(organization), 'select * from api.push_to_crm($1)', [lead]);
    expect(rows).toEqual([
      { id: lead, vendor: 'hubspot', external_id: 'x-1', status: 'ok', last_synced_at: expect.any(Date) },
    ]);
    expect(await tasks()).toBe(0);
  });

  test.each([
    ['not mapped', {}, 'ok'],
    ['mapped', { field_mapping: { score: 'lead_score' } }, 'pending'],
  ])('a score that changed and is %s', async (_how, settings, state) => {
    await connect('hubspot', settings);
    const lead = await addLead(db, organization);
    await requestPush(db, organization, lead);
    await settle(lead);
    await db.admin.query("update app.leads set lead_score = 77, ai_reasoning = 'x' where id = $1", [lead]);
    expect(await requestPush(db, organization, lead)).toMatchObject([{ state }]);
    // a stage is no score
    await db.admin.query("update app.leads set pipeline_stage = 'lost' where id = $1", [lead]);
    expect(await requestPush(db, organization, lead)).toMatchObject([{ state: 'pending' }]);
  });

  test('a call is one job, whose CRM may change until it is made', async () => {
    await connect('jobnimbus');
    const lead = await addLead(db, organization);
    const call = await addCall(db, organization, { lead_id: lead });
    await requestPush(db, organization, lead, call);
    await requestPush(db, organization, lead, call);
    await connect('hubspot', { priority: 1 });
    await requestPush(db, organization, lead, call);
    const jobs = async () =>
      (await db.admin.query('select vendor, external_id from api.crm_jobs where call_id = $1', [call])).rows;
    expect(await jobs()).toEqual([{ vendor: 'hubspot', external_id: null }]);
    await settle(lead);
    expect(await jobs()).toEqual([{ vendor: 'hubspot', external_id: 'job of x-1' }]);
    const { rows } = await db.admin.query('select crm_job_id from app.calls where id = $1', [call]);
    expect(rows).toEqual([{ crm_job_id: 'job of x-1' }]);
    await connect('hubspot', {}, { enabled: false });
    await requestPush(db, organization, lead, call);
    expect(await jobs()).toHaveLength(1);
  });

  const remove = () => db.as('tenant', claimsOf(organization), "select app.delete_connection('hubspot', 'default')");

  test('outlives its connection: the lead still says where it is, and a call is no second job', async () => {
    await connect('hubspot');
    const lead = await addLead(db, organization);
    const call = await addCall(db, organization, { lead_id: lead });
    await requestPush(db, organization, lead, call);
    await settle(lead);
    await remove();
    expect(await crmOf(db, lead)).toMatchObject([{ vendor: 'hubspot', state: 'ok' }]);
    const { rows } = await db.admin.query('select crm_vendor, crm_status from app.leads where id = $1', [lead]);
    expect(rows).toEqual([{ crm_vendor: 'hubspot', crm_status: 'ok' }]);

    // connected anew, it is another CRM as far as we know: the lead is looked for there, and the call has its job
    await connect('hubspot');
    await requestPush(db, organization, lead, call);
    expect(await crmOf(db, lead)).toHaveLength(2);
    expect((await db.admin.query('select from api.crm_jobs where call_id = $1', [call])).rowCount).toBe(1);
  });

  test('that was still to be made says that its connection was removed, and is tried no more', async () => {
    await connect('hubspot');
    const lead = await addLead(db, organization);
    await requestPush(db, organization, lead);
    await remove();
    const [record] = await crmOf(db, lead);
    const claim = await db.admin.query("select * from app.claim_crm_push($1, $2, '1 minute')", [
      organization,
      record?.id,
    ]);
    expect(claim.rows).toEqual([]);
    expect(await crmOf(db, lead)).toMatchObject([{ state: 'failed', last_error: 'The connection was removed.' }]);
  });

  test('that is being made while its connection is removed is kept', async () => {
    await connect('hubspot');
    const lead = await addLead(db, organization);
    await requestPush(db, organization, lead);
    const [record] = await crmOf(db, lead);
    const { rows } = await db.admin.query("select * from app.claim_crm_push($1, $2, '1 minute')", [
      organization,
      record?.id,
    ]);
    await remove();
    await db.as('tenant', claimsOf(organization), 'select app.settle_crm_push($1, $2, $3, $4, null)', [
      record?.id,
      rows[0].claim,
      JSON.stringify({ external_id: 'x-1', hash: rows[0].hash.toString('hex') }),
      '[]',
    ]);
    expect(await crmOf(db, lead)).toMatchObject([{ state: 'ok', external_id: 'x-1' }]);
  });
});

test('a lead that changes while it is pushed is pushed once more', async () => {
  await connect('hubspot');
  const lead = await addLead(db, organization);
  await requestPush(db, organization, lead);
  const [record] = await crmOf(db, lead);
  const { rows } = await db.admin.query("select * from app.claim_crm_push($1, $2, '1 minute')", [
    organization,
    record?.id,
  ]);
  // whoever comes now is told to wait
  const busy = await db.admin.query("select * from app.claim_crm_push($1, $2, '1 minute')", [organization, record?.id]);
  expect(busy.rows).toMatchObject([{ claim: null, wait: expect.any(Number), lead: null, ciphertexts: null }]);

  await db.admin.query('delete from app.tasks where organization_id = $1', [organization]);
  await db.admin.query("update app.leads set company = 'Acme' where id = $1", [lead]);
  await db.as('tenant', claimsOf(organization), "select app.settle_crm_push($1, $2, $3, '[]', null)", [
    record?.id,
    rows[0].claim,
    JSON.stringify({ external_id: 'x-1', hash: rows[0].hash.toString('hex') }),
  ]);
  expect(await crmOf(db, lead)).toMatchObject([{ state: 'pending', external_id: 'x-1' }]);
  expect(await tasks()).toBe(1);
});
