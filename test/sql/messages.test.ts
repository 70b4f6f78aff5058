import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, claimsOf, failure, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;

beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  organization = await makeOrganization(db, 'Puro');
  // whatever the clock says when the test runs
  await settings({ quiet_from: null, quiet_until: null });
});

const as = <Row extends object>(text: string, values: unknown[] = [], more: object = {}) =>
  db.as<Row & Record<string, never>>('tenant', claimsOf(organization, more), text, values);
const one = async (text: string, values: unknown[] = []) => (await as<never>(text, values))[0] as never as Message;

interface Message {
  id: string;
  state: string;
  reason: string | null;
  error: string | null;
  attempts: number;
  vendor: string | null;
  external_id: string | null;
  to_address: string;
  address_key: string;
}

async function settings(changes: Record<string, unknown>): Promise<void> {
  const columns = Object.keys(changes);
  await db.admin.query(
    `update app.message_settings set ${columns.map((column, at) => `${column} = $${at + 2}`).join(', ')}
      where organization_id = $1 and channel = 'sms'`,
    [organization, ...Object.values(changes)],
  );
}
const queue = (more: Record<string, unknown> = {}): Promise<Message> => {
  const given = { channel: 'sms', to_address: '(404) 555-0173', body: 'We call you back.', ...more };
  const names = Object.keys(given);
  return one(
    `select * from app.queue_message(${names.map((name, at) => `${name} => $${at + 1}`).join(', ')})`,
    Object.values(given),
  );
};
const begin = async (message: Message, senders: object = { sms: ['twilio'], email: ['smtp'] }) =>
  (
    await db.as('worker', claimsOf(organization), 'select * from app.begin_message($1, $2, $3)', [
      organization,
      message.id,
      JSON.stringify(senders),
    ])
  )[0] as { verdict: string; pause: number; attempt: number; to_address: string; vendor: string; subject: string };
const now = (message: Message) => one('select * from app.messages where id = $1', [message.id]);
const settle = (message: Message, attempt: number, outcome: string, more: unknown[] = []) =>
  as('select app.settle_message($1, $2, $3, $4, $5, $6, $7) as settled', [
    ...[message.id, attempt, outcome],
    ...[...more, null, null, null, false].slice(0, 3),
    more[3] ?? false,
  ]);
const send = async (message: Message, externalId = 'SM1') => {
  const { attempt } = await begin(message);
  await settle(message, attempt, 'sent', [externalId]);
};
const connect = async (vendor: string, name = 'default', enabled = true) =>
  (
    await db.admin.query(
      'insert into app.connections (organization_id, vendor, name, enabled) values ($1, $2, $3, $4) returning id',
      [organization, vendor, name, enabled],
    )
  ).rows[0].id as string;

describe('a queued message', () => {
  test('is there once for what it follows from, also when two queue it at once', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => queue({ dedupe_key: 'call:1:callback' })));
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    const again = await queue({ dedupe_key: 'call:1:callback', body: 'Something else.' });
    expect(again).toMatchObject({ id: results[0]?.id, content: 'We call you back.' });
    expect((await queue()).id).not.toBe((await queue()).id);
  });

  test('belongs to its organization: another may use the same key', async () => {
    const ours = await queue({ dedupe_key: 'a' });
    organization = await makeOrganization(db, 'Another');
    const theirs = await queue({ dedupe_key: 'a' });
    expect(theirs.id).not.toBe(ours.id);
    expect(await as('select id from api.messages')).toEqual([{ id: theirs.id }]);
  });

  test('knows its address in one notation', async () => {
    expect(await queue()).toMatchObject({ state: 'queued', to_address: '(404) 555-0173', address_key: '14045550173' });
    expect(await queue({ channel: 'email', to_address: ' Sarah.Mitchell@Example.com ' })).toMatchObject({
      to_address: 'Sarah.Mitchell@Example.com',
      address_key: 'sarah.mitchell@example.com',
    });
  });

  test.each([
    ['sms', 'nobody', 'We call.', 'messages_to_address'],
    ['sms', '911', 'We call.', 'messages_to_address'],
    ['sms', 'sarah@example.com', 'We call.', 'messages_to_address'],
    ['email', '+14045550173', 'We call.', 'messages_to_address'],
    ['email', 'a@example.com, b@example.com', 'We call.', 'messages_to_address'],
    ['email', 'a@example.com\nBcc: b@example.com', 'We call.', 'messages_to_address'],
    ['fax', '+14045550173', 'We call.', 'messages_channel'],
    ['sms', '+14045550173', ' ', 'messages_content'],
    ['sms', '+14045550173', 'x'.repeat(1601), 'messages_content'],
  ])('cannot be one of %s to %j', async (channel, to, body, constraint) => {
    expect(await failure(queue({ channel, to_address: to, body }))).toMatchObject({
      message: expect.stringContaining(`"${constraint}"`),
    });
  });

  test('needs the scope to write', async () => {
    const attempt = (scopes: string[]) =>
      as("select app.queue_message('sms', '+14045550173', 'We call.')", [], { scopes });
    expect(await failure(attempt(['outreach.read', 'leads.write']))).toMatchObject({ code: 'PT403' });
    expect(await attempt(['outreach.write'])).toHaveLength(1);
  });

  test('cannot claim to have been sent', async () => {
    expect(
      await failure(
        as(
          "insert into api.messages (channel, to_address, content, state) values ('sms', '+14045550173', 'x', 'sent')",
        ),
      ),
    ).toMatchObject({ code: '42501' });
    const { id } = await queue();
    expect(await failure(as("update app.messages set state = 'sent' where id = $1", [id]))).toMatchObject({
      code: '42501',
    });
  });

  test('asks for its sending, in psql as anywhere, and again when it is set back by hand', async () => {
    const { id } = await queue();
    const tasks = async () =>
      (await db.admin.query("select version from app.tasks where kind = 'send_message' and subject_id = $1", [id]))
        .rows;
    expect(await tasks()).toEqual([{ version: 1 }]);
    await db.admin.query("update app.messages set state = 'failed' where id = $1", [id]);
    await db.admin.query("update app.messages set state = 'queued' where id = $1", [id]);
    expect(await tasks()).toEqual([{ version: 2 }]);
  });

  test('keeps its text out of the audit log, which is kept for longer than it', async () => {
    const { id } = await queue();
    const { rows } = await db.admin.query(
      "select payload from audit.platform_events where organization_id = $1 and action like 'message.%'",
      [organization],
    );
    expect(rows).toEqual([{ payload: expect.objectContaining({ message_id: id }) }]);
    expect(JSON.stringify(rows)).not.toContain('We call you back.');
  });

  test('is audited, without what is derived', async () => {
    const { id } = await queue();
    const { rows } = await db.admin.query(
      "select payload from audit.platform_events where organization_id = $1 and action = 'message.created'",
      [organization],
    );
    expect(rows).toEqual([{ payload: expect.objectContaining({ message_id: id }) }]);
    expect(rows[0].payload.diff).not.toHaveProperty('address_key');
  });
});

describe('sending', () => {
  test('is committed as such before anything leaves; found so later, it is not known whether it left', async () => {
    await connect('twilio');
    const message = await queue();
    expect(await begin(message)).toMatchObject({ verdict: 'send', attempt: 1, to_address: '+14045550173' });
    expect(await now(message)).toMatchObject({ state: 'sending', attempts: 1 });
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
    expect(await now(message)).toMatchObject({
      state: 'unknown',
      error: expect.stringContaining('may have been sent'),
    });
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
    // the first worker was only slow
    await settle(message, 1, 'sent', ['SM1']);
    expect(await now(message)).toMatchObject({ state: 'sent', external_id: 'SM1', error: null });
  });

  test('is begun anew where it was interrupted on its way to the outbox: nothing left', async () => {
    const message = await queue();
    expect(await begin(message)).toMatchObject({ verdict: 'send', attempt: 1, vendor: 'outbox' });
    expect(await begin(message)).toMatchObject({ verdict: 'send', attempt: 2, vendor: 'outbox' });
    expect(await settle(message, 1, 'sent')).toEqual([{ settled: false }]);
    await settle(message, 2, 'sent');
    expect(await now(message)).toMatchObject({ state: 'sent', attempts: 2, error: null });
  });

  test('settles its own attempt only', async () => {
    const message = await queue();
    await begin(message);
    await settle(message, 1, 'queued', [null, null, 'They are closed.']);
    expect(await begin(message)).toMatchObject({ verdict: 'send', attempt: 2 });
    expect(await settle(message, 1, 'sent', ['SM1'])).toEqual([{ settled: false }]);
    expect(await now(message)).toMatchObject({ state: 'sending', error: 'They are closed.' });
  });

  test('a text that answers a call tells the call', async () => {
    const [call] = await as<{ id: string }>(
      "insert into app.calls (source, caller_number) values ('api', '+14045550173') returning id",
    );
    const told = async () => (await as('select sms_callback_sent as told from app.calls'))[0];
    await send(await queue({ call_id: call?.id, body: 'Something else.' }));
    expect(await told()).toEqual({ told: false });
    await send(await queue({ call_id: call?.id, purpose: 'call_callback' }), 'SM2');
    expect(await told()).toEqual({ told: true });
  });

  test('goes through the oldest enabled connection of its channel, or the one that is named', async () => {
    await connect('smtp');
    await connect('twilio', 'off', false);
    const oldest = await connect('twilio', 'first');
    const named = await connect('twilio', 'second');
    const through = async () => {
      const message = await queue({ to_address: `+1404555${1000 + Math.floor(Math.random() * 8999)}` });
      await begin(message);
      return (await as('select connection_id as id, vendor from app.messages where id = $1', [message.id]))[0];
    };
    expect(await through()).toEqual({ id: oldest, vendor: 'twilio' });
    await settings({ connection_id: named });
    expect(await through()).toEqual({ id: named, vendor: 'twilio' });
    await db.admin.query('update app.connections set enabled = false where id = $1', [named]);
    expect(await through()).toEqual({ id: oldest, vendor: 'twilio' });
  });

  test('without a connection goes to the outbox; with one that is switched off, it waits', async () => {
    await connect('smtp');
    const message = await queue();
    expect(await begin(message)).toMatchObject({ verdict: 'send', vendor: 'outbox' });
    await connect('twilio', 'off', false);
    const waiting = await queue({ to_address: '+14045550199' });
    expect(await begin(waiting)).toMatchObject({ verdict: 'wait', pause: 300 });
    expect(await now(waiting)).toMatchObject({ state: 'queued', reason: 'The connection for sms is switched off.' });
  });

  test('that comes too late does not happen', async () => {
    const message = await queue();
    await db.admin.query("update app.messages set created_at = now() - interval '73 hours' where id = $1", [
      message.id,
    ]);
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
    expect(await now(message)).toMatchObject({ state: 'failed', error: 'It could not be sent within 72 hours.' });
    // a person who wants it sent nevertheless
    await as('select app.requeue_message($1)', [message.id]);
    expect(await begin(message)).toMatchObject({ verdict: 'send' });
  });

  test('by hand, of one that was sent, is refused', async () => {
    const message = await queue();
    await send(message);
    expect(await failure(as('select app.requeue_message($1)', [message.id]))).toMatchObject({ code: 'PT409' });
  });
});

describe('suppression', () => {
  test('is asked before anything leaves, whatever the message is for and however the address is written', async () => {
    await as(
      "insert into api.suppressions (channel, address, reason) values ('sms', '404.555.0173', 'manual_owner_request')",
    );
    const message = await queue({ to_address: '+1 404 555 0173', purpose: 'call_callback' });
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
    expect(await now(message)).toMatchObject({
      state: 'suppressed',
      reason: '+1 404 555 0173 is suppressed (manual: manual_owner_request).',
      attempts: 0,
    });
  });

  test('holds for a number however its trunk prefix is written', async () => {
    await as("select from app.suppress('sms', '+442079460958')");
    const message = await queue({ to_address: '+44 (0)20 7946 0958' });
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
  });

  test('holds for a mail address however its domain ends', async () => {
    await as("select from app.suppress('email', 'Ann@example.com')");
    const message = await queue({ channel: 'email', to_address: 'ann@example.com.' });
    expect(await begin(message)).toMatchObject({ verdict: 'over' });
  });

  test('is for one channel and one organization, and is there once', async () => {
    const first = await one("select * from app.suppress('email', 'Old.Contact@example.com', 'user_unsubscribe')");
    const again = await one("select * from app.suppress('email', 'old.contact@EXAMPLE.com')");
    expect(again.id).toBe(first.id);
    expect(await begin(await queue({ channel: 'email', to_address: 'old.contact@example.com' }))).toMatchObject({
      verdict: 'over',
    });
    organization = await makeOrganization(db, 'Another');
    expect(await begin(await queue({ channel: 'email', to_address: 'old.contact@example.com' }))).toMatchObject({
      verdict: 'send',
      subject: 'Message from Another',
    });
  });

  test('is lifted by who may write, and by nobody else', async () => {
    await as("select app.suppress('sms', '+14045550173')");
    const lift = (scopes: string[]) => as('delete from api.suppressions returning id', [], { scopes });
    expect(await failure(lift(['outreach.read']))).toMatchObject({ code: 'PT403' });
    expect(await lift(['outreach.write'])).toHaveLength(1);
    expect(await begin(await queue())).toMatchObject({ verdict: 'send' });
  });

  test('follows from a service that knows of it', async () => {
    const message = await queue();
    await begin(message);
    await settle(message, 1, 'failed', [null, null, 'Attempt to send to unsubscribed recipient.', true]);
    expect(await as('select address, reason, source from api.suppressions')).toEqual([
      { address: '(404) 555-0173', reason: 'opted_out', source: 'outbox' },
    ]);
    expect(await begin(await queue())).toMatchObject({ verdict: 'over' });
  });
});

describe('what comes in', () => {
  const receive = (content: string, more: object = {}) =>
    as<{ id: string | null }>('select app.receive_message($1) as id', [
      JSON.stringify({
        channel: 'sms',
        to_address: '+17705550199',
        from_address: '+14045550173',
        content,
        vendor: 'twilio',
        external_id: `SM${Math.random()}`,
        ...more,
      }),
    ]);
  const suppressed = async () => (await as('select source from api.suppressions')).map(({ source }) => String(source));

  test.each([
    ...[
      'STOP',
      'stop',
      ' Stop. ',
      'STOPALL',
      'Unsubscribe',
      'cancel',
      'END',
      'quit',
      '"STOP"',
      'Stop,',
      '(stop)',
      'S.T.O.P.',
    ],
    ...[
      'OPT-OUT',
      'opt out',
      'Stop-all',
      'STOP 🛑',
      'ＳＴＯＰ',
      'Stop\u00a0',
      'ARRÊT',
      'Arrêt',
      'Please stop',
      'stop texting me',
      'STOP STOP',
    ],
  ])('%j suppresses', async (word) => {
    await receive(word);
    expect(await suppressed()).toEqual(['stop']);
    expect(await begin(await queue({ purpose: 'call_callback' }))).toMatchObject({ verdict: 'over' });
  });

  test.each([
    ...[
      'Please stop by at nine',
      'no',
      'The water won’t stop',
      'ending soon',
      'Can you stop it?',
      'the end',
      '🛑',
      'Stop by now',
    ],
  ])('%j does not', async (text) => {
    await receive(text);
    expect(await suppressed()).toEqual([]);
  });

  test('START lifts what STOP did, and nothing else', async () => {
    await receive('STOP');
    await receive('START');
    expect(await suppressed()).toEqual([]);
    await as("select app.suppress('sms', '+14045550173')");
    await receive('START');
    await receive('YES');
    expect(await suppressed()).toEqual(['manual']);
  });

  test('START lifts what the service told us of, as it was told to write again', async () => {
    await as("select app.suppress('sms', '+14045550173', 'opted_out', 'twilio')");
    await receive('START');
    expect(await suppressed()).toEqual([]);
    await as("select app.suppress('sms', '+14045550173', 'opted_out', 'another')");
    await receive('START');
    expect(await suppressed()).toEqual(['another']);
  });

  test('the last word counts, whichever is processed first', async () => {
    const at = (minutes: number) => ({ created_at: new Date(Date.now() - 3_600_000 + minutes * 60_000) });
    await receive('STOP', at(5));
    await receive('START', at(1));
    expect(await suppressed()).toEqual(['stop']);
    await receive('START', at(9));
    await receive('STOP', at(7));
    expect(await suppressed()).toEqual([]);
    expect(await as('select content from api.messages order by created_at')).toEqual(
      ['START', 'STOP', 'STOP', 'START'].map((content) => ({ content })),
    );
  });

  test('anything else of a known lead is its reply, once', async () => {
    const lead = await addLead(db, organization);
    await db.admin.query("update app.leads set phone = '(404) 555-0173' where id = $1", [lead]);
    const replies = async () =>
      (await as('select message, channel from api.lead_replies order by id')).map(({ message }) => String(message));
    const [first] = await receive('Yes, at nine please', { external_id: 'SM1' });
    expect(first?.id).toBeTruthy();
    expect(await receive('Yes, at nine please', { external_id: 'SM1' })).toEqual([{ id: null }]);
    await receive('STOP');
    await receive('START');
    await receive('yes');
    expect(await replies()).toEqual(['Yes, at nine please', 'yes']);
    expect(await as('select pipeline_stage, reply_count from app.leads')).toEqual([
      { pipeline_stage: 'replied', reply_count: 2 },
    ]);
    expect(await as("select lead_id from api.messages where direction = 'inbound' and external_id = 'SM1'")).toEqual([
      { lead_id: lead },
    ]);
  });

  test('of somebody unknown is kept', async () => {
    await receive('Who is this?');
    expect(await as('select state, content, from_address from api.messages')).toEqual([
      { state: 'received', content: 'Who is this?', from_address: '+14045550173' },
    ]);
  });

  const note = (report: object) =>
    as('select app.note_message_status($1) as noted', [
      JSON.stringify({ vendor: 'twilio', to_address: '+14045550173', ...report }),
    ]);

  test('a service tells what became of a message', async () => {
    await connect('twilio');
    const message = await queue();
    await send(message, 'SM9');
    expect(await note({ external_id: 'SM8', status: 'delivered' })).toEqual([{ noted: false }]);
    expect(await note({ external_id: 'SM9', status: 'delivered' })).toEqual([{ noted: true }]);
    expect(await now(message)).toMatchObject({ state: 'delivered', delivered_at: expect.any(Date) });
    await note({ external_id: 'SM9', status: 'failed', error: 'late' });
    expect(await now(message)).toMatchObject({ state: 'delivered', error: null });
  });

  test('… also of one of which nobody knew whether it was sent', async () => {
    await connect('twilio');
    const message = await queue();
    await begin(message);
    await begin(message);
    expect(await now(message)).toMatchObject({ state: 'unknown' });
    await note({ external_id: 'SM9', status: 'delivered' });
    expect(await now(message)).toMatchObject({ state: 'delivered', external_id: 'SM9' });
  });

  test('unsubscribing suppresses the address that the mail was sent to', async () => {
    const message = await queue({ channel: 'email', to_address: 'sarah@example.com' });
    const ask = (source: string | null) => as('select * from app.unsubscribe($1, $2)', [message.id, source]);
    expect(await ask(null)).toEqual([{ address: 'sarah@example.com', organization_name: 'Puro', suppressed: false }]);
    expect(await ask('unsubscribe-page')).toEqual([
      { address: 'sarah@example.com', organization_name: 'Puro', suppressed: true },
    ]);
    await ask('list-unsubscribe-header');
    expect(await suppressed()).toEqual(['unsubscribe-page']);
    expect(await as('select * from app.unsubscribe($1, null)', [organization])).toEqual([]);
  });
});

describe('when', () => {
  const sendingTime = async (
    at: string,
    zone: string,
    from: string | null,
    until: string | null,
    days = '{1,2,3,4,5,6,7}',
  ) =>
    (
      await db.admin.query<{ at: Date }>('select app.sending_time($1, $2, $3, $4, $5) as at', [
        at,
        zone,
        from,
        until,
        days,
      ])
    ).rows[0]?.at.toISOString();

  test.each([
    // 22:00, 12:00 and 07:59 in New York
    ['2026-07-02T02:00:00Z', '2026-07-02T12:00:00.000Z'],
    ['2026-07-02T16:00:00Z', '2026-07-02T16:00:00.000Z'],
    ['2026-07-02T11:59:00Z', '2026-07-02T12:00:00.000Z'],
    // to the minute: 20:59 may, 21:00 may not
    ['2026-07-02T00:59:00Z', '2026-07-02T00:59:00.000Z'],
    ['2026-07-02T01:00:00Z', '2026-07-02T12:00:00.000Z'],
    // the night in which the clock goes forward (8 March) and back (1 November): 08:00 is what the wall clock shows
    ['2026-03-08T03:30:00Z', '2026-03-08T12:00:00.000Z'],
    ['2026-03-07T03:30:00Z', '2026-03-07T13:00:00.000Z'],
    ['2026-11-01T03:30:00Z', '2026-11-01T13:00:00.000Z'],
    ['2026-10-31T03:30:00Z', '2026-10-31T12:00:00.000Z'],
  ])('quiet hours over midnight: %s → %s', async (at, expected) => {
    expect(await sendingTime(at, 'America/New_York', '21:00', '08:00')).toBe(expected);
  });

  test.each([
    // 1:35 comes twice when the clock goes back, and is quiet both times; 1:29 is neither time
    ['2026-11-01T05:35:00Z', '01:30', '05:00', '2026-11-01T10:00:00.000Z'],
    ['2026-11-01T06:35:00Z', '01:30', '05:00', '2026-11-01T10:00:00.000Z'],
    ['2026-11-01T05:29:00Z', '01:30', '05:00', '2026-11-01T05:29:00.000Z'],
    ['2026-11-01T06:29:00Z', '01:30', '05:00', '2026-11-01T06:29:00.000Z'],
    // half past two is left out when it goes forward: after 1:59 comes 3:00, which is not quiet any more
    ['2026-03-08T06:59:00Z', '00:00', '02:30', '2026-03-08T07:30:00.000Z'],
    ['2026-03-08T07:01:00Z', '00:00', '02:30', '2026-03-08T07:01:00.000Z'],
  ])('%s with quiet hours from %s to %s, in the hour that the clock changes: %s', async (at, from, until, expected) => {
    expect(await sendingTime(at, 'America/New_York', from, until)).toBe(expected);
  });

  test('an hour that does not exist is the next, and one that comes twice is open the second time', async () => {
    // 02:30 does not exist on 8 March; 01:30 is there twice on 1 November
    expect(await sendingTime('2026-03-08T05:30:00Z', 'America/New_York', '21:00', '02:30')).toBe(
      '2026-03-08T07:30:00.000Z',
    );
    expect(await sendingTime('2026-11-01T04:30:00Z', 'America/New_York', '21:00', '01:30')).toBe(
      '2026-11-01T06:30:00.000Z',
    );
  });

  test('the same moment is quiet in one zone and not in another', async () => {
    const at = '2026-07-02T02:00:00Z';
    expect(await sendingTime(at, 'America/Los_Angeles', '21:00', '08:00')).toBe('2026-07-02T02:00:00.000Z');
    expect(await sendingTime(at, 'Europe/Berlin', '21:00', '08:00')).toBe('2026-07-02T06:00:00.000Z');
  });

  test('a siesta, days without messages, no quiet hours at all', async () => {
    expect(await sendingTime('2026-07-02T12:30:00Z', 'UTC', '12:00', '14:00')).toBe('2026-07-02T14:00:00.000Z');
    expect(await sendingTime('2026-07-02T15:30:00Z', 'UTC', '12:00', '14:00')).toBe('2026-07-02T15:30:00.000Z');
    // Saturday, Monday
    expect(await sendingTime('2026-07-04T15:30:00Z', 'UTC', '21:00', '08:00', '{1,2,3,4,5}')).toBe(
      '2026-07-06T08:00:00.000Z',
    );
    expect(await sendingTime('2026-07-04T15:30:00Z', 'UTC', null, null, '{1}')).toBe('2026-07-06T00:00:00.000Z');
    expect(await sendingTime('2026-07-02T02:00:00Z', 'UTC', null, null)).toBe('2026-07-02T02:00:00.000Z');
    expect(await sendingTime('2026-07-02T23:00:00Z', 'UTC', '22:00', '00:00')).toBe('2026-07-03T00:00:00.000Z');
  });

  test('quiet for the whole day is quiet', async () => {
    expect(await sendingTime('2026-07-02T12:00:00Z', 'UTC', '00:00', '24:00')).toBe('2026-07-03T12:00:00.000Z');
    await settings({ quiet_from: '00:00', quiet_until: '24:00' });
    expect(await begin(await queue())).toMatchObject({ verdict: 'wait' });
  });

  test('is a time that a clock comes to', async () => {
    expect(await failure(queue({ not_before: 'infinity' }))).toMatchObject({
      code: 'PT400',
      detail: { field: 'not_before' },
    });
  });

  /** Quiet for the hour around now, where it is noon or midnight. */
  const quietNow = async (zone: string) => {
    const { rows } = await db.admin.query(
      "select to_char((now() - interval '30 minutes') at time zone $1, 'HH24:MI') as from, to_char((now() + interval '30 minutes') at time zone $1, 'HH24:MI') as until",
      [zone],
    );
    await settings({ quiet_from: rows[0].from, quiet_until: rows[0].until });
  };

  test('a message waits for the end of the quiet hours, where it goes or else where the organization is', async () => {
    await db.admin.query('update app.organizations set settings = \'{"timezone": "Asia/Tokyo"}\' where id = $1', [
      organization,
    ]);
    await quietNow('Asia/Tokyo');
    const message = await queue();
    const { verdict, pause } = await begin(message);
    expect(verdict).toBe('wait');
    expect(pause).toBeGreaterThan(25 * 60);
    expect(pause).toBeLessThanOrEqual(31 * 60);
    expect(await now(message)).toMatchObject({
      state: 'queued',
      reason: expect.stringMatching(/^Quiet hours until /),
      attempts: 0,
    });
    expect(await begin(await queue({ time_zone: 'America/Chicago' }))).toMatchObject({ verdict: 'send' });
  });

  test('an answer to a call of just now goes out at any hour; an hour later it is no longer one', async () => {
    await quietNow('UTC');
    expect(await begin(await queue({ purpose: 'call_callback' }))).toMatchObject({ verdict: 'send' });
    const late = await queue({ purpose: 'call_callback' });
    await db.admin.query("update app.messages set created_at = now() - interval '61 minutes' where id = $1", [late.id]);
    expect(await begin(late)).toMatchObject({ verdict: 'wait' });
  });

  test('to one address go only so many', async () => {
    await settings({ limit_messages: 2 });
    for (const id of ['SM1', 'SM2']) await send(await queue(), id);
    const third = await queue({ to_address: '4045550173' });
    const { verdict, pause } = await begin(third);
    expect(verdict).toBe('wait');
    expect(pause).toBeGreaterThan(23 * 3600);
    expect(await now(third)).toMatchObject({
      reason: expect.stringMatching(/^2 messages went to 4045550173 within 24 hours; /),
    });
    expect(await begin(await queue({ to_address: '+14045550199' }))).toMatchObject({ verdict: 'send' });
    await db.admin.query("update app.messages set sent_at = sent_at - interval '25 hours' where external_id = 'SM1'");
    expect(await begin(third)).toMatchObject({ verdict: 'send' });
  });

  test('two whose turn comes at once do not slip through together', async () => {
    await settings({ limit_messages: 1 });
    const messages = await Promise.all([queue(), queue(), queue()]);
    const verdicts = await Promise.all(messages.map((message) => begin(message)));
    expect(verdicts.map(({ verdict }) => verdict).toSorted()).toEqual(['send', 'wait', 'wait']);
  });

  test('not before its time', async () => {
    const message = await queue({ not_before: new Date(Date.now() + 3_600_000) });
    const { verdict, pause } = await begin(message);
    expect(verdict).toBe('wait');
    expect(pause).toBeGreaterThan(3500);
  });

  test('is what an admin key says', async () => {
    const change = (scopes: string[]) =>
      as("update api.message_settings set quiet_from = '22:00', quiet_until = '06:00' where channel = 'sms'", [], {
        scopes,
      });
    expect(await failure(change(['outreach.write', 'outreach.read']))).toMatchObject({ code: 'PT403' });
    await change(['organizations.admin', 'outreach.read']);
    expect(await as("select quiet_from from api.message_settings where channel = 'sms'")).toEqual([
      { quiet_from: '22:00:00' },
    ]);
    expect(
      await failure(as("select app.queue_message('sms', '+14045550173', 'x', time_zone => 'Mars/Olympus')")),
    ).toMatchObject({ code: 'PT400' });
  });
});

test('a connection that is removed changes no message, and what it was at is settled', async () => {
  await connect('twilio');
  const [sent, sending] = [await queue(), await queue()];
  await send(sent, 'SM1');
  await begin(sending);
  const before = [await now(sent), await now(sending)];
  await as("select app.delete_connection('twilio', 'default')");
  expect([await now(sent), await now(sending)]).toEqual(before);
  await settle(sending, 1, 'sent', ['SM2']);
  expect(await now(sending)).toMatchObject({ state: 'sent', external_id: 'SM2' });
});

describe('the text of a message', () => {
  const age = (message: Message, columns: string) =>
    db.admin.query(`update app.messages set ${columns} where id = $1`, [message.id]);
  const removeExpired = async () =>
    Number((await db.as('worker', null, 'select app.remove_expired() as removed'))[0]?.removed);
  const text = async ({ id }: Message) => (await as('select content from api.messages where id = $1', [id]))[0];

  test('goes after its retention, and the message stays', async () => {
    const message = await queue({ dedupe_key: 'call:1' });
    await age(
      message,
      "state = 'delivered', sent_at = now() - interval '401 days', created_at = now() - interval '402 days'",
    );
    const before = await now(message);
    expect(await removeExpired()).toBe(1);
    expect(await now(message)).toEqual({ ...before, content: null });
    expect(await removeExpired()).toBe(0);
    // nor is it sent a second time
    expect(await queue({ dedupe_key: 'call:1' })).toMatchObject({ id: message.id, state: 'delivered' });
  });

  test('of one that came in goes, too, and what was asked by it stays', async () => {
    await as('select app.receive_message($1)', [
      JSON.stringify({
        ...{ channel: 'sms', to_address: '+17705550199', from_address: '+14045550173', content: 'STOP' },
        ...{ vendor: 'twilio', external_id: 'SM1', created_at: new Date(Date.now() - 401 * 86_400_000) },
      }),
    ]);
    await db.admin.query("update app.suppressions set created_at = now() - interval '401 days'");
    expect(await removeExpired()).toBe(1);
    expect(await as('select content from api.messages')).toEqual([{ content: null }]);
    expect(await as('select source from api.suppressions')).toEqual([{ source: 'stop' }]);
  });

  test.each([
    ['that waits', "state = 'queued', created_at = now() - interval '9 years'"],
    ['that is being sent', "state = 'sending', created_at = now() - interval '9 years'"],
    [
      'that was sent of late',
      "state = 'sent', created_at = now() - interval '9 years', sent_at = now() - interval '399 days'",
    ],
    ['that is not old enough', "state = 'failed', created_at = now() - interval '399 days'"],
  ])('of one %s stays', async (_, columns) => {
    const message = await queue();
    await age(message, columns);
    expect(await removeExpired()).toBe(0);
    expect(await text(message)).toEqual({ content: 'We call you back.' });
  });

  test('is kept for as long as the operator says', async () => {
    const message = await queue();
    await age(message, "state = 'sent', created_at = now() - interval '31 days'");
    await db.as('worker', null, "select app.remove_expired(message_retention => '30 days')");
    expect(await text(message)).toEqual({ content: null });
  });

  test('that is gone is sent to nobody', async () => {
    const message = await queue();
    await age(message, "state = 'failed', created_at = now() - interval '401 days'");
    await removeExpired();
    expect(await failure(as('select app.requeue_message($1)', [message.id]))).toMatchObject({ code: 'PT409' });
    expect(await failure(age(message, "state = 'queued'"))).toMatchObject({ code: '23514' });
    expect(
      await failure(as("insert into api.messages (channel, to_address) values ('sms', '+14045550173')")),
    ).toMatchObject({
      code: '23514',
    });
  });
});

test.each(['Sarah@Example.COM', '<sarah@example.com>', 'mailto:SARAH@example.com', ' sarah@example.com. '])(
  'an address is suppressed however it is written: %j',
  async (address) => {
    await as("select app.suppress('email', $1)", [address]);
    const mail = await queue({ channel: 'email', to_address: 'SARAH@example.com' });
    expect(await begin(mail)).toMatchObject({ verdict: 'over' });
    expect(await now(mail)).toMatchObject({ state: 'suppressed' });
  },
);
