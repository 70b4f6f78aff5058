import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WorkerOptions } from '../../src/worker/worker.ts';
import { type Answer, startReceiver } from '../support/receiver.ts';
import { everythingSent, registerEndpoint, until } from '../worker/fixtures.ts';
import {
  api,
  connectMail,
  connectTwilio,
  db,
  inState,
  mailServer,
  message,
  organization,
  outbox,
  query,
  queue,
  work,
} from './messages-setup.ts';
import { headersOf } from './vendors/smtp.ts';
import { twilioApi, twilioError } from './vendors/twilio.ts';

// From a queued message to what left, or did not.

const tasks = async () =>
  (
    await db.admin.query("select state, error from app.tasks where organization_id = $1 and kind = 'send_message'", [
      organization,
    ])
  ).rows;

describe('a text message', () => {
  test('goes to Twilio, and the call that it answers knows', async () => {
    await connectTwilio();
    const [call] = await query<{ id: string }>(
      "insert into app.calls (source, caller_number) values ('api', '4045550173') returning id",
    );
    const id = await queue('sms', { purpose: 'call_callback', call_id: call?.id });
    await work();
    expect(await inState(id, 'sent')).toMatchObject({
      vendor: 'twilio',
      external_id: 'SM00000000000000000000014045550173',
      from_address: '+17705550199',
      attempts: 1,
      error: null,
    });
    expect(new URLSearchParams(api.requests[0]?.rawBody.toString()).get('To')).toBe('+14045550173');
    expect(await query('select sms_callback_sent from app.calls')).toEqual([{ sms_callback_sent: true }]);
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(api.requests).toHaveLength(1);
  });

  test('that was not taken is tried again; the last time, it has failed', async () => {
    await connectTwilio();
    api.answer((request, number) => (number < 3 ? { status: 503 } : twilioApi(request)));
    const first = await queue('sms');
    await work();
    expect(await inState(first, 'sent')).toMatchObject({ attempts: 3, error: null });
    api.answer({ status: 429 });
    const second = await queue('sms', { to_address: '+14045550174' });
    expect(await inState(second, 'failed')).toMatchObject({ attempts: 3, error: expect.stringContaining('429') });
    await until(async () => (await tasks()).length === 0, 'the tasks');
  });

  test('that is to wait holds back those that come after it', async () => {
    await connectTwilio();
    api.answer((request, number) =>
      number === 1 ? { status: 429, headers: { 'retry-after': '3600' } } : twilioApi(request),
    );
    const first = await queue('sms');
    await work();
    await until(async () => (await message(first)).error !== null, 'the first attempt');
    const second = await queue('sms', { to_address: '+14045550174' });
    await until(async () => (await message(second)).reason !== null, 'the second to wait');
    expect(await message(second)).toMatchObject({
      state: 'queued',
      attempts: 0,
      reason: expect.stringMatching(/^The service asked for a pause until \d{4}-/),
    });
    expect(api.requests).toHaveLength(1);
  });

  test.each<[string, Answer, Partial<WorkerOptions>]>([
    ['answers too late', { hang: true }, { timeoutMs: 1500 }],
    ['answers with what nobody can read', { body: '<html>' }, {}],
    ['stands behind a proxy that gave up', { status: 504 }, {}],
    ['breaks in the middle of it', { status: 500 }, {}],
  ])('is not sent again when Twilio %s', async (_name, answer, changes) => {
    await connectTwilio();
    api.answer(answer);
    const id = await queue('sms');
    await work(changes);
    expect(await inState(id, 'unknown')).toMatchObject({ attempts: 1, error: expect.stringMatching(/\.$/) });
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(api.requests).toHaveLength(1);
  });

  test('to a number that is none has failed at once', async () => {
    await connectTwilio();
    api.answer(twilioError(400, 21211, "The 'To' number +14045550173 is not a valid phone number."));
    const id = await queue('sms');
    await work();
    expect(await inState(id, 'failed')).toMatchObject({ attempts: 1, error: expect.stringContaining('(code 21211)') });
  });

  test('to somebody who told Twilio STOP has failed, and no other is tried', async () => {
    await connectTwilio();
    api.answer(twilioError(400, 21610, 'Attempt to send to unsubscribed recipient'));
    const id = await queue('sms');
    await work();
    await inState(id, 'failed');
    expect(await query('select address, source from api.suppressions')).toEqual([
      { address: '(404) 555-0173', source: 'twilio' },
    ]);
    await inState(await queue('sms'), 'suppressed');
    expect(api.requests).toHaveLength(1);
  });

  test('with wrong credentials waits for right ones, and the connection says so', async () => {
    await connectTwilio();
    api.answer((request, number) => (number === 1 ? twilioError(401, 20003, 'Authenticate') : twilioApi(request)));
    const id = await queue('sms');
    await work();
    expect(await inState(id, 'sent')).toMatchObject({ attempts: 2 });
    expect(await query('select last_error, failing_since from app.connection_health')).toEqual([
      { last_error: expect.stringContaining('Authenticate (code 20003)'), failing_since: null },
    ]);
  });

  test('is tried again while there is no number to send it from', async () => {
    await connectTwilio({ from_number: null, messaging_service_sid: null });
    const id = await queue('sms');
    await work();
    expect(await inState(id, 'failed')).toMatchObject({
      attempts: 3,
      error: 'Set from_number or messaging_service_sid.',
    });
    expect(api.requests).toHaveLength(0);
  });

  test('being sent when its worker was killed is not sent again', async () => {
    await connectTwilio();
    api.answer({ hang: true });
    const id = await queue('sms');
    const child: ChildProcess = fork(
      join(import.meta.dirname, '../worker/worker-process.ts'),
      [db.loginUrl('worker')],
      {
        execArgv: [],
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      },
    );
    await once(child, 'message');
    await until(() => api.requests.length > 0, 'the request');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await message(id)).toMatchObject({ state: 'sending', attempts: 1 });

    api.answer(twilioApi);
    await work();
    expect(await inState(id, 'unknown')).toMatchObject({
      attempts: 1,
      error: expect.stringContaining('may have been sent'),
    });
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(api.requests).toHaveLength(1);
    // a person has looked
    await query('select app.requeue_message($1)', [id]);
    expect(await inState(id, 'sent')).toMatchObject({ attempts: 2 });
  });

  test('is sent once by many workers', async () => {
    await connectTwilio();
    const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => queue('sms', { to_address: `+1404555017${n}` })));
    await Promise.all([work(), work(), work()]);
    for (const id of ids) expect(await inState(id, 'sent')).toMatchObject({ attempts: 1 });
    expect(api.requests).toHaveLength(8);
  });

  test('in the quiet hours waits, and leaves when they are over', async () => {
    await connectTwilio();
    const quiet = async (from: string | null, until: string | null) =>
      db.admin.query('update app.message_settings set quiet_from = $1, quiet_until = $2 where organization_id = $3', [
        from,
        until,
        organization,
      ]);
    const { rows } = await db.admin.query(
      "select to_char(now() at time zone 'UTC' - interval '30 minutes', 'HH24:MI') as from, to_char(now() at time zone 'UTC' + interval '30 minutes', 'HH24:MI') as until",
    );
    await quiet(rows[0].from, rows[0].until);
    const id = await queue('sms');
    await work();
    await until(async () => (await message(id)).reason, 'its reason');
    expect(await message(id)).toMatchObject({ state: 'queued', reason: expect.stringMatching(/^Quiet hours until /) });
    expect(await tasks()).toEqual([{ state: 'waiting', error: null }]);
    expect(api.requests).toEqual([]);
    await quiet(null, null);
    // as if they were over
    await db.admin.query('update app.messages set not_before = now() where id = $1', [id]);
    await inState(id, 'sent');
  });
});

describe('a mail', () => {
  test('goes to the mail server, with a way to unsubscribe', async () => {
    await connectMail();
    const id = await queue('email', { subject: 'Tomorrow' });
    await work();
    const sent = await inState(id, 'sent');
    expect(sent).toMatchObject({ vendor: 'smtp', from_address: 'office@puro.example.com' });
    const [visit] = mailServer.requests;
    expect(visit).toMatchObject({ to: ['sarah.mitchell@example.com'] });
    const headers = headersOf(visit?.mail);
    expect(headers).toMatchObject({ subject: 'Tomorrow', 'message-id': sent.external_id });
    expect(headers['list-unsubscribe']).toMatch(/^<https:\/\/trunkline\.example\.com\/unsubscribe\/[\w-]{60,}>$/);
    expect(headers['list-unsubscribe-post']).toBe('List-Unsubscribe=One-Click');
  });

  test('that was sent is announced, once', async () => {
    await connectMail();
    const receiver = await startReceiver();
    await registerEndpoint(db, organization, receiver.url, ['outreach.email.sent']);
    const lead = (
      await query<{ id: string }>(
        "insert into app.leads (name, email) values ('Sarah', 'sarah.mitchell@example.com') returning id",
      )
    )[0];
    const id = await queue('email', { subject: 'Tomorrow', lead_id: lead?.id });
    await work();
    const { sent_at, created_at } = await inState(id, 'sent');
    await until(() => receiver.requests.length > 0, 'the event');
    const event = JSON.parse(receiver.requests[0]?.rawBody.toString() ?? '');
    expect(event).toMatchObject({
      type: 'outreach.email.sent',
      data: {
        message_id: expect.stringMatching(/^msg_[0-9a-z]{26}$/),
        channel: 'email',
        status: 'sent',
        to: 'sarah.mitchell@example.com',
        subject: 'Tomorrow',
        lead_id: lead?.id,
        queued_at: (created_at as Date).toISOString(),
        sent_at: (sent_at as Date).toISOString(),
      },
    });
    await db.admin.query("update app.messages set state = 'delivered' where id = $1", [id]);
    await everythingSent(db);
    expect(receiver.requests).toHaveLength(1);
    await receiver.close();
  });

  test('that the server may have taken is not sent again', async () => {
    await connectMail();
    mailServer.answer({ drop: 'data' });
    const id = await queue('email');
    await work();
    await inState(id, 'unknown');
    await until(async () => (await tasks()).length === 0, 'the task');
    expect(mailServer.requests).toHaveLength(1);
  });

  test('waits while the server takes nothing from us', async () => {
    await connectMail();
    mailServer.answerFirst(1, { greeting: '554 5.7.1 Your address is blocked' }, {});
    const id = await queue('email');
    await work();
    expect(await inState(id, 'sent')).toMatchObject({ attempts: 2 });
  });

  test.each([
    ['its recipient', { recipient: '550 5.1.1 No such user' }],
    ['what it says', { data: '554 5.7.1 Spam' }],
  ])('that the server refuses for %s has failed at once', async (_, answer) => {
    await connectMail();
    mailServer.answer(answer);
    const id = await queue('email');
    await work();
    expect(await inState(id, 'failed')).toMatchObject({ attempts: 1, error: expect.stringMatching(/ 55[04] /) });
  });

  test('that the server did not take for now is tried again', async () => {
    await connectMail();
    mailServer.answerFirst(1, { recipient: '450 4.2.0 Greylisted' }, {});
    const id = await queue('email');
    await work();
    expect(await inState(id, 'sent')).toMatchObject({ attempts: 2 });
  });
});

describe('without a connection', () => {
  const files = () => readdirSync(join(outbox, organization)).map((name) => join(outbox, organization, name));

  test('a mail is a file that mail programs open, and nothing left', async () => {
    const id = await queue('email', { subject: 'Tomorrow', body: 'We come at nine.' });
    await work();
    expect(await inState(id, 'sent')).toMatchObject({ vendor: 'outbox', external_id: null });
    const [file = ''] = files();
    expect(file).toMatch(/-msg_[0-9a-z]{26}\.eml$/);
    const mail = readFileSync(file, 'utf8');
    expect(headersOf(mail)).toMatchObject({
      to: 'sarah.mitchell@example.com',
      subject: 'Tomorrow',
      from: expect.stringMatching(/^\S.* <outbox@trunkline\.invalid>$/),
    });
    expect(mail).toContain('We come at nine.');
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  test('a text message is a file, too', async () => {
    const id = await queue('sms');
    await work();
    await inState(id, 'sent');
    const [file = ''] = files();
    expect(file).toMatch(/\.txt$/);
    expect(readFileSync(file, 'utf8')).toMatch(
      /^To: \+14045550173\nFrom: .+\nDate: .+\nMessage: msg_\w+\n\nWe call you back\.\n$/,
    );
  });

  test('suppressions count as well', async () => {
    await query("select app.suppress('sms', '4045550173')");
    const id = await queue('sms');
    await work();
    expect(await inState(id, 'suppressed')).toMatchObject({ vendor: null });
  });

  test('a folder that cannot be written to loses nothing: the row is the message', async () => {
    const id = await queue('sms');
    await work({ outboxDir: '/dev/null/outbox' });
    expect(await inState(id, 'sent')).toMatchObject({ vendor: 'outbox', error: expect.stringContaining('ENOTDIR') });
  });
});
