import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  addLead,
  claimsOf,
  failure,
  makeKey,
  makeOrganization,
  pastEntry,
  registerWebhook,
  sha256,
} from './fixtures.ts';

interface Entry {
  id: string;
  action: string;
  source: string;
  correlation_id: string;
  payload: { diff: Record<string, { from: unknown; to: unknown }>; [key: string]: unknown };
  created_at: Date;
}

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

/** Entries of a subject, oldest first. */
const entries = async (key: string, id: string): Promise<Entry[]> =>
  (await db.admin.query('select * from audit.platform_events where payload ->> $1 = $2 order by id', [key, id])).rows;

const lastEntry = async (action: string): Promise<Entry> => {
  const { rows } = await db.admin.query(
    'select * from audit.platform_events where action = $1 order by id desc limit 1',
    [action],
  );
  return rows[0];
};

describe('every change leaves an entry', () => {
  test('with a per-field diff, as the document shows it', async () => {
    const key = await makeKey(db, organization);
    const claims = claimsOf(organization, { key_id: key, correlation_id: 'corr_z3p7w2' });
    const lead = await addLead(db, organization);
    await db.admin.query("update app.leads set pipeline_stage = 'qualified', lead_score = 87 where id = $1", [lead]);
    await db.as('tenant', claims, "update api.leads set pipeline_stage = 'won', lead_score = 92 where id = $1", [lead]);

    const [, , change] = await entries('lead_id', lead);
    expect(change).toMatchObject({ action: 'lead.updated', source: 'api', correlation_id: 'corr_z3p7w2' });
    expect(change?.payload).toEqual({
      lead_id: lead,
      key_id: key,
      diff: { pipeline_stage: { from: 'qualified', to: 'won' }, lead_score: { from: 87, to: 92 } },
    });
  });

  test('an insert and a delete too', async () => {
    const lead = await addLead(db, organization, 'Ann');
    await db.admin.query('delete from app.leads where id = $1', [lead]);
    const [made, gone] = await entries('lead_id', lead);
    expect(made?.action).toBe('lead.created');
    expect(made?.payload.diff.name).toEqual({ from: null, to: 'Ann' });
    expect(made?.payload.diff).not.toHaveProperty('tags');
    expect(gone?.action).toBe('lead.deleted');
    expect(gone?.payload.diff.name).toEqual({ from: 'Ann', to: null });
  });

  test('an update that changes nothing leaves none, and does not move updated_at', async () => {
    const lead = await addLead(db, organization);
    const [before] = (await db.admin.query('select updated_at from app.leads where id = $1', [lead])).rows;
    await db.admin.query('update app.leads set name = name, tags = tags where id = $1', [lead]);
    const [after] = (await db.admin.query('select updated_at from app.leads where id = $1', [lead])).rows;
    expect(await entries('lead_id', lead)).toHaveLength(1);
    expect(after).toEqual(before);
  });

  test('one per row, in the transaction of the change', async () => {
    const lead = await addLead(db, organization);
    await failure(
      db.as('tenant', claimsOf(organization), `update api.leads set name = 'x' where id = '${lead}' returning 1 / 0`),
    );
    expect(await entries('lead_id', lead)).toHaveLength(1);
    const { rows } = await db.admin.query(
      "with made as (insert into app.leads (organization_id, name) select $1, 'Lead ' || i from generate_series(1, 3) i returning id) select id from made",
      [organization],
    );
    for (const { id } of rows) expect(await entries('lead_id', id)).toHaveLength(1);
  });

  test('made in psql it names the database login and the transaction', async () => {
    const client = await db.admin.connect();
    const { rows } = await client
      .query(
        "begin; insert into app.leads (organization_id, name) values ('" +
          organization +
          "', 'By hand'); select pg_current_xact_id() as txid, session_user as login",
      )
      .then((results) => (results as unknown as { rows: { txid: string; login: string }[] }[])[2] ?? { rows: [] });
    await client.query('commit');
    client.release();
    const entry = await lastEntry('lead.created');
    expect(entry).toMatchObject({ source: 'system', correlation_id: `txid_${rows[0]?.txid}` });
    expect(entry.payload).toMatchObject({ database_user: rows[0]?.login });
    expect(entry.payload).not.toHaveProperty('key_id');
  });

  test('made by the worker it has its source and no key', async () => {
    await db.as(
      'tenant',
      claimsOf(organization, { source: 'cron', correlation_id: 'job_1' }),
      "insert into api.leads (name) values ('By cron')",
    );
    const entry = await lastEntry('lead.created');
    expect(entry).toMatchObject({ source: 'cron', correlation_id: 'job_1' });
    expect(Object.keys(entry.payload).sort()).toEqual(['diff', 'lead_id']);
  });

  test('its time is the time in its id', async () => {
    const { rows } = await db.admin.query(
      'select count(*) from audit.platform_events where created_at <> uuid_extract_timestamp(id)',
    );
    expect(rows).toEqual([{ count: '0' }]);
  });

  test('secrets are redacted in the entry and absent from the snapshot', async () => {
    const key = await makeKey(db, organization);
    await db.admin.query('update app.api_keys set key_hash = $2 where id = $1', [key, sha256('another')]);
    const [made, changed] = await entries('api_key_id', key);
    expect(made?.payload.diff.key_hash).toEqual({ from: null, to: '[redacted]' });
    expect(changed?.payload.diff).toEqual({ key_hash: { from: '[redacted]', to: '[redacted]' } });

    const { secretId } = await registerWebhook(db, organization, 'https://secret.example.com/');
    const [secret] = await entries('webhook_secret_id', secretId);
    expect(secret?.payload.diff.ciphertext).toEqual({ from: null, to: '[redacted]' });

    const { rows } = await db.admin.query(
      "select snapshot from app.outbox where resource in ('api_keys', 'webhook_secrets')",
    );
    expect(rows.length).toBeGreaterThan(2);
    for (const { snapshot } of rows) {
      expect(snapshot).not.toHaveProperty('key_hash');
      expect(snapshot).not.toHaveProperty('ciphertext');
    }
  });

  test('bookkeeping is no change', async () => {
    const key = await makeKey(db, organization);
    await db.as('gateway', null, 'select app.note_key_uses($1)', [
      JSON.stringify([{ organization_id: organization, key_id: key, at: new Date() }]),
    ]);
    const { rows } = await db.admin.query(
      'select last_used_at is not null as seen, updated_at = created_at as untouched from app.api_keys where id = $1',
      [key],
    );
    expect(rows).toEqual([{ seen: true, untouched: true }]);
    expect(await entries('api_key_id', key)).toHaveLength(1);
  });

  test('a state that ends has a verb of its own', async () => {
    const key = await makeKey(db, organization);
    await db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [key]);
    const { id } = await registerWebhook(db, organization, 'https://verbs.example.com/');
    await db.as('tenant', claimsOf(organization), 'select app.delete_webhook($1)', [id]);
    await registerWebhook(db, organization, 'https://verbs.example.com/');
    expect((await entries('api_key_id', key)).map((entry) => entry.action)).toEqual([
      'api_key.created',
      'api_key.revoked',
    ]);
    expect((await entries('webhook_id', id)).map((entry) => entry.action)).toEqual([
      'webhook.created',
      'webhook.deleted',
      'webhook.created',
    ]);
  });

  test('who may read from a database login is recorded', async () => {
    await db.admin.query("insert into private.database_logins (login, organization_id) values ('ann', $1)", [
      organization,
    ]);
    const entry = await lastEntry('database_login.created');
    expect(entry.payload.diff).toEqual({ login: { from: null, to: 'ann' } });
  });

  test('api.audit_log says it in a sentence', async () => {
    const lead = await addLead(db, organization);
    await db.admin.query("update app.leads set pipeline_stage = 'won', company = 'Acme' where id = $1", [lead]);
    const rows = await db.as(
      'tenant',
      claimsOf(organization),
      "select changes from api.audit_log where payload ->> 'lead_id' = $1 and action = 'lead.updated'",
      [lead],
    );
    expect(rows).toEqual([{ changes: 'company: ∅ → Acme; pipeline_stage: new → won' }]);
  });
});

describe('nobody changes the record', () => {
  const FORBIDDEN = [
    "update audit.platform_events set source = 'cron'",
    'delete from audit.platform_events',
    'truncate audit.platform_events',
    "update audit.platform_events_default set source = 'cron'",
    'delete from audit.platform_events_default',
    'truncate audit.platform_events_default',
    'update audit.seals set entries = 0',
    'delete from audit.seals',
    'truncate audit.seals',
  ];

  beforeAll(async () => {
    await pastEntry(db, organization, '2026-01-05 10:20');
    await db.admin.query('select audit.seal_closed_hours()');
  });

  test.each(FORBIDDEN)('%s', async (statement) => {
    const partition = (
      await db.admin.query("select 'audit.platform_events_' || to_char(now() at time zone 'UTC', 'YYYY_MM') as name")
    ).rows[0].name;
    const current = statement.replace('audit.platform_events_default', partition);
    expect(await failure(db.admin.query(statement))).toMatchObject({
      code: '42501',
      message: expect.stringMatching(/^The audit log cannot be changed/),
    });
    expect(await failure(db.admin.query(current))).toMatchObject({ code: '42501' });
    for (const role of ['tenant', 'worker', 'gateway', 'analyst_all']) {
      expect(await failure(db.as(role, claimsOf(organization), statement)), role).toMatchObject({ code: '42501' });
    }
  });

  test('nor the owner of the tables, and directly on a partition it reads nothing', async () => {
    for (const statement of FORBIDDEN.filter((one) => !one.includes('_default'))) {
      expect(await failure(db.as('trunkline_owner', null, statement)), statement).toMatchObject({ code: '42501' });
    }
    expect(await db.as('trunkline_owner', null, 'select from audit.platform_events_default')).toEqual([]);
    expect(await failure(db.as('trunkline_owner', null, 'truncate audit.platform_events_default'))).toMatchObject({
      code: '42501',
    });
  });

  test('nobody but the trigger adds an entry', async () => {
    const insert = `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
                    values ('${organization}', uuidv7(), 'lead.updated', 'api', 'x', '{}', now())`;
    for (const role of ['tenant', 'worker', 'gateway', 'analyst_all', 'anon']) {
      expect(await failure(db.as(role, claimsOf(organization), insert)), role).toMatchObject({ code: '42501' });
    }
  });
});

describe('partitions', () => {
  const partitions = async (): Promise<string[]> =>
    (
      await db.admin.query(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.platform_events'::regclass order by 1",
      )
    ).rows.map((row) => row.name);

  test('are made ahead, and again without harm', async () => {
    const { rows } = await db.admin.query(`
      select 'audit.platform_events_' || to_char(month, 'YYYY_MM') as name
        from generate_series(date_trunc('month', now() at time zone 'UTC'), date_trunc('month', now() at time zone 'UTC') + interval '3 months', '1 month') as month`);
    expect(await partitions()).toEqual(expect.arrayContaining(rows.map((row) => row.name)));
    expect(await db.as('worker', null, 'select audit.make_partitions() as made')).toEqual([{ made: 0 }]);
    expect(await db.as('worker', null, 'select audit.make_partitions(5) as made')).toEqual([{ made: 2 }]);
  });

  test('an entry of a month without one lies in the default partition', async () => {
    const id = await pastEntry(db, organization, '2025-03-01 08:00');
    const { rows } = await db.admin.query(
      'select tableoid::regclass::text as partition from audit.platform_events where id = $1',
      [id],
    );
    expect(rows).toEqual([{ partition: 'audit.platform_events_default' }]);
  });

  test('a month that began without its partition does not keep the later ones from being made', async () => {
    const { rows } = await db.admin.query(`
      select (date_trunc('month', now() at time zone 'UTC') + interval '6 months 3 days') at time zone 'UTC' as late,
             'audit.platform_events_' || to_char(date_trunc('month', now() at time zone 'UTC') + interval '7 months', 'YYYY_MM') as next`);
    await pastEntry(db, organization, rows[0].late);
    expect(await db.as('worker', null, 'select audit.make_partitions(7) as made')).toEqual([{ made: 1 }]);
    expect(await partitions()).toContain(rows[0].next);
  });

  test('none is dropped before seven years', async () => {
    expect(await failure(db.as('worker', null, "select audit.drop_expired('6 years')"))).toMatchObject({
      code: 'PT400',
    });
    expect(await db.as('worker', null, 'select audit.drop_expired()')).toEqual([]);
  });

  test('what ended more than seven years ago is dropped, and its seals are no alarm', async () => {
    const other = await createDatabase();
    const tenant = await makeOrganization(other);
    await other.admin.query(`
      do $$
      declare
        month date;
        name  text;
      begin
        foreach month in array array[date_trunc('month', now() - interval '7 years'), date_trunc('month', now() - interval '7 years 1 month')]::date[] loop
          name := to_char(month, '"platform_events_"YYYY_MM');
          execute format('create table audit.%I partition of audit.platform_events for values from (%L) to (%L)', name, month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
          execute format('alter table audit.%I owner to trunkline_owner', name);
          perform audit.protect_partition(name);
        end loop;
      end $$`);
    // the last day of the month that has ended, and the first hours of the one that has not
    const { rows } = await other.admin.query(`
      select date_trunc('month', now() - interval '7 years', 'UTC') - interval '30 minutes' as expired,
             date_trunc('month', now() - interval '7 years', 'UTC') + interval '30 minutes' as kept,
             to_char(date_trunc('month', now() - interval '7 years', 'UTC') - interval '1 day', '"platform_events_"YYYY_MM') as name`);
    await pastEntry(other, tenant, rows[0].expired);
    await pastEntry(other, tenant, rows[0].kept);
    await other.as('worker', null, 'select audit.seal_closed_hours()');
    expect(await other.as('worker', null, 'select audit.drop_expired() as name')).toEqual([{ name: rows[0].name }]);
    expect(await other.as('worker', null, 'select * from audit.verify()')).toEqual([]);
    expect(await other.as('worker', null, 'select hours from audit.head()')).toEqual([{ hours: '2' }]);
    await other.drop();
  });
});
