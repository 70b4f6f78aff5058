import { describe, expect, test } from 'vitest';
import {
  addLead,
  type DueDelivery,
  failure,
  makeOrganization,
  NO_SUCH_ID,
  registerWebhook,
  relay,
  until,
} from './fixtures.ts';
import {
  ADDRESS,
  as,
  at,
  change,
  db,
  deliveryOf,
  endpointOf,
  moveOn,
  oneDue,
  organization,
  prepare,
  record,
  register,
  states,
} from './webhook-setup.ts';

// Deliveries: from the outbox through the relay to the log of attempts, and again by hand.

describe('the relay', () => {
  test('makes one event and one delivery for each endpoint that subscribes', async () => {
    const first = await register(['lead.created'], undefined, `${ADDRESS}/1`);
    const second = await register(['lead.created', 'audit.log.event'], undefined, `${ADDRESS}/2`);
    await register(['lead.updated'], undefined, `${ADDRESS}/3`);
    await relay(db);
    await addLead(db, organization);
    const due = await relay(db);
    expect(due.map((one) => one.endpoint_id).sort()).toEqual([first.id, second.id, second.id].sort());
    const prepared = await prepare(due);
    const created = prepared.filter((one) => one.event_type === 'lead.created');
    expect(created).toHaveLength(2);
    expect(new Set(created.map((one) => one.event_public_id)).size).toBe(1);
  });

  test('tells nothing of what happened before the endpoint was there, nor of another organization', async () => {
    await addLead(db, organization);
    await until(
      async () => (await db.admin.query('select now() > max(occurred_at) as past from app.outbox')).rows[0].past,
    );
    await register();
    await addLead(db, await makeOrganization(db));
    expect(await relay(db)).toEqual([]);
  });

  test('passes over what concerns no endpoint, so that no row means nothing waits', async () => {
    const quiet = await makeOrganization(db);
    for (let i = 0; i < 12; i++) await addLead(db, quiet);
    await register();
    const lead = await addLead(db, organization);
    const due = await relay(db, 3);
    expect(JSON.parse((await prepare(due))[0]?.body ?? '{}').data.id).toBe(lead);
    expect((await db.admin.query('select from app.outbox')).rows).toEqual([]);
  });

  test('returns no more than a batch concerns', async () => {
    await register();
    for (let i = 0; i < 5; i++) await addLead(db, organization);
    await db.admin.query("delete from app.outbox where action <> 'lead.created'");
    expect(await relay(db, 2)).toHaveLength(2);
    expect(await relay(db, 2)).toHaveLength(2);
    expect(await relay(db, 2)).toHaveLength(1);
    expect(await relay(db, 2)).toEqual([]);
  });

  test('loses and doubles nothing when two run at once, beside writers', async () => {
    await register();
    const seen: string[] = [];
    let writing = true;
    const write = async () => {
      for (let i = 0; i < 60; i++) await addLead(db, organization, `Lead ${i}`);
    };
    const drain = async () => {
      for (;;) {
        const last = !writing;
        const due = await relay(db, 7);
        seen.push(...due.map((one) => one.delivery_id));
        if (last && due.length === 0) return;
      }
    };
    const writers = Promise.all([write(), write()]).then(() => {
      writing = false;
    });
    await Promise.all([writers, drain(), drain()]);
    expect(seen).toHaveLength(120);
    expect(new Set(seen).size).toBe(120);
  });

  test('that crashes before it commits has taken nothing', async () => {
    await register();
    await addLead(db, organization);
    const crashed = await db.admin.connect();
    await crashed.query('begin; set local role worker');
    expect((await crashed.query('select * from app.relay_outbox(100)')).rowCount).toBe(1);
    await crashed.query('rollback');
    crashed.release();
    expect(await relay(db)).toHaveLength(1);
  });

  test('skips rows that another one holds', async () => {
    await register();
    await addLead(db, organization);
    const holder = await db.admin.connect();
    try {
      await holder.query('begin; set local role worker');
      expect((await holder.query('select * from app.relay_outbox(100)')).rowCount).toBe(1);
      expect(await relay(db)).toEqual([]);
    } finally {
      await holder.query('commit');
      holder.release();
    }
  });

  test('knows a suspect: an endpoint that has been failing', async () => {
    const { due } = await oneDue();
    expect(due.suspect).toBe(false);
    await record([due], {});
    await addLead(db, organization);
    expect(await relay(db)).toMatchObject([{ suspect: true }]);
  });

  test('says how far behind it is', async () => {
    const backlog = async () =>
      (
        await db.as('worker', null, 'select outbox_rows, outbox_age_seconds is null as empty from app.outbox_backlog()')
      )[0];
    expect(await backlog()).toEqual({ outbox_rows: '0', empty: true });
    await addLead(db, organization);
    expect(await backlog()).toEqual({ outbox_rows: '1', empty: false });
  });
});

describe('the body', () => {
  test('is the resource as its GET returns it, at the moment of the change', async () => {
    await register(['lead.created', 'lead.updated']);
    const lead = await addLead(db, organization, 'First name');
    await db.admin.query("update app.leads set name = 'Second name' where id = $1", [lead]);
    await db.admin.query("update app.leads set name = 'Third name' where id = $1", [lead]);
    const bodies = (await prepare(await relay(db))).map((one) => JSON.parse(one.body));
    expect(bodies.map((body) => [body.type, body.data.name]).sort()).toEqual([
      ['lead.created', 'First name'],
      ['lead.updated', 'Second name'],
      ['lead.updated', 'Third name'],
    ]);
    const [now] = await as(organization, 'select eal.lead(l)::text as json from app.leads l where id = $1', [lead]);
    const third = bodies.find((body) => body.data.name === 'Third name');
    expect(third.data).toEqual(JSON.parse(now?.json));
    expect(Object.keys(third)).toEqual(['id', 'type', 'created_at', 'organization_id', 'data']);
    expect(third).toMatchObject({ id: expect.stringMatching(/^evt_[0-9a-f]{16}$/), organization_id: organization });
  });

  test('shows a lead that has been deleted since', async () => {
    await register();
    const lead = await addLead(db, organization);
    await db.admin.query('delete from app.leads where id = $1', [lead]);
    const [sent] = await prepare(await relay(db));
    expect(JSON.parse(sent?.body ?? '')).toMatchObject({ data: { id: lead } });
  });

  test('of an audit event is the audit entry', async () => {
    await register(['audit.log.event']);
    await relay(db);
    const lead = await addLead(db, organization);
    const [sent] = await prepare(await relay(db));
    expect(JSON.parse(sent?.body ?? '').data).toMatchObject({
      action: 'lead.created',
      source: 'system',
      payload: { lead_id: lead },
    });
  });
});

describe('a job', () => {
  test('is for one attempt: one that time has overtaken sends nothing', async () => {
    const { due } = await oneDue();
    expect(await prepare([due])).toHaveLength(1);
    expect(await prepare([{ ...due, attempt: 2 }])).toEqual([]);
    await record([due], { ok: true, status: 200 });
    expect(await prepare([due])).toEqual([]);
    expect(await prepare([{ ...due, attempt: 2 }])).toEqual([]);
  });

  test('that is there twice in a batch sends once', async () => {
    const { due } = await oneDue();
    expect(await prepare([due, due])).toHaveLength(1);
  });

  test('for a disabled endpoint puts the delivery on hold', async () => {
    const { id, due } = await oneDue();
    await change(id, { enabled: false });
    expect(await prepare([due])).toEqual([]);
    expect(await states(id)).toEqual(['held']);
  });

  test('with another tenant’s id finds nothing', async () => {
    const { due } = await oneDue();
    expect(await prepare([{ ...due, organization_id: await makeOrganization(db) }])).toEqual([]);
  });
});

describe('recording attempts', () => {
  test('a success ends it', async () => {
    const { id, due } = await oneDue();
    expect(await record([due], { ok: true, status: 204 })).toEqual([]);
    expect(await deliveryOf(due.delivery_id)).toMatchObject({ state: 'delivered', attempts: 1 });
    const { rows } = await db.admin.query(
      'select status, attempt, response_status, next_attempt_at from app.delivery_attempts where endpoint_id = $1',
      [id],
    );
    expect(rows).toEqual([{ status: 'delivered', attempt: 1, response_status: 204, next_attempt_at: null }]);
  });

  const failUntilGivenUp = async (due: DueDelivery, schedule?: string[]) => {
    const times: string[] = [];
    let now = at(0);
    for (let attempt = due.attempt; ; attempt++) {
      const [next] = await record([{ ...due, attempt }], { attempted_at: now }, schedule);
      if (!next) return { times, attempts: attempt };
      expect(next).toMatchObject({ delivery_id: due.delivery_id, attempt: attempt + 1 });
      now = next.start_after.toISOString();
      times.push(now);
      if (times.length > 30) throw new Error('It never gives up.');
    }
  };

  test('failures follow the schedule, counted from the first attempt, and end as a dead letter', async () => {
    const { id, due } = await oneDue();
    expect(await failUntilGivenUp(due)).toEqual({ times: [at(1), at(5), at(30), at(120)], attempts: 5 });
    expect(await states(id)).toEqual(['dead_letter']);
    const { rows } = await db.admin.query(
      'select attempt, status from app.delivery_attempts where endpoint_id = $1 order by attempt',
      [id],
    );
    expect(rows.map((row) => `${row.attempt} ${row.status}`)).toEqual([
      '1 failed',
      '2 failed',
      '3 failed',
      '4 failed',
      '5 dead_letter',
    ]);
  });

  test('an endpoint has a schedule of its own, also the empty one', async () => {
    const { due } = await oneDue(['10m', '1d']);
    expect(await failUntilGivenUp(due)).toEqual({ times: [at(10), at(1440)], attempts: 3 });
    await moveOn();
    expect(await failUntilGivenUp((await oneDue([])).due)).toEqual({ times: [], attempts: 1 });
  });

  test('a receiver may ask for more patience, never for less, and not for longer than a day', async () => {
    const { due } = await oneDue();
    const next = async (attempt: number, minute: number, seconds: number) =>
      (
        await record([{ ...due, attempt }], { status: 429, attempted_at: at(minute), retry_after_seconds: seconds })
      )[0]?.start_after.toISOString();
    expect(await next(1, 0, 600)).toBe(at(10));
    expect(await next(2, 10, 1)).toBe(at(10 + 1 / 60));
    expect(await next(3, 11, 0)).toBe(at(30));
    expect(await next(4, 30, 10 * 365 * 86400)).toBe(at(30 + 1440));
    expect(await next(5, 1470, 600)).toBeUndefined();
  });

  test('410 disables the endpoint, and keeps the delivery', async () => {
    const { id, due } = await oneDue();
    expect(await record([due], { status: 410 })).toEqual([]);
    expect(await states(id)).toEqual(['held']);
    expect(await endpointOf(id)).toMatchObject({ enabled: false, disabled_reason: 'the receiver answered 410 Gone' });
    const { rows } = await db.admin.query(
      "select action from audit.platform_events where payload ->> 'webhook_id' = $1 order by id desc limit 1",
      [id],
    );
    expect(rows).toEqual([{ action: 'webhook.disabled' }]);
  });

  test('an endpoint that fails for days is disabled; one success starts the count anew', async () => {
    const { id, due } = await oneDue();
    const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await record([due], { attempted_at: daysAgo(4.9) });
    expect((await endpointOf(id)).enabled).toBe(true);
    await record([{ ...due, attempt: 2 }], { ok: true, status: 200 });
    await addLead(db, organization);
    const [second] = await relay(db);
    await record([second as DueDelivery], { attempted_at: daysAgo(5.1), status: null });
    expect(await endpointOf(id)).toMatchObject({
      enabled: false,
      disabled_reason: expect.stringMatching(/^every attempt failed since 20/),
    });
  });

  test('what comes while it is disabled is kept, and recovered when it is enabled again', async () => {
    const { id, due } = await oneDue();
    await record([due], { status: 410 });
    await addLead(db, organization);
    expect(await relay(db)).toEqual([]);
    expect(await states(id)).toEqual(['held', 'held']);
    expect(await failure(as(organization, 'select app.recover_webhook($1, $2)', [id, at(0)]))).toMatchObject({
      code: 'PT409',
    });
    await change(id, { enabled: true });
    expect(await endpointOf(id)).toMatchObject({ enabled: true, disabled_at: null, disabled_reason: null });
    expect(await as(organization, 'select api.recover_webhook($1, $2) as sent', [id, at(0)])).toEqual([{ sent: '2' }]);
    expect((await relay(db)).map((one) => one.attempt).sort()).toEqual([1, 2]);
  });

  test('a result that another worker recorded before changes nothing', async () => {
    const { id, due } = await oneDue();
    await record([due], { ok: true, status: 200 });
    expect(await record([due], { ok: false })).toEqual([]);
    expect(await deliveryOf(due.delivery_id)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect((await db.admin.query('select from app.delivery_attempts where endpoint_id = $1', [id])).rowCount).toBe(1);
  });

  test('the next one is recorded beside a result that was recorded before', async () => {
    const { due } = await oneDue();
    const [next] = await record([due], {});
    expect(next).toMatchObject({ attempt: 2 });
    // as a worker has them that did not hear of its commit, and made the next attempt before it could try again
    expect(await record([due, { ...due, attempt: 2 }], { ok: true, status: 200 })).toEqual([]);
    expect(await deliveryOf(due.delivery_id)).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  test('the same result twice in one batch, or from two workers at once, counts once', async () => {
    const { due } = await oneDue();
    await record([due, due], {});
    expect(await deliveryOf(due.delivery_id)).toMatchObject({ attempts: 1 });
    const second = { ...due, attempt: 2 };
    const recorded = await Promise.all([record([second], {}), record([second], {}), record([second], {})]);
    expect(recorded.flat()).toHaveLength(1);
    expect(await deliveryOf(due.delivery_id)).toMatchObject({ attempts: 2 });
  });

  test('the health of an endpoint is what the last batch showed', async () => {
    const { id, due } = await oneDue();
    const health = async () =>
      (
        await as(
          organization,
          'select last_delivery_status, failing_since, attempts, success_rate, pending, dead_letters from api.webhook_health where webhook_id = $1',
          [id],
        )
      )[0];
    expect(await health()).toMatchObject({
      last_delivery_status: null,
      failing_since: null,
      attempts: '0',
      pending: '1',
    });
    await record([due], { status: 503 });
    expect(await health()).toMatchObject({
      last_delivery_status: 503,
      failing_since: expect.any(Date),
      attempts: '1',
      success_rate: '0.0000',
    });
    await record([{ ...due, attempt: 2 }], { ok: true, status: 200 });
    expect(await health()).toMatchObject({
      last_delivery_status: 200,
      failing_since: null,
      attempts: '2',
      success_rate: '0.5000',
      pending: '0',
    });
  });
});

describe('retrying by hand', () => {
  const retry = (id: string, attempt: string, who = organization) =>
    as(who, 'select * from app.retry_delivery($1, $2)', [id, attempt]);

  test('starts the schedule anew, named by the delivery or by any of its attempts', async () => {
    const { id, due } = await oneDue(['1m']);
    await record([due], { attempted_at: at(0) });
    await record([{ ...due, attempt: 2 }], { attempted_at: at(1) });
    expect(await states(id)).toEqual(['dead_letter']);
    const { rows } = await db.admin.query('select id from app.delivery_attempts where delivery_id = $1 limit 1', [
      due.delivery_id,
    ]);
    expect(await retry(id, rows[0].id)).toMatchObject([{ state: 'pending' }]);
    const [again] = await relay(db);
    expect(again).toMatchObject({ delivery_id: due.delivery_id, attempt: 3 });
    const [next] = await record([again as DueDelivery], { attempted_at: at(600) });
    expect(next?.start_after.toISOString()).toBe(at(601));
    expect(await record([{ ...due, attempt: 4 }], { attempted_at: at(601) })).toEqual([]);
    expect(await as(organization, 'select api.retry_delivery($1, $2) as state', [id, due.delivery_id])).toEqual([
      { state: 'pending' },
    ]);
  });

  test('sends the same event id again', async () => {
    const { id, due } = await oneDue();
    const [first] = await prepare([due]);
    await record([due], { ok: true, status: 200 });
    await retry(id, due.delivery_id);
    const [again] = await prepare(await relay(db));
    expect(again).toMatchObject({ event_public_id: first?.event_public_id, body: first?.body, attempt: 2 });
  });

  test('is refused while the endpoint is disabled, and for what is not there or another’s', async () => {
    const { id, due } = await oneDue();
    const other = await makeOrganization(db);
    expect(await failure(retry(id, NO_SUCH_ID))).toMatchObject({ code: 'PT404', message: 'No such delivery.' });
    expect(await failure(retry(id, due.delivery_id, other))).toMatchObject({
      code: 'PT404',
      message: 'No such webhook.',
    });
    const { id: theirs } = await registerWebhook(db, other, ADDRESS);
    expect(await failure(retry(theirs, due.delivery_id, other))).toMatchObject({
      code: 'PT404',
      message: 'No such delivery.',
    });
    await change(id, { enabled: false });
    expect(await failure(retry(id, due.delivery_id))).toMatchObject({ code: 'PT409' });
  });
});

describe('recovering', () => {
  test('sends everything undelivered since a time, of one endpoint of one tenant', async () => {
    const fails = async (): Promise<string> => {
      const { id, due } = await oneDue([]);
      await record([due], {});
      return id;
    };
    const other = organization;
    const theirs = await fails();
    await moveOn();
    const ours = await fails();
    const neighbour = await register(['lead.created'], [], `${ADDRESS}/2`);
    await addLead(db, organization);
    await record(await relay(db), {});
    expect(await states(ours)).toEqual(['dead_letter', 'dead_letter']);

    expect(await failure(as(other, 'select app.recover_webhook($1, $2)', [ours, at(0)]))).toMatchObject({
      code: 'PT404',
    });
    expect(await as(organization, "select app.recover_webhook($1, now() + interval '1 hour') as sent", [ours])).toEqual(
      [{ sent: '0' }],
    );
    expect(await as(organization, 'select app.recover_webhook($1, $2) as sent', [ours, at(0)])).toEqual([
      { sent: '2' },
    ]);
    expect(await states(ours)).toEqual(['pending', 'pending']);
    expect(await states(neighbour.id)).toEqual(['dead_letter']);
    expect(await states(theirs)).toEqual(['dead_letter']);
    expect((await relay(db)).map((one) => [one.endpoint_id, one.attempt])).toEqual([
      [ours, 2],
      [ours, 2],
    ]);
  });
});

test('events go after their retention, with their deliveries and attempts; leads and audit stay', async () => {
  const { id, due } = await oneDue();
  await record([due], { ok: true, status: 200 });
  await db.admin.query("update app.events set occurred_at = now() - interval '31 days' where organization_id = $1", [
    organization,
  ]);
  const [{ removed } = {}] = await db.as('worker', null, 'select app.remove_expired() as removed');
  expect(Number(removed)).toBeGreaterThan(0);
  expect(await states(id)).toEqual([]);
  expect((await db.admin.query('select from app.delivery_attempts where endpoint_id = $1', [id])).rowCount).toBe(0);
  expect((await as(organization, 'select from api.leads')).length).toBe(1);
  expect(await db.as('worker', null, 'select app.remove_expired() as removed')).toEqual([{ removed: '0' }]);
});
