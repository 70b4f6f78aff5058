import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPushed } from '../support/crm.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  addLead,
  claimsOf,
  failure,
  makeKey,
  makeOrganization,
  NO_SUCH_ID,
  registerWebhook,
  relay,
  sha256,
} from './fixtures.ts';

let db: TestDatabase;
let parent: string;
let ours: string;
let theirs: string;

beforeAll(async () => {
  db = await createDatabase();
  parent = await makeOrganization(db, 'Parent');
  ours = await makeOrganization(db, 'Ours', parent);
  theirs = await makeOrganization(db, 'Theirs', await makeOrganization(db, 'Their parent'));
  for (const organization of [ours, theirs]) await fill(organization);
  for (const organization of [ours, theirs]) await addLead(db, organization, 'Left in the outbox');
});
afterAll(() => db.drop());

/** At least one row in every tenant table. */
async function fill(organization: string): Promise<void> {
  const key = await makeKey(db, organization);
  const claims = claimsOf(organization, { key_id: key });
  await registerWebhook(db, organization, 'https://receiver.example.com/hook');
  const lead = await addLead(db, organization);
  await db.as('tenant', claims, "select from app.hand_off_lead($1, 'krew', '{}')", [lead]);
  await db.as('tenant', claims, "insert into app.lead_replies (lead_id, message) values ($1, 'Yes, please')", [lead]);
  await db.as('tenant', claims, "insert into app.scraper_runs (source) values ('reddit')");
  await db.as('tenant', claims, "insert into app.calls (source, caller_number) values ('api', '+14045550173')");
  await db.admin.query(
    "insert into app.leads (organization_id, name, source, pipeline_stage) values ($1, 'Ann', 'list', 'won')",
    [organization],
  );
  await db.as('tenant', claims, "select app.queue_message('sms', '+14045550173', 'We call you back.')");
  await db.as('tenant', claims, "select app.suppress('email', 'nomore@example.com')");
  await db.admin.query("select app.add_task($1, 'score_lead', $2)", [organization, lead]);
  const due = await relay(db);
  const results = due.map(({ organization_id, delivery_id, endpoint_id, attempt }) => ({
    ...{ organization_id, delivery_id, endpoint_id, attempt, event_type: 'lead.created' },
    ...{ ok: true, status: 200, latency_ms: 5, attempted_at: new Date() },
  }));
  await db.as('worker', null, "select * from app.record_attempts($1, array['1m']::interval[], '5 days')", [
    JSON.stringify(results),
  ]);
  await db.as('tenant', claims, "select app.keep_answer('a', $1, 201, $2)", [sha256('request'), Buffer.from('answer')]);
  await db.admin.query(
    `insert into app.grants (organization_id, parent_organization_id, scopes)
     select id, parent_organization_id, '{calls.read}' from app.organizations where id = $1`,
    [organization],
  );
  await db.admin.query(
    "insert into app.invitations (organization_id, email, token_hash) values ($1, 'a@example.com', $2)",
    [organization, sha256(organization)],
  );
  await connect(organization);
  const call = await db.admin.query('select id from app.calls where organization_id = $1', [organization]);
  await addPushed(db, organization, lead, call.rows[0].id);
  await db.admin.query('insert into private.database_logins (login, organization_id) values ($1, $2)', [
    `nobody_${organization}`,
    organization,
  ]);
}

/** A connection with a credential, something its hook brought, and how far it is polled. */
async function connect(organization: string): Promise<void> {
  const [made] = await db.as(
    'tenant',
    claimsOf(organization),
    `select (connection).id from app.save_connection('meta-lead-ads', 'default', '{}', null, '{app_secret}', array['secret'::bytea],
       '{app_secret}', $1, 'prefix')`,
    [sha256(`hook of ${organization}`)],
  );
  await db.as('gateway', null, "select app.store_hook_receipt($1, $2, '{}', 'body')", [organization, made?.id]);
  await db.as('worker', null, "select app.claim_polls('{meta-lead-ads}', 1, '1 minute', $1)", [made?.id]);
}

interface TenantTable {
  name: string;
  tenant: string;
  readable: boolean;
  updatable: string | null;
  insertable: string | null;
  deletable: boolean;
}

/** Tables and views of app, api, audit and private that have rows of organizations, and what a tenant may do with them. */
async function tenantTables(): Promise<TenantTable[]> {
  const { rows } = await db.admin.query<TenantTable>(`
    select n.nspname || '.' || c.relname as name, t.attname as tenant,
           has_column_privilege('tenant', c.oid, t.attnum, 'select') as readable,
           has_table_privilege('tenant', c.oid, 'delete') as deletable,
           (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and has_column_privilege('tenant', c.oid, a.attnum, 'update')) as updatable,
           (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and has_column_privilege('tenant', c.oid, a.attnum, 'insert')) as insertable
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute t on t.attrelid = c.oid
       and t.attname = case when c.relname = 'organizations' then 'id' else 'organization_id' end
     where n.nspowner = 'trunkline_owner'::regrole and c.relkind in ('r', 'p', 'v') and not c.relispartition
     order by 1`);
  return rows;
}

const fingerprint = async (table: TenantTable, organization: string): Promise<string> => {
  const { rows } = await db.admin.query(
    `select md5(string_agg(to_jsonb(t)::text, ' ' order by to_jsonb(t)::text)) as print from ${table.name} t where ${table.tenant} = $1`,
    [organization],
  );
  return rows[0].print;
};

/** Rows changed, or the SQLSTATE of the refusal. */
const outcome = async (attempt: Promise<unknown[]>): Promise<string | number> => {
  try {
    return (await attempt).length;
  } catch (error) {
    return (error as pg.DatabaseError).code ?? 'unknown';
  }
};

describe('a key sees, changes and adds only rows of its organization', () => {
  test('the fixture has rows of both organizations in every table', async () => {
    for (const table of await tenantTables()) {
      const { rows } = await db.admin.query(`select distinct ${table.tenant} as id from ${table.name}`);
      const present = rows.map((row) => row.id);
      expect(present, table.name).toEqual(expect.arrayContaining([ours, theirs]));
    }
  });

  test('it reads its own rows and no others', async () => {
    for (const table of (await tenantTables()).filter((one) => one.readable)) {
      const rows = await db.as(
        'tenant',
        claimsOf(ours, { key_id: await anyKey(ours) }),
        `select ${table.tenant} as id from ${table.name}`,
      );
      expect(new Set(rows.map((row) => row.id)), table.name).toEqual(new Set([ours]));
    }
  });

  test('without claims there are no rows', async () => {
    for (const table of (await tenantTables()).filter((one) => one.readable)) {
      expect(await db.as('tenant', null, `select ${table.tenant} from ${table.name}`), table.name).toEqual([]);
    }
  });

  test('a pooled session keeps nothing of the request before it', async () => {
    const client = await db.admin.connect();
    try {
      await client.query('begin; set local role tenant');
      await client.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claimsOf(ours))]);
      expect((await client.query('select from app.leads')).rowCount).toBeGreaterThan(0);
      await client.query('commit; begin; set local role tenant');
      expect((await client.query("select current_setting('request.jwt.claims') as left")).rows).toEqual([{ left: '' }]);
      expect((await client.query('select from app.leads')).rowCount).toBe(0);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('it changes no row of another', async () => {
    for (const table of (await tenantTables()).filter((one) => one.updatable)) {
      const before = await fingerprint(table, theirs);
      const column = table.updatable?.split(', ')[0];
      const blind = `update ${table.name} set ${column} = ${column} where ${table.tenant} = '${theirs}' returning 1`;
      expect(await outcome(db.as('tenant', claimsOf(ours), blind)), table.name).toBe(0);
      expect(await fingerprint(table, theirs), table.name).toBe(before);
    }
  });

  test('it removes no row of another', async () => {
    for (const table of (await tenantTables()).filter((one) => one.deletable)) {
      const before = await fingerprint(table, theirs);
      await outcome(db.as('tenant', claimsOf(ours), `delete from ${table.name} where ${table.tenant} = '${theirs}'`));
      expect(await fingerprint(table, theirs), table.name).toBe(before);
    }
  });

  test('it adds no row to another', async () => {
    for (const table of (await tenantTables()).filter((one) => one.insertable?.includes('organization_id'))) {
      const before = await fingerprint(table, theirs);
      const copy = `insert into ${table.name} (${table.insertable})
                    select ${table.insertable} from jsonb_populate_record(null::${table.name}, $1)`;
      const { rows } = await db.admin.query(
        `select to_jsonb(t) as row from ${table.name} t where ${table.tenant} = $1 limit 1`,
        [theirs],
      );
      expect(await outcome(db.as('tenant', claimsOf(ours), copy, [rows[0].row])), table.name).toBe('42501');
      expect(await fingerprint(table, theirs), table.name).toBe(before);
    }
  });

  test('what it adds without naming an organization is its own', async () => {
    for (const [view, column, value] of [
      ['api.leads', 'name', "'Named nowhere'"],
      ['api.scoring_rules', 'label, predicate, weight', "'Rule', '$.name', 0.1"],
      ['api.classification_rules', 'label, value, terms, weight', "'Rule', 'water', 'leak', 0.1"],
    ]) {
      const rows = await db.as(
        'tenant',
        claimsOf(ours),
        `insert into ${view} (${column}) values (${value}) returning organization_id`,
      );
      expect(rows).toEqual([{ organization_id: ours }]);
    }
  });

  test('it cannot give a lead to another organization', async () => {
    expect(
      await failure(db.as('tenant', claimsOf(ours), 'update app.leads set organization_id = $1', [theirs])),
    ).toMatchObject({
      code: '42501',
    });
  });
});

const anyKey = async (organization: string): Promise<string> =>
  (
    await db.admin.query('select id from app.api_keys where organization_id = $1 order by created_at limit 1', [
      organization,
    ])
  ).rows[0].id;

describe('a key does only what its scopes say', () => {
  const readOnly = () => claimsOf(ours, { scopes: ['leads.read', 'audit_log.read'] });

  test('one that only reads adds and changes nothing', async () => {
    expect(await failure(db.as('tenant', readOnly(), "insert into api.leads (name) values ('x')"))).toMatchObject({
      code: 'PT403',
    });
    expect(await failure(db.as('tenant', readOnly(), "update api.leads set name = 'x'"))).toMatchObject({
      code: 'PT403',
      hint: 'forbidden',
      message: 'The API key lacks the scope leads.write.',
    });
    const change = "update api.scoring_rules set label = 'x'";
    expect(await failure(db.as('tenant', readOnly(), change))).toMatchObject({ code: 'PT403' });
    const webhook =
      "select app.register_webhook('eal', 'https://x.example.com', '{lead.created}', null, null, uuidv7(), 'x', 'x')";
    expect(await failure(db.as('tenant', readOnly(), webhook))).toMatchObject({ code: 'PT403' });
    expect(await failure(db.as('tenant', readOnly(), 'select from app.api_keys'))).toMatchObject({ code: 'PT403' });
  });

  test('one that only reads leads still reads the rules they are scored by', async () => {
    const rows = await db.as(
      'tenant',
      claimsOf(ours, { scopes: ['leads.read'] }),
      'select distinct organization_id from api.scoring_rules',
    );
    expect(rows).toEqual([{ organization_id: ours }]);
  });

  test('one without a scope for leads is told so', async () => {
    const claims = claimsOf(ours, { scopes: ['audit_log.read'] });
    expect(await failure(db.as('tenant', claims, 'select from api.leads'))).toMatchObject({ code: 'PT403' });
  });

  test('a scope that begins like another is another', async () => {
    const claims = claimsOf(ours, { scopes: ['leadsx.read', 'lead', 'leads'] });
    expect(await failure(db.as('tenant', claims, 'select from api.leads'))).toMatchObject({ code: 'PT403' });
  });

  test('a key that was revoked or has expired stops at once', async () => {
    const key = await makeKey(db, ours);
    const claims = claimsOf(ours, { key_id: key });
    expect(await db.as('tenant', claims, 'select from app.leads')).not.toEqual([]);
    await db.admin.query('update app.api_keys set revoked_at = now() where id = $1', [key]);
    expect(await failure(db.as('tenant', claims, 'select from app.leads'))).toMatchObject({
      code: 'PT401',
      hint: 'unauthorized',
    });

    const expired = claimsOf(ours, { key_id: await makeKey(db, ours, '2020-01-01') });
    expect(await failure(db.as('tenant', expired, "insert into api.leads (name) values ('x')"))).toMatchObject({
      code: 'PT401',
    });
    const unknown = claimsOf(ours, { key_id: NO_SUCH_ID });
    expect(await failure(db.as('tenant', unknown, 'select from api.organizations'))).toMatchObject({ code: 'PT401' });
    const stolen = claimsOf(ours, { key_id: await anyKey(theirs) });
    expect(await failure(db.as('tenant', stolen, 'select from api.leads'))).toMatchObject({ code: 'PT401' });
  });
});

describe('a parent reads a child under a grant in force, and never writes', () => {
  const asParent = () => claimsOf(parent, { target_organization_id: ours });
  const READS: Record<string, string> = {
    'leads.read': 'select organization_id from api.leads',
    'audit_log.read': 'select organization_id from api.audit_log',
  };

  const withGrant = async (
    scope: string,
    more: { revoked_at?: string; expires_at?: string },
    check: () => Promise<void>,
  ) => {
    const { rows } = await db.admin.query(
      `insert into app.grants (organization_id, parent_organization_id, scopes, revoked_at, expires_at)
       values ($1, $2, $3, $4, $5) returning id`,
      [ours, parent, [scope], more.revoked_at, more.expires_at],
    );
    try {
      await check();
    } finally {
      await db.admin.query('delete from app.grants where id = $1', [rows[0].id]);
    }
  };

  test.each(Object.keys(READS))('%s', async (scope) => {
    const read = READS[scope] as string;
    const other = scope === 'leads.read' ? 'audit_log.read' : 'leads.read';
    const refused = async () => {
      expect(await failure(db.as('tenant', asParent(), read))).toMatchObject({
        code: 'PT404',
        detail: { field: 'organization_id', reason: 'no grant in force' },
      });
    };
    await refused();
    await withGrant(scope, { revoked_at: '2026-01-01' }, refused);
    await withGrant(scope, { expires_at: '2026-01-01' }, refused);
    await withGrant(other, {}, refused);
    await withGrant(scope, { expires_at: '2099-01-01' }, async () => {
      const rows = await db.as('tenant', asParent(), read);
      expect(new Set(rows.map((row) => row.organization_id))).toEqual(new Set([ours]));
    });
  });

  test('a grant to the parent is none to others', async () => {
    await withGrant('leads.read', {}, async () => {
      const stranger = claimsOf(theirs, { target_organization_id: ours });
      expect(await failure(db.as('tenant', stranger, READS['leads.read'] as string))).toMatchObject({ code: 'PT404' });
    });
  });

  test('another tenant that exists and one that does not answer alike', async () => {
    const seen = async (target: string) =>
      failure(db.as('tenant', claimsOf(parent, { target_organization_id: target }), 'select from api.leads'));
    expect(await seen(theirs)).toEqual(await seen(NO_SUCH_ID));
  });

  test('nothing is written', async () => {
    await withGrant('leads.read', {}, async () => {
      const claims = asParent();
      for (const statement of [
        "insert into api.leads (name) values ('x')",
        `insert into app.leads (organization_id, name) values ('${ours}', 'x')`,
        "update api.leads set name = 'x'",
        'select app.score_lead(id) from app.leads',
      ]) {
        expect(await failure(db.as('tenant', claims, statement)), statement).toMatchObject({ code: 'PT403' });
      }
    });
  });
});

describe('no constraint tells whether another tenant has a row', () => {
  const same = async (statement: (id: string) => string, existing: string) => {
    const strip = ({ message, ...rest }: Awaited<ReturnType<typeof failure>>) => ({
      ...rest,
      message: message.replaceAll(existing, NO_SUCH_ID),
    });
    const there = strip(await failure(db.as('tenant', claimsOf(ours), statement(existing))));
    expect(there).toEqual(strip(await failure(db.as('tenant', claimsOf(ours), statement(NO_SUCH_ID)))));
  };

  test('organizations', async () => {
    await same((id) => `insert into app.leads (organization_id, name) values ('${id}', 'x')`, theirs);
    await same(
      (id) => `insert into app.organizations (parent_organization_id, name, slug) values ('${id}', 'x', 'x')`,
      theirs,
    );
    await same(
      (id) =>
        `insert into app.grants (organization_id, parent_organization_id, scopes) values ('${ours}', '${id}', '{leads.read}')`,
      theirs,
    );
    await same((id) => `select app.give_grant('${id}', '${parent}', '{leads.read}', null)`, theirs);
    await same((id) => `select app.update_organization('${id}', 'x', null, null)`, theirs);
  });

  test('keys, leads and webhooks', async () => {
    const key = await anyKey(theirs);
    await same(
      (id) => `insert into app.api_keys (organization_id, contract, name, key_hash, key_prefix, scopes, rotated_from)
               values ('${ours}', 'eal', 'x', sha256('x'), 'x', '{read}', '${id}')`,
      key,
    );
    await same((id) => `select app.rotate_key('${id}', sha256('x'), 'x', '1 day')`, key);
    await same((id) => `select app.revoke_key('${id}')`, key);
    const { rows } = await db.admin.query(
      'select (select id from app.leads where organization_id = $1 limit 1) as lead, (select id from app.webhook_endpoints where organization_id = $1) as webhook',
      [theirs],
    );
    await same((id) => `select app.score_lead('${id}')`, rows[0].lead);
    await same((id) => `select app.recover_webhook('${id}', '2020-01-01')`, rows[0].webhook);
    await same((id) => `select app.delete_webhook('${id}')`, rows[0].webhook);
  });

  test('receipts of hooks', async () => {
    const { rows } = await db.admin.query('select id from app.hook_receipts where organization_id = $1', [theirs]);
    await same((id) => `select app.retry_hook_receipts('meta-lead-ads', 'default', '${id}')`, rows[0].id);
  });

  test('two tenants may register the same URL, hold the same slug and send the same idempotency key', async () => {
    const { rows } = await db.admin.query(`
      select (select count(distinct organization_id) from app.webhook_endpoints where url = 'https://receiver.example.com/hook') as urls,
             (select count(distinct organization_id) from app.idempotency_keys where idempotency_key = 'a') as keys`);
    expect(rows).toEqual([{ urls: '2', keys: '2' }]);
  });
});

describe('a database login of a person', () => {
  const suffix = randomBytes(4).toString('hex');
  const bound = `analyst_${suffix}`;
  const unbound = `unbound_${suffix}`;
  const everything = `auditor_${suffix}`;

  beforeAll(async () => {
    for (const [login, role] of [
      [bound, 'analyst'],
      [unbound, 'analyst'],
      [everything, 'analyst_all'],
    ]) {
      await db.admin.query(`create role ${login} login password 'secret' in role ${role}`);
    }
    await db.admin.query('insert into private.database_logins (login, organization_id) values ($1, $2)', [bound, ours]);
  });
  afterAll(async () => {
    await db.admin.query(`drop role ${bound}, ${unbound}, ${everything}`);
  });

  const connected = async <Result>(login: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> => {
    const url = new URL(db.url);
    url.username = login;
    url.password = 'secret';
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };

  const VIEWS = [
    'api.leads',
    'api.lead_pipeline',
    'api.scoring_rules',
    'api.classification_rules',
    'api.webhook_health',
    'api.webhook_deliveries',
    'api.connections',
    'api.hook_receipts',
    'api.crm_records',
    'api.crm_jobs',
    'api.audit_log',
  ];
  const organizationsSeen = async (client: pg.Client, view: string) =>
    new Set((await client.query(`select organization_id from ${view}`)).rows.map((row) => row.organization_id));

  test('sees the organization it is bound to', () =>
    connected(bound, async (client) => {
      for (const view of VIEWS) expect(await organizationsSeen(client, view), view).toEqual(new Set([ours]));
      expect((await client.query('select id from api.organizations')).rows).toEqual([{ id: ours }]);
    }));

  test('cannot claim to be another', () =>
    connected(bound, async (client) => {
      await client.query("select set_config('request.jwt.claims', $1, false)", [JSON.stringify(claimsOf(theirs))]);
      for (const view of VIEWS) expect(await organizationsSeen(client, view), view).toEqual(new Set([ours]));
      for (const role of ['tenant', 'worker', 'gateway', 'trunkline_owner', 'analyst_all', everything]) {
        expect(await failure(client.query(`set role ${role}`)), role).toMatchObject({ code: '42501' });
      }
      expect(await failure(client.query(`set session authorization ${everything}`))).toMatchObject({ code: '42501' });
    }));

  test('cannot smuggle its own tables or types into what the core asks', () =>
    connected(bound, async (client) => {
      await client.query(
        `create temporary table database_logins as select session_user::name as login, '${theirs}'::uuid as organization_id`,
      );
      await client.query('create domain pg_temp.uuid as text');
      await client.query('set search_path = pg_temp, api');
      expect(await organizationsSeen(client, 'api.leads')).toEqual(new Set([ours]));
    }));

  test('sees nothing when it is bound to none, or to two', async () => {
    await connected(unbound, async (client) => {
      for (const view of VIEWS) expect(await organizationsSeen(client, view), view).toEqual(new Set());
    });
    await db.admin.query('insert into private.database_logins (login, organization_id) values ($1, $2), ($1, $3)', [
      unbound,
      ours,
      theirs,
    ]);
    await connected(unbound, async (client) => {
      for (const view of VIEWS) expect(await organizationsSeen(client, view), view).toEqual(new Set());
    });
  });

  test('sees every organization when it was made for all', () =>
    connected(everything, async (client) => {
      for (const view of VIEWS) {
        expect([...(await organizationsSeen(client, view))], view).toEqual(expect.arrayContaining([ours, theirs]));
      }
    }));

  test.each([
    ['bound to one', bound],
    ['made for all', everything],
  ])('only reads, and only api (%s)', (_, login) =>
    connected(login, async (client) => {
      for (const statement of [
        "insert into api.leads (name) values ('x')",
        "update api.leads set name = 'x'",
        'delete from api.leads',
        "update api.scoring_rules set label = 'x'",
        'select from app.leads',
        'select from private.database_logins',
        'select from audit.platform_events',
        'select from audit.seals',
        'select app.iso(now())',
        'select private.login_organization()',
        'select api.score_lead(uuidv7())',
        'select api.recover_webhook(uuidv7(), now())',
        'create table api.things ()',
        'create table public.things ()',
      ]) {
        expect(await failure(client.query(statement)), statement).toMatchObject({ code: '42501' });
      }
    }),
  );
});

test('anon reads nothing', async () => {
  for (const table of await tenantTables()) {
    expect(await failure(db.as('anon', claimsOf(ours), `select from ${table.name}`)), table.name).toMatchObject({
      code: '42501',
    });
  }
});

test('the logins of gateway, worker and PostgREST read nothing before they take a role', async () => {
  for (const login of ['gateway', 'worker', 'postgrest'] as const) {
    const client = new pg.Client({ connectionString: db.loginUrl(login) });
    await client.connect();
    await client.query("select set_config('request.jwt.claims', $1, false)", [JSON.stringify(claimsOf(ours))]);
    for (const table of await tenantTables()) {
      expect(await failure(client.query(`select from ${table.name}`)), `${login} ${table.name}`).toMatchObject({
        code: '42501',
      });
    }
    await client.query('set role tenant');
    expect((await client.query('select from app.leads')).rowCount).toBeGreaterThan(0);
    await client.end();
  }
});
