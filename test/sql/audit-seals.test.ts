import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, failure, makeOrganization, pastEntry, untilBlocked } from './fixtures.ts';

// Hours of the audit log, sealed and verified.

describe('seals', () => {
  let sealed: TestDatabase;
  let tenant: string;
  const HOURS = [
    '2026-02-01T10:00:00.000Z',
    '2026-02-01T11:00:00.000Z',
    '2026-02-03T00:00:00.000Z',
    '2026-02-03T05:00:00.000Z',
  ];

  beforeEach(async () => {
    sealed = await createDatabase();
    tenant = await makeOrganization(sealed);
    for (const hour of HOURS) {
      for (const minute of [0, 12, 59]) await pastEntry(sealed, tenant, new Date(Date.parse(hour) + minute * 60_000));
    }
  });
  afterEach(() => sealed.drop());

  const seal = async (): Promise<number> =>
    (await sealed.as('worker', null, 'select audit.seal_closed_hours() as hours'))[0]?.hours;
  const verify = async (head: string | null = null) => {
    const rows = await sealed.as('worker', null, 'select hour, problem from audit.verify($1)', [head]);
    return rows.map((row) => `${row.hour ? row.hour.toISOString() : 'head'}: ${row.problem}`);
  };
  /** What a superuser can do who knows what he is doing. */
  const tamper = async (statement: string) => {
    const client = await sealed.admin.connect();
    await client.query(`set session_replication_role = replica; ${statement}; reset session_replication_role`);
    client.release();
  };
  const CHANGED = 'an entry was changed';
  const BROKEN = 'the chain is broken: this seal or the one before it was changed or removed';

  test('cover every closed hour that has entries, once, and find nothing when nothing was touched', async () => {
    expect(await seal()).toBe(4);
    expect(await seal()).toBe(0);
    const { rows } = await sealed.admin.query('select hour, entries from audit.seals order by hour');
    expect(rows.map((row) => [row.hour.toISOString(), row.entries])).toEqual(HOURS.map((hour) => [hour, '3']));
    expect(await verify()).toEqual([]);
    expect(await sealed.as('worker', null, 'select hours, entries from audit.head()')).toEqual([
      { hours: '4', entries: '12' },
    ]);
  });

  test('leave the hour that has not ended open', async () => {
    await seal();
    await addLead(sealed, tenant);
    expect(await seal()).toBe(0);
    expect(await verify()).toEqual([]);
  });

  test('pass over years of silence', async () => {
    await pastEntry(sealed, tenant, '2019-12-15T03:10:00Z');
    expect(await seal()).toBe(5);
    expect(await verify()).toEqual([]);
  });

  test('continue where they ended', async () => {
    await seal();
    await pastEntry(sealed, tenant, '2026-03-01T07:07:07Z');
    expect(await seal()).toBe(1);
    expect(await verify()).toEqual([]);
  });

  test('find a changed entry', async () => {
    await seal();
    await tamper(
      `update audit.platform_events set payload = '{"diff": {"lead_score": {"from": 1, "to": 99}}}' where created_at = '${HOURS[1]}'`,
    );
    expect(await verify()).toEqual([`${HOURS[1]}: ${CHANGED}`]);
  });

  test.each(['action', 'source', 'correlation_id', 'organization_id', 'created_at'])(
    'find a changed %s',
    async (column) => {
      await seal();
      const values: Record<string, string> = {
        action: "'lead.deleted'",
        source: "'cron'",
        correlation_id: "'corr_other'",
        organization_id: 'uuidv7()',
        created_at: "created_at + interval '1 millisecond'",
      };
      await tamper(`update audit.platform_events set ${column} = ${values[column]} where created_at = '${HOURS[2]}'`);
      expect(await verify()).toEqual([`${HOURS[2]}: ${CHANGED}`]);
    },
  );

  test('find a removed entry', async () => {
    await seal();
    await tamper(`delete from audit.platform_events where created_at = '${HOURS[2]}'`);
    expect(await verify()).toEqual([`${HOURS[2]}: 3 entries were sealed, 2 are there`]);
  });

  test('find an entry moved to another hour', async () => {
    await seal();
    await tamper(`update audit.platform_events set created_at = '${HOURS[3]}' where created_at = '${HOURS[0]}'`);
    expect(await verify()).toEqual([
      `${HOURS[0]}: 3 entries were sealed, 2 are there`,
      `${HOURS[3]}: 3 entries were sealed, 4 are there`,
    ]);
  });

  test('find an added entry, in a sealed hour and in a silent one', async () => {
    await seal();
    await pastEntry(sealed, tenant, '2026-02-03T00:30:00Z');
    await pastEntry(sealed, tenant, '2026-02-02T20:00:00Z');
    expect(await verify()).toEqual([
      '2026-02-03T00:00:00.000Z: 3 entries were sealed, 4 are there',
      '2026-02-02T20:00:00.000Z: 1 entries lie in an hour that was closed without them',
    ]);
  });

  test('find a changed entry whose seal was made to fit', async () => {
    await seal();
    await tamper(`update audit.platform_events set source = 'cron' where created_at = '${HOURS[1]}'`);
    await tamper(
      `update audit.seals s set entries_hash = (audit.hash_hour(s.hour)).entries_hash where hour = '${HOURS[1]}'`,
    );
    expect(await verify()).toEqual([`${HOURS[1]}: ${BROKEN}`]);
    await tamper(
      `update audit.seals s set seal = audit.seal_of((select p.seal from audit.seals p where p.hour < s.hour order by p.hour desc limit 1), s.hour, s.entries, s.entries_hash) where hour = '${HOURS[1]}'`,
    );
    expect(await verify()).toEqual([`${HOURS[2]}: ${BROKEN}`]);
  });

  test('find a changed seal', async () => {
    await seal();
    await tamper(`update audit.seals set seal = sha256('x') where hour = '${HOURS[1]}'`);
    expect(await verify()).toEqual([`${HOURS[1]}: ${BROKEN}`, `${HOURS[2]}: ${BROKEN}`]);
  });

  test('find a seal removed from the middle', async () => {
    await seal();
    await tamper(`delete from audit.seals where hour = '${HOURS[1]}'`);
    expect(await verify()).toEqual([
      `${HOURS[2]}: ${BROKEN}`,
      `${HOURS[1]}: 3 entries lie in an hour that was closed without them`,
    ]);
  });

  test('find, by a head noted elsewhere, a chain that was cut short or made anew', async () => {
    await seal();
    const [head] = await sealed.as('worker', null, 'select seal from audit.head()');
    expect(await verify(head?.seal)).toEqual([]);
    expect(await verify(head?.seal.toUpperCase())).toEqual([]);
    await tamper(`delete from audit.seals where hour = '${HOURS[3]}'`);
    await tamper(`update audit.platform_events set source = 'cron' where created_at = '${HOURS[3]}'`);
    await seal();
    expect(await verify()).toEqual([]);
    expect(await verify(head?.seal)).toEqual(['head: the given seal is not part of the chain']);
  });

  test('a month that disappears with its table is found', async () => {
    await sealed.admin.query(
      "create table audit.platform_events_2026_04 partition of audit.platform_events for values from ('2026-04-01Z') to ('2026-05-01Z')",
    );
    await pastEntry(sealed, tenant, '2026-04-10T10:10:00Z');
    await seal();
    await sealed.admin.query('drop table audit.platform_events_2026_04');
    expect(await verify()).toEqual(['2026-04-10T10:00:00.000Z: 1 entries were sealed, 0 are there']);
  });

  test('wait for a transaction that wrote into the hour and is still open', async () => {
    const writer = await sealed.admin.connect();
    const sealer = await sealed.admin.connect();
    try {
      // a writer of the record trigger holds its hour like this; the hour has ended since
      await writer.query('begin');
      await writer.query('select pg_advisory_xact_lock_shared(7261, audit.hour_number($1))', ['2026-02-03T05:00:00Z']);
      await writer.query(
        `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
         values ($1, uuidv7(), 'lead.updated', 'api', 'corr_late', '{}', '2026-02-03T05:45:00Z')`,
        [tenant],
      );
      const { rows } = await sealer.query('select pg_backend_pid() as pid');
      const sealing = sealer.query('select audit.seal_closed_hours() as hours');
      await untilBlocked(sealed, rows[0].pid);
      await writer.query('commit');
      expect((await sealing).rows).toEqual([{ hours: 4 }]);
    } finally {
      writer.release();
      sealer.release();
    }
    const { rows } = await sealed.admin.query('select entries from audit.seals order by hour desc limit 1');
    expect(rows).toEqual([{ entries: '4' }]);
    expect(await verify()).toEqual([]);
  });

  test('wait for an open transaction also in an hour that seems silent', async () => {
    const writer = await sealed.admin.connect();
    const sealer = await sealed.admin.connect();
    try {
      await writer.query('begin');
      await writer.query('select pg_advisory_xact_lock_shared(7261, audit.hour_number($1))', ['2026-02-02T05:00:00Z']);
      await writer.query(
        `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
         values ($1, uuidv7(), 'lead.updated', 'api', 'corr_late', '{}', '2026-02-02T05:45:00Z')`,
        [tenant],
      );
      const { rows } = await sealer.query('select pg_backend_pid() as pid');
      const sealing = sealer.query('select audit.seal_closed_hours() as hours');
      await untilBlocked(sealed, rows[0].pid);
      await writer.query('commit');
      expect((await sealing).rows).toEqual([{ hours: 5 }]);
    } finally {
      writer.release();
      sealer.release();
    }
    expect(await verify()).toEqual([]);
  });

  test('the record trigger holds the hour it writes into until its transaction ends', async () => {
    const writer = await sealed.admin.connect();
    try {
      await writer.query('begin');
      await writer.query("insert into app.leads (organization_id, name) values ($1, 'x')", [tenant]);
      const { rows } = await sealed.admin.query(`
        select l.mode, l.objid::bigint = audit.hour_number(now()) as this_hour from pg_locks l
         where l.locktype = 'advisory' and l.classid = 7261 and l.database = (select oid from pg_database where datname = current_database())`);
      expect(rows).toEqual([{ mode: 'ShareLock', this_hour: true }]);
    } finally {
      await writer.query('rollback');
      writer.release();
    }
  });

  test('need snapshots that move on', async () => {
    const client = await sealed.admin.connect();
    await client.query('begin isolation level repeatable read');
    expect(await failure(client.query('select audit.seal_closed_hours()'))).toMatchObject({ code: '25000' });
    await client.query('rollback');
    client.release();
  });
});
