import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, databaseUrl, TEMPLATE_DATABASE, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

describe('the hour that is sealed', () => {
  test('is one and the same from its first moment to its last', async () => {
    const { rows } = await db.admin.query(`
      select count(distinct audit.hour_number(at)) as hours, min(audit.hour_number(at)) * 3600 as start
        from generate_series('2026-04-27T05:00:00Z'::timestamptz, '2026-04-27T05:59:59.999Z', '30 seconds') as at`);
    expect(rows[0].hours).toBe('1');
    expect(rows[0].start).toBe(Date.parse('2026-04-27T05:00:00Z') / 1000);
  });

  test('stays open for a transaction that wrote in its second half', async () => {
    const organization = (await db.admin.query("select (app.create_organization('Late', null, null, null)).id")).rows[0]
      .id;
    const insert = (at: string) => `
      insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
      values ('${organization}', uuidv7(), 'lead.created', 'system', 'late', '{}', '${at}')`;
    await db.admin.query(insert('2026-04-27T05:10:00Z'));
    const writer = await db.admin.connect();
    const sealer = await db.admin.connect();
    try {
      await writer.query('begin');
      await writer.query("select pg_advisory_xact_lock_shared(7261, audit.hour_number('2026-04-27T05:40:00Z'))");
      await writer.query(insert('2026-04-27T05:40:00Z'));
      await sealer.query("set lock_timeout = '200ms'");
      await expect(sealer.query('select audit.seal_closed_hours()')).rejects.toMatchObject({ code: '55P03' });
      await writer.query('commit');
      await sealer.query('reset lock_timeout');
      await sealer.query('select audit.seal_closed_hours()');
      expect((await sealer.query('select * from audit.verify()')).rows).toEqual([]);
    } finally {
      writer.release();
      sealer.release();
    }
  });
});

describe('a login that reads', () => {
  const login = `reader_${randomBytes(4).toString('hex')}`;
  let reader: pg.Client;

  beforeAll(async () => {
    await db.admin.query(`create role ${login} login password 'reads' in role analyst`);
    const url = new URL(databaseUrl(db.url, db.name));
    url.username = login;
    url.password = 'reads';
    reader = new pg.Client({ connectionString: url.href });
    await reader.connect();
  });
  afterAll(async () => {
    await reader.end();
    await db.admin.query(`drop role ${login}`);
  });

  test.each([
    ['hold a lock that writers wait for', 'select pg_advisory_lock(7261, 1)'],
    ['hold it shared, or only try', 'select pg_try_advisory_lock_shared(7262, 0)'],
    ['write a large object', "select lo_from_bytea(0, 'x')"],
    ['write to the log that replicas follow', "select pg_logical_emit_message(false, 'x', 'x')"],
    ['call a notification', "select pg_notify('trunkline_keys', '')"],
  ])('cannot %s', async (_what, statement) => {
    await expect(reader.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('cannot fill temporary tables', async () => {
    // a right on the database, which a copy of it does not inherit: asked of the database that was migrated
    const { rows } = await db.admin.query("select has_database_privilege('analyst', $1, 'temporary') as may", [
      TEMPLATE_DATABASE,
    ]);
    expect(rows[0].may).toBe(false);
  });
});
