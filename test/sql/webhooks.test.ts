import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { addLead, claimsOf, failure, makeOrganization, relay, until, untilBlocked } from './fixtures.ts';
import {
  ADDRESS,
  as,
  change,
  db,
  endpointOf,
  oneDue,
  organization,
  prepare,
  record,
  register,
  remove,
  states,
} from './webhook-setup.ts';

// Endpoints: registered, changed, deleted and back again. What is sent to them is in deliveries.test.ts.

describe('registering', () => {
  test('is idempotent by ADDRESS: the second time answers with what is there', async () => {
    const first = await register(['lead.created']);
    const second = await register(['lead.updated']);
    expect(second).toMatchObject({ id: first.id, created: false });
    expect((await endpointOf(first.id)).events).toEqual(['lead.created']);
    const { rows } = await db.admin.query('select id from app.webhook_secrets where endpoint_id = $1', [first.id]);
    expect(rows).toEqual([{ id: first.secretId }]);
  });

  test('at once many times makes one endpoint', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => register()));
    expect(new Set(all.map((one) => one.id)).size).toBe(1);
    expect(all.filter((one) => one.created)).toHaveLength(1);
  });

  test('keeps each event once, in the order they were given', async () => {
    const { id } = await register(['lead.updated', 'lead.created', 'lead.updated']);
    expect((await endpointOf(id)).events).toEqual(['lead.updated', 'lead.created']);
  });

  test.each([
    ['an unknown event', ['lead.exploded']],
    ['an event of another contract', ['lead.replied']],
  ])('refuses %s', async (_, events) => {
    expect(await failure(register(events))).toMatchObject({
      code: 'PT400',
      detail: {
        field: 'events',
        reason: expect.stringMatching(/^valid event names are audit\.log\.event, call\.classified/),
      },
    });
  });

  test('refuses what is no web address, and no events at all', async () => {
    expect(await failure(register(['lead.created'], undefined, 'ftp://example.com'))).toMatchObject({ code: '23514' });
    expect(await failure(register([]))).toMatchObject({ code: '23514' });
  });
});

describe('an endpoint that was deleted', () => {
  test('sends nothing more, and is gone for its owner', async () => {
    const { id, due } = await oneDue();
    await remove(id);
    expect(await prepare([due])).toEqual([]);
    expect(await failure(remove(id))).toMatchObject({ code: 'PT404' });
    expect(await failure(change(id, { enabled: true }))).toMatchObject({ code: 'PT404' });
    expect(await as(organization, 'select from api.webhook_health')).toEqual([]);
  });

  test('resumes when its ADDRESS registers again: with a new secret, and with what it missed', async () => {
    const { id, due } = await oneDue();
    await remove(id);
    const missed = await addLead(db, organization, 'While deleted');
    expect(await relay(db)).toEqual([]);
    expect(await states(id)).toEqual(['held', 'held']);
    const waiting = await addLead(db, organization, 'Not relayed yet');

    const again = await register(['lead.created']);
    expect(again).toMatchObject({ id, created: true });
    const resumed = await relay(db);
    const prepared = await prepare(resumed);
    const names = prepared.map((one) => JSON.parse(one.body).data.name).sort();
    expect(names).toEqual(['Not relayed yet', 'Sarah Mitchell', 'While deleted']);
    expect(prepared.map((one) => JSON.parse(one.body).data.id)).toEqual(expect.arrayContaining([missed, waiting]));
    expect(resumed.map((one) => one.delivery_id)).toContain(due.delivery_id);
    for (const one of prepared) expect(one.secret_ids).toEqual([again.secretId]);
  });

  test('gives up types it no longer subscribes to, and what is older than 24 hours', async () => {
    const { id } = await register(['lead.created', 'lead.updated']);
    const lead = await addLead(db, organization);
    await addLead(db, organization, 'Old');
    await relay(db);
    await remove(id);
    await db.admin.query("update app.leads set name = 'Changed' where id = $1", [lead]);
    await relay(db);
    await db.admin.query(
      "update app.events set occurred_at = now() - interval '25 hours' where organization_id = $1 and snapshot ->> 'name' = 'Old'",
      [organization],
    );
    await register(['lead.created']);
    expect(await states(id)).toEqual(['pending', 'discarded', 'discarded']);
    expect(await relay(db)).toHaveLength(1);
  });

  test('gets nothing kept after 24 hours, and the worker discards what was', async () => {
    const { id } = await oneDue();
    await remove(id);
    await db.admin.query("update app.webhook_endpoints set deleted_at = now() - interval '25 hours' where id = $1", [
      id,
    ]);
    await addLead(db, organization);
    await relay(db);
    expect(await states(id)).toEqual(['held']);
    await db.as('worker', null, 'select app.remove_expired()');
    expect(await states(id)).toEqual(['discarded']);
  });

  test('starts with a clean record', async () => {
    const { id, due } = await oneDue();
    await record([due], { attempted_at: new Date(Date.now() - 4.9 * 86_400_000).toISOString() });
    await remove(id);
    await register();
    const { rows } = await db.admin.query('select failing_since from app.webhook_health where endpoint_id = $1', [id]);
    expect(rows).toEqual([{ failing_since: null }]);
  });

  test('misses nothing that a relay was just putting on hold while it came back', async () => {
    const { id } = await oneDue();
    await remove(id);
    await addLead(db, organization, 'In between');
    const relaying = await db.admin.connect();
    try {
      await relaying.query('begin; set local role worker');
      await relaying.query('select * from app.relay_outbox(100)');
      const again = register();
      await until(
        async () =>
          (
            await db.admin.query(
              "select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'",
            )
          ).rows.length > 0,
      );
      await relaying.query('commit');
      expect(await again).toMatchObject({ id, created: true });
    } finally {
      relaying.release();
    }
    expect(await states(id)).toEqual(['pending', 'pending']);
    expect(await relay(db)).toHaveLength(2);
  });

  test('does not wait for a relay, nor a relay for it', async () => {
    const { id } = await oneDue();
    await addLead(db, organization);
    const deleting = await db.admin.connect();
    try {
      await deleting.query('begin; set local role tenant');
      await deleting.query("select set_config('request.jwt.claims', $1, true)", [
        JSON.stringify(claimsOf(organization)),
      ]);
      await deleting.query('select app.delete_webhook($1)', [id]);
      const due = await relay(db);
      await deleting.query('commit');
      expect(await prepare(due)).toEqual([]);
    } finally {
      deleting.release();
    }
    expect(await states(id)).toEqual(['held', 'held']);
  });
});

describe('rotating the secret', () => {
  const rotate = async (id: string): Promise<string> => {
    const secret = randomUUID();
    await as(organization, "select app.rotate_webhook_secret($1, $2, 'cipher', 'whsec_new')", [id, secret]);
    return secret;
  };

  test('the one before signs for 24 hours more, older ones stop; the newest comes first', async () => {
    const { id, secretId } = await register();
    await addLead(db, organization);
    const due = await relay(db);
    const secrets = async () => (await prepare(due))[0]?.secret_ids;
    expect(await secrets()).toEqual([secretId]);
    const second = await rotate(id);
    expect(await secrets()).toEqual([second, secretId]);
    const third = await rotate(id);
    expect(await secrets()).toEqual([third, second]);
    await db.admin.query(
      "update app.webhook_secrets set expires_at = now() where id = $1 and expires_at > now() + interval '23 hours'",
      [second],
    );
    expect(await secrets()).toEqual([third]);
  });

  test('is for the owner with an admin key', async () => {
    const { id } = await register();
    const rotation = "select app.rotate_webhook_secret($1, uuidv7(), 'x', 'x')";
    expect(await failure(as(await makeOrganization(db), rotation, [id]))).toMatchObject({ code: 'PT404' });
    expect(
      await failure(db.as('tenant', claimsOf(organization, { scopes: ['webhooks.read'] }), rotation, [id])),
    ).toMatchObject({ code: 'PT403' });
  });
});

describe('changing', () => {
  test('what is not named stays', async () => {
    const { id } = await register(['lead.created'], ['1m']);
    expect(await change(id, { description: 'CRM bridge' })).toMatchObject([
      { url: ADDRESS, events: ['lead.created'], description: 'CRM bridge', enabled: true },
    ]);
    expect(
      await change(id, { events: ['lead.updated'], description: null, retry_schedule: ['5m', '1h'] }),
    ).toMatchObject([{ events: ['lead.updated'], description: null }]);
    const { rows } = await db.admin.query(
      'select retry_schedule::text[] as times from app.webhook_endpoints where id = $1',
      [id],
    );
    expect(rows).toEqual([{ times: ['00:05:00', '01:00:00'] }]);
    expect(await change(id, { retry_schedule: null })).toMatchObject([{ retry_schedule: null }]);
  });

  test('a ADDRESS that another endpoint has is refused; that of a deleted one is taken over', async () => {
    const first = await register(undefined, undefined, `${ADDRESS}/1`);
    const second = await register(undefined, undefined, `${ADDRESS}/2`);
    expect(await failure(change(second.id, { url: `${ADDRESS}/1` }))).toMatchObject({ code: '23505' });
    await remove(first.id);
    expect(await change(second.id, { url: `${ADDRESS}/1` })).toMatchObject([{ id: second.id, url: `${ADDRESS}/1` }]);
  });
});

describe('a test event', () => {
  const send = (id: string, type: string | null = null) =>
    as(organization, 'select * from app.test_webhook($1, $2)', [id, type]);

  test('shows the newest lead, or the documented sample', async () => {
    const { id } = await register(['call.qualified', 'lead.created']);
    await send(id, 'lead.created');
    expect(JSON.parse((await prepare(await relay(db)))[0]?.body ?? '').data.name).toBe('Sarah Mitchell');
    const lead = await addLead(db, organization, 'The newest');
    await db.admin.query('delete from app.outbox');
    await send(id, 'lead.created');
    expect(JSON.parse((await prepare(await relay(db)))[0]?.body ?? '').data).toMatchObject({
      id: lead,
      name: 'The newest',
    });
    expect(await send(id)).toMatchObject([{ type: 'call.qualified' }]);
    expect(JSON.parse((await prepare(await relay(db)))[0]?.body ?? '').data).toMatchObject({
      classification: { qualified: true },
    });
  });

  test('goes to this endpoint alone, and only of a type it subscribes to', async () => {
    const { id } = await register();
    await register(['lead.created'], undefined, `${ADDRESS}/2`);
    await db.admin.query('delete from app.outbox');
    await send(id);
    expect((await relay(db)).map((one) => one.endpoint_id)).toEqual([id]);
    expect(await failure(send(id, 'lead.updated'))).toMatchObject({
      code: 'PT400',
      detail: { field: 'event', reason: 'must be one of lead.created' },
    });
    await change(id, { enabled: false });
    expect(await failure(send(id))).toMatchObject({ code: 'PT409' });
  });
});

test('of two who change an endpoint the second waits for the first', async () => {
  const { id } = await register();
  const first = await db.admin.connect();
  const second = await db.admin.connect();
  try {
    for (const client of [first, second]) {
      await client.query('begin; set local role tenant');
      await client.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claimsOf(organization))]);
    }
    await first.query('select app.delete_webhook($1)', [id]);
    const { rows } = await second.query('select pg_backend_pid() as pid');
    const late = failure(second.query('select app.rotate_webhook_secret($1, uuidv7(), $2, $3)', [id, 'x', 'x']));
    await untilBlocked(db, rows[0].pid);
    await first.query('commit');
    expect(await late).toMatchObject({ code: 'PT404' });
  } finally {
    await second.query('rollback');
    first.release();
    second.release();
  }
});

describe('a key of another contract of the same organization', () => {
  test.each([
    ['change', 'select app.update_webhook($1, \'{"enabled": false}\')'],
    ['delete', 'select app.delete_webhook($1)'],
    ['rotate the secret of', "select app.rotate_webhook_secret($1, uuidv7(), 'x', 'x')"],
    ['recover', "select app.recover_webhook($1, '2026-01-01')"],
    ['test', 'select app.test_webhook($1, null)'],
  ])('cannot %s an endpoint', async (_what, statement) => {
    const { id } = await register();
    const foreign = claimsOf(organization, { contract: 'ai93' });
    expect(await failure(db.as('tenant', foreign, statement, [id]))).toMatchObject({ code: 'PT404' });
    expect(await endpointOf(id)).toMatchObject({ enabled: true, deleted_at: null });
    // its own contract's key can
    await db.as('tenant', claimsOf(organization, { contract: 'eal' }), statement, [id]);
  });
});
