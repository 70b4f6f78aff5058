import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { CONVENTIONS, GIVEN_IDS, GLOBAL_TABLES, UNRECORDED_TABLES, violations } from './conventions.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

describe('the catalogue keeps the conventions', () => {
  test.each(Object.keys(CONVENTIONS))('%s', async (convention) => {
    expect(await violations(db.admin, convention)).toEqual([]);
  });

  test('no exception is listed for a table that is gone', async () => {
    const listed = [GLOBAL_TABLES, UNRECORDED_TABLES, GIVEN_IDS].flatMap((exceptions) => Object.keys(exceptions));
    const { rows } = await db.admin.query(
      'select name from unnest($1::text[]) as name where to_regclass(name) is null',
      [listed],
    );
    expect(rows).toEqual([]);
  });
});

/** For each convention, statements that break it, and what must be reported. */
const BREACHES: Record<string, [statements: string, reported: string]> = {
  'row-level security is enabled and forced on every table': [
    'alter table app.leads no force row level security',
    'app.leads',
  ],
  'every table has a policy (a partition has none, so that nobody reads it past its parent)': [
    'create table app.things (organization_id uuid)',
    'app.things',
  ],
  'nothing is granted on a partition': [
    'grant select on audit.platform_events_default to tenant',
    'audit.platform_events_default',
  ],
  'every table belongs to an organization, or is listed with the reason why not': [
    'create table app.things (id uuid primary key)',
    'app.things',
  ],
  'organization_id is never null': ['create table app.things (organization_id uuid)', 'app.things'],
  'the primary key of a tenant table starts with organization_id': [
    'create table app.things (organization_id uuid, id uuid, primary key (id, organization_id))',
    'app.things',
  ],
  'every unique constraint and unique index of a tenant table contains organization_id': [
    'create unique index leads_email_once on app.leads (email)',
    'app.leads: app.leads_email_once',
  ],
  'every foreign key of a tenant table carries the tenant, unless it refers to the organization itself': [
    'create table app.parts (id uuid primary key); alter table app.leads add constraint leads_part foreign key (job_id) references app.parts on delete cascade',
    'app.leads: leads_part',
  ],
  'every foreign key states on delete, and never clears the tenant': [
    'alter table app.invitations drop constraint invitations_key_fkey, add constraint invitations_key_fkey foreign key (organization_id, accepted_key_id) references app.api_keys on delete set null',
    'app.invitations: invitations_key_fkey',
  ],
  'every foreign key is covered by an index whose leading columns are its columns': [
    'drop index app.deliveries_event',
    'app.deliveries: deliveries_event_fkey',
  ],
  'every table and view is commented': ['comment on view api.leads is null', 'api.leads'],
  'every column is commented': ['alter table app.leads add column shoe_size integer', 'app.leads.shoe_size'],
  'every function is commented': ['comment on function app.slug is null', 'app.slug(text)'],
  'every schema is commented': ['create schema crm authorization trunkline_owner', 'crm'],
  'every view runs with the rights of who reads it': ['alter view api.leads reset (security_invoker)', 'api.leads'],
  'every security definer function pins an empty search_path': [
    'alter function app.authenticate reset search_path',
    'app.authenticate(bytea)',
  ],
  'no function is marked as safer than what it calls': [
    'alter function eal.call parallel safe',
    'eal.call(app.calls) calls app.recording_url',
  ],
  'no function can be called by everybody': [
    'create function app.oops() returns integer language sql return 1',
    'app.oops()',
  ],
  'everything is owned by trunkline_owner': ['create table app.things (id uuid)', 'app.things'],
  'grants on tables list their columns': ['grant select on app.leads to tenant', 'app.leads: tenant SELECT'],
  'nothing is granted to everybody': ['grant select (name) on app.leads to public', 'app.leads'],
  'analysts only read': ['grant update (label) on api.scoring_rules to analyst', 'analyst UPDATE api.scoring_rules'],
  'analysts read no secret, hash, answer or ciphertext': [
    'grant select (key_hash) on app.api_keys to analyst_all',
    'analyst_all app.api_keys.key_hash',
  ],
  'tenants read no encrypted secret and no hash of a token': [
    'grant select (ciphertext) on app.webhook_secrets to tenant',
    'app.webhook_secrets.ciphertext',
  ],
  'each role names only its schemas': ['grant usage on schema app to analyst', 'analyst and schema app'],
  'each role calls only its functions': [
    'grant execute on function app.authenticate to anon',
    'anon may call app.authenticate',
  ],
  'each role has only its tables': ['grant select (name) on app.leads to postgrest', 'postgrest has app.leads: SELECT'],
  'no login role has a right of its own by membership, nor bypasses row-level security': [
    'grant analyst to worker with inherit true',
    'worker inherits analyst',
  ],
  'triggers are named _NNN_name': [
    'create trigger touch before update on app.leads for each row execute function private.touch()',
    'app.leads: touch',
  ],
  'every tenant table that holds state records its changes': ['drop trigger _500_record on app.leads', 'app.leads'],
  'every table with updated_at moves it': ['drop trigger _100_touch on app.leads', 'app.leads'],
  'timestamps are timestamptz(3)': ['alter table app.leads add column seen_at timestamptz', 'app.leads.seen_at'],
  'ids are UUIDs of version 7': ['alter table app.leads alter id set default gen_random_uuid()', 'app.leads'],
  'policies are named as sentences, which fit': [
    'create policy tenant_select on app.leads for select to tenant using (true)',
    'app.leads: tenant_select',
  ],
  'every check constraint that a caller can violate says which field and why': [
    'alter table app.leads add constraint leads_job check (job_id is not null) not valid',
    'app.leads: leads_job',
  ],
};

describe('a breach is found', () => {
  test.each(Object.keys(CONVENTIONS))('%s', async (convention) => {
    const breach = BREACHES[convention];
    if (!breach) throw new Error('Nobody shows that this convention is checked: add a breach of it.');
    const [statements, reported] = breach;
    const client = await db.admin.connect();
    try {
      await client.query('begin');
      await client.query(statements);
      expect(await violations(client, convention)).toContain(reported);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});
