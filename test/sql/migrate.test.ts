import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { loginUrl, setLoginPasswords } from '../../src/database/login.ts';
import { migrate } from '../../src/database/migrate.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { createDatabase, databaseUrl, TEST_CREDENTIALS, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization, registerWebhook, relay, until } from './fixtures.ts';

const SQL = join(import.meta.dirname, '../../sql');

/** A copy of sql/ that a test may change. */
function copyOfSql(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-sql-'));
  cpSync(SQL, folder, { recursive: true });
  return folder;
}

const folders: string[] = [];
function changedSql(change: (folder: string) => void): string {
  const folder = copyOfSql();
  folders.push(folder);
  change(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

const touched = () => changedSql((folder) => appendFileSync(join(folder, '20_leads.sql'), '\n-- another version\n'));

async function emptyDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const server = new pg.Client({ connectionString: inject('adminUrl') });
  await server.connect();
  try {
    await server.query(`create database ${name}`);
    await work(databaseUrl(inject('adminUrl'), name));
  } finally {
    await server.query(`drop database if exists ${name} with (force)`);
    await server.end();
  }
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Everything of the core that the catalogue knows, as lines to compare. */
async function catalogueOf(url: string): Promise<string[]> {
  const rows = await query<{ line: string }>(
    url,
    `with core as (select oid, nspname from pg_namespace where nspowner = 'trunkline_owner'::regrole),
          relation as (select c.*, core.nspname || '.' || c.relname as name from pg_class c join core on core.oid = c.relnamespace)
     select 'schema ' || nspname || ' ' || coalesce((select nspacl::text from pg_namespace n where n.oid = core.oid), '') || ' ' || obj_description(oid) as line from core
     union all
     select concat_ws(' ', 'relation', name, relkind, relrowsecurity, relforcerowsecurity, relpersistence, reloptions, relacl, pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class'),
                      case when relkind = 'v' then pg_get_viewdef(oid) end) from relation
     union all
     select concat_ws(' ', 'column', r.name, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attacl, col_description(r.oid, a.attnum))
       from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
     union all
     select concat_ws(' ', 'constraint', r.name, k.conname, pg_get_constraintdef(k.oid), k.convalidated, obj_description(k.oid, 'pg_constraint')) from relation r join pg_constraint k on k.conrelid = r.oid
     union all
     select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid)) from relation r join pg_index i on i.indrelid = r.oid
     union all
     select concat_ws(' ', 'trigger', r.name, pg_get_triggerdef(t.oid), t.tgenabled) from relation r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
     union all
     select concat_ws(' ', 'policy', schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check) from pg_policies where schemaname in (select nspname from core)
     union all
     select concat_ws(' ', 'function', pg_get_functiondef(p.oid), p.proacl, obj_description(p.oid, 'pg_proc')) from pg_proc p join core on core.oid = p.pronamespace
     union all
     select concat_ws(' ', 'change', name) from private.core_changes
     union all
     select concat_ws(' ', 'setting', s) from app.setting_definitions s
     union all
     select concat_ws(' ', 'event type', t) from app.event_types t`,
  );
  return rows.map((row) => row.line).sort();
}

describe('migrate', () => {
  test('does nothing when there is nothing to do', async () => {
    const db = await createDatabase();
    const [before] = (await db.admin.query('select * from private.core_state')).rows;
    expect(await migrate(db.url)).toEqual({ applied: false });
    expect((await db.admin.query('select * from private.core_state')).rows).toEqual([before]);
    await db.drop();
  });

  test('by four at once on an empty database applies everything once', () =>
    emptyDatabase(async (url) => {
      const outcomes = await Promise.all([migrate(url), migrate(url), migrate(url), migrate(url)]);
      expect(outcomes.filter((outcome) => outcome.applied)).toHaveLength(1);
      expect(await query(url, 'select count(*)::integer as rows from private.core_state')).toEqual([{ rows: 1 }]);
    }));

  test('of several databases of one cluster at once does not stumble over the roles they share', () =>
    emptyDatabase((first) =>
      emptyDatabase(async (second) => {
        expect(await Promise.all([migrate(first), migrate(second)])).toEqual([{ applied: true }, { applied: true }]);
      }),
    ));

  test('applied again changes nothing', async () => {
    const db = await createDatabase();
    const before = await catalogueOf(db.url);
    expect(await migrate(db.url, touched())).toEqual({ applied: true });
    expect(await catalogueOf(db.url)).toEqual(before);
    await db.drop();
  });

  test('names the file that fails, and leaves the database as it was', async () => {
    const db = await createDatabase();
    const before = await catalogueOf(db.url);
    const broken = changedSql((folder) =>
      appendFileSync(
        join(folder, '21_scoring.sql'),
        '\nalter table app.leads drop column name cascade;\nselect nonsense();\n',
      ),
    );
    await expect(migrate(db.url, broken)).rejects.toThrow(
      /^sql\/21_scoring\.sql: function nonsense\(\) does not exist/,
    );
    expect(await catalogueOf(db.url)).toEqual(before);
    expect(await migrate(db.url)).toEqual({ applied: false });
    await db.drop();
  });
});

describe('a database in use', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await createDatabase();
  });
  afterAll(() => db.drop());

  test('is migrated beside those who write and read: nothing is lost, and nobody sees an error', async () => {
    const organization = await makeOrganization(db);
    await registerWebhook(db, organization, 'https://receiver.example.com/hook');
    let running = true;
    let written = 0;
    let delivered = 0;

    // as busy as real ones, which wait for requests; each takes the tables in another order
    const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
    const writer = async () => {
      while (running) {
        await db.as('tenant', claimsOf(organization), "insert into api.leads (name) values ('Written')");
        written += 1;
      }
    };
    const longTransactions = async () => {
      const client = new pg.Client({ connectionString: db.url });
      await client.connect();
      while (running) {
        await client.query('begin');
        await client.query('update app.organizations set industry = md5(random()::text) where id = $1', [organization]);
        await client.query('select count(*) from audit.platform_events');
        await client.query("insert into app.leads (organization_id, name) values ($1, 'Written')", [organization]);
        await client.query('select count(*) from app.scoring_rules');
        await client.query('commit');
        written += 1;
        await pause();
      }
      await client.end();
    };
    const relayer = async () => {
      while (running) {
        delivered += (await relay(db, 20)).length;
        await pause();
      }
    };

    const migrateOften = async () => {
      try {
        for (let version = 0; version < 2; version++) {
          const before = written;
          expect(await migrate(db.url, touchedAgain(version))).toEqual({ applied: true });
          await until(async () => written > before + 10);
        }
      } finally {
        running = false;
      }
    };
    await Promise.all([migrateOften(), writer(), writer(), longTransactions(), relayer()]);
    for (let due = await relay(db); due.length > 0; due = await relay(db)) delivered += due.length;

    expect(delivered).toBe(written);
    const { rows } = await db.admin.query(
      `select (select count(*)::integer from app.leads where organization_id = $1) as leads,
              (select count(*)::integer from audit.platform_events where organization_id = $1 and action = 'lead.created') as entries`,
      [organization],
    );
    expect(rows).toEqual([{ leads: written, entries: written }]);
  });

  const touchedAgain = (version: number) =>
    changedSql((folder) => appendFileSync(join(folder, '20_leads.sql'), `\n-- version ${version}\n`));

  test('waits for a transaction that holds a table, without standing in the way of others', async () => {
    const organization = await makeOrganization(db);
    const holder = await db.admin.connect();
    await holder.query('begin; lock table app.grants in access share mode');
    const migrated = migrate(db.url, touchedAgain(100));
    for (let i = 0; i < 5; i++) {
      await db.as('tenant', claimsOf(organization), "insert into api.leads (name) values ('Meanwhile')");
    }
    await holder.query('commit');
    holder.release();
    expect(await migrated).toEqual({ applied: true });
  });
});

describe('a once-only step', () => {
  /** A release later: a new column, in the table's file and as a step. */
  const nextRelease = () =>
    changedSql((folder) => {
      const file = join(folder, '20_leads.sql');
      const text = readFileSync(file, 'utf8');
      const table = text.replace(
        /(create table if not exists app\.leads \([\s\S]*?search_text +text +not null default ''),\n/,
        '$1,\n  shoe_size smallint not null default 0,\n',
      );
      expect(table).not.toBe(text);
      writeFileSync(file, `${table}\ncomment on column app.leads.shoe_size is 'Shoe size.';\n`);
      writeFileSync(
        join(folder, 'changes', '2027-01-05_shoe_size.sql'),
        'alter table app.leads add column shoe_size smallint not null default 0;\nupdate app.leads set shoe_size = length(name);\n',
      );
    });

  test('makes of an upgraded database what a fresh one is, once', async () => {
    const release = nextRelease();
    const db = await createDatabase();
    const organization = await makeOrganization(db);
    await db.admin.query("insert into app.leads (organization_id, name) values ($1, 'Ann')", [organization]);

    expect(await migrate(db.url, release)).toEqual({ applied: true });
    expect((await db.admin.query('select shoe_size from app.leads')).rows).toEqual([{ shoe_size: 3 }]);
    await emptyDatabase(async (fresh) => {
      await migrate(fresh, release);
      expect(await catalogueOf(db.url)).toEqual(await catalogueOf(fresh));
    });

    await db.admin.query('update app.leads set shoe_size = 44');
    appendFileSync(join(release, '20_leads.sql'), '\n-- and one more release\n');
    expect(await migrate(db.url, release)).toEqual({ applied: true });
    expect((await db.admin.query('select shoe_size from app.leads')).rows).toEqual([{ shoe_size: 44 }]);
    await db.drop();
  });

  test('that fails takes the release back with it', async () => {
    const release = nextRelease();
    writeFileSync(
      join(release, 'changes', '2027-01-06_broken.sql'),
      'alter table app.no_such_table add column x integer;\n',
    );
    const db = await createDatabase();
    const before = await catalogueOf(db.url);
    await expect(migrate(db.url, release)).rejects.toThrow(
      /^sql\/changes\/2027-01-06_broken\.sql: relation "app\.no_such_table" does not exist/,
    );
    expect(await catalogueOf(db.url)).toEqual(before);
    await db.drop();
  });
});

describe('an administrator who is no superuser', () => {
  let folder: string;
  let server: EmbeddedPostgres;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'trunkline-managed-'));
    chmodSync(folder, 0o755);
    server = await startEmbeddedPostgres({ dataDir: folder, settings: { fsync: 'off' } });
    for (const admin of ['first_admin', 'second_admin']) {
      await query(server.url, `create role ${admin} login createrole password 'secret'`);
    }
    for (const [database, admin] of [
      ['one', 'first_admin'],
      ['two', 'first_admin'],
      ['three', 'second_admin'],
    ]) {
      await query(server.url, `create database ${database} owner ${admin}`);
    }
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  const urlOf = (database: string, admin: string): string => {
    const url = new URL(databaseUrl(server.url, database));
    url.username = admin;
    url.password = 'secret';
    return url.href;
  };

  /** An organization, a lead, its audit entry and its delivery, through the logins that production uses. */
  async function works(adminUrl: string): Promise<void> {
    await setLoginPasswords(adminUrl, TEST_CREDENTIALS);
    const [organization] = await query(
      adminUrl,
      "select (app.create_organization('Acme', 'restoration', null, null)).id",
    );
    const claims = JSON.stringify(claimsOf(organization?.id));
    const gateway = new pg.Client({ connectionString: loginUrl(adminUrl, 'gateway', TEST_CREDENTIALS) });
    await gateway.connect();
    await gateway.query(`begin; set local role tenant; set local request.jwt.claims = '${claims}'`);
    await gateway.query(
      "select from app.register_webhook('eal', 'https://x.example.com', '{lead.created}', null, null, uuidv7(), 'x', 'x')",
    );
    await gateway.query("insert into api.leads (name) values ('Ann')");
    const { rows } = await gateway.query("select action from api.audit_log where action like 'lead.%'");
    await gateway.query('commit');
    await gateway.end();
    expect(rows).toEqual([{ action: 'lead.created' }]);
    const worker = loginUrl(adminUrl, 'worker', TEST_CREDENTIALS);
    expect(await query(worker, 'select attempt from app.relay_outbox(100)')).toEqual([{ attempt: 1 }]);
    expect(await query(worker, 'select * from audit.verify()')).toEqual([]);
    expect(await query(worker, 'select count(*)::integer > 0 as queue from pgboss.queue')).toEqual([{ queue: true }]);
  }

  test('sets up the first database of a cluster, upgrades it, and sets up another', async () => {
    const one = urlOf('one', 'first_admin');
    expect(await migrate(one)).toEqual({ applied: true });
    await works(one);
    expect(await migrate(one)).toEqual({ applied: false });
    expect(await migrate(one, touched())).toEqual({ applied: true });
    const two = urlOf('two', 'first_admin');
    expect(await migrate(two)).toEqual({ applied: true });
    await works(two);
  });

  test('needs the roles from who made them, when that was another', async () => {
    const three = urlOf('three', 'second_admin');
    expect(await failure(migrate(three))).toMatchObject({
      message: expect.stringMatching(/^sql\/00_roles\.sql: .*trunkline_owner/),
    });
    await query(urlOf('one', 'first_admin'), 'grant trunkline_owner, worker to second_admin');
    expect(await migrate(three)).toEqual({ applied: true });
    await works(three);
  });
});
