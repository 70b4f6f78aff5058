import { describe, expect, test } from 'vitest';
import { unsubscribeToken } from '../../src/connections/unsubscribe.ts';
import { createEncryption } from '../../src/security/encryption.ts';
import { TEST_ENCRYPTION_KEY } from '../support/database.ts';
import { startTestGateway } from '../support/gateway.ts';
import { until } from '../worker/fixtures.ts';
import { receiptsOf } from './fixtures.ts';
import {
  connectMail,
  connectTwilio,
  db,
  gateway,
  inState,
  mailServer,
  organization,
  PUBLIC_URL,
  query,
  queue,
  secrets,
  work,
} from './messages-setup.ts';
import { headersOf } from './vendors/smtp.ts';
import { incoming, statusOf, twilioPost } from './vendors/twilio.ts';

// What comes back from those who were written to, over real HTTP.

describe('a text to Twilio', () => {
  const post = (
    path: string,
    fields: Record<string, string>,
    url = `${PUBLIC_URL}${path}`,
    token = secrets.auth_token as string,
  ) => gateway.request('POST', path, twilioPost(url, fields, token));
  const suppressed = async () =>
    (await query('select address, source from api.suppressions')).map(({ source }) => source);
  const processed = (count: number) =>
    until(
      async () => (await receiptsOf(db, organization)).filter(({ state }) => state === 'done').length === count,
      'the receipts',
    );

  test('that says STOP suppresses the number; START lifts it; the answer is TwiML without a word', async () => {
    const hook = await connectTwilio();
    await work();
    const reply = await post(hook, incoming('Stop'));
    expect(reply).toMatchObject({ status: 200, text: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' });
    expect(reply.headers.get('content-type')).toMatch(/^text\/xml/);
    await processed(1);
    expect(await suppressed()).toEqual(['stop']);
    await inState(await queue('sms', { purpose: 'call_callback' }), 'suppressed');
    await post(hook, incoming('START', { MessageSid: 'SM02', SmsSid: 'SM02' }));
    await processed(2);
    expect(await suppressed()).toEqual([]);
  });

  test('is believed to be STOP when Twilio says so, in whatever words', async () => {
    const hook = await connectTwilio();
    await work();
    await post(hook, incoming('Arrêt', { OptOutType: 'STOP' }));
    await processed(1);
    expect(await suppressed()).toEqual(['stop']);
  });

  test('from a lead is its reply, once however often Twilio tells of it', async () => {
    const hook = await connectTwilio();
    await query("insert into app.leads (name, phone) values ('Sarah', '(404) 555-0173')");
    await work();
    for (let again = 0; again < 2; again++) await post(hook, incoming('Yes, at nine please'));
    await processed(2);
    expect(await query('select message, channel from api.lead_replies')).toEqual([
      { message: 'Yes, at nine please', channel: 'sms' },
    ]);
    expect(await query('select pipeline_stage from app.leads')).toEqual([{ pipeline_stage: 'replied' }]);
  });

  test('that somebody else signed, or signed for another address, is refused', async () => {
    const hook = await connectTwilio();
    expect(await post(hook, incoming('STOP'), undefined, 'another token, as long as it')).toMatchObject({
      status: 401,
    });
    expect(await post(hook, incoming('STOP'), `https://other.example.com${hook}`)).toMatchObject({ status: 401 });
    expect(await post(`${hook}?a=b`, incoming('STOP'), `${PUBLIC_URL}${hook}`)).toMatchObject({ status: 401 });
    expect(await receiptsOf(db, organization)).toEqual([]);
  });

  test('is the same with the port in its address, or without', async () => {
    const hook = await connectTwilio();
    expect(await post(hook, incoming('Hi'), `https://trunkline.example.com:443${hook}`)).toMatchObject({ status: 200 });
    expect(await post(`${hook}?a=b`, incoming('Hi'))).toMatchObject({ status: 200 });
  });

  test('a status tells what became of a message', async () => {
    const hook = await connectTwilio();
    await work();
    const id = await queue('sms');
    const { external_id: sid } = await inState(id, 'sent');
    await post(hook, statusOf(String(sid), 'sent'));
    await post(hook, statusOf(String(sid), 'delivered'));
    expect(await inState(id, 'delivered')).toMatchObject({ delivered_at: expect.any(Date) });
  });

  test('a status tells that it could not be delivered', async () => {
    const hook = await connectTwilio();
    await work();
    const id = await queue('sms');
    const { external_id: sid } = await inState(id, 'sent');
    await post(hook, statusOf(String(sid), 'undelivered', { ErrorCode: '30006' }));
    expect(await inState(id, 'failed')).toMatchObject({ error: 'Twilio could not deliver it (code 30006).' });
  });
});

describe('the link in a mail', () => {
  /** Sends a mail, and returns the path of its link. */
  async function link(): Promise<string> {
    await connectMail();
    await work();
    await inState(await queue('email'), 'sent');
    const { 'list-unsubscribe': header = '' } = headersOf(mailServer.requests[0]?.mail);
    return new URL(header.slice(1, -1)).pathname;
  }
  const suppressions = () => query('select address, reason, source from api.suppressions');
  const form = (body: string) => ({ body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });

  test('shows who writes to whom, and changes nothing until the button is pressed', async () => {
    const path = await link();
    const opened = await gateway.request('GET', path);
    expect(opened.status).toBe(200);
    expect(opened.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(opened.headers.get('cache-control')).toBe('no-store');
    expect(opened.text).toContain('sarah.mitchell@example.com');
    expect(opened.text).toContain('<form method="post">');
    expect(await suppressions()).toEqual([]);

    const pressed = await gateway.request('POST', path, form(''));
    expect(pressed.status).toBe(200);
    expect(pressed.text).toContain('You are unsubscribed');
    expect(await suppressions()).toEqual([
      { address: 'sarah.mitchell@example.com', reason: 'user_unsubscribe', source: 'unsubscribe-page' },
    ]);
    expect((await gateway.request('GET', path)).text).toContain('You are unsubscribed');
    await inState(await queue('email'), 'suppressed');
    expect(mailServer.requests).toHaveLength(1);
  });

  test('is one click for a mail program, as often as it clicks', async () => {
    const path = await link();
    for (let again = 0; again < 2; again++)
      expect((await gateway.request('POST', path, form('List-Unsubscribe=One-Click'))).status).toBe(200);
    expect(await suppressions()).toEqual([
      { address: 'sarah.mitchell@example.com', reason: 'user_unsubscribe', source: 'list-unsubscribe-header' },
    ]);
    const { rows } = await db.admin.query(
      "select source, payload from audit.platform_events where organization_id = $1 and action = 'suppression.created'",
      [organization],
    );
    expect(rows).toMatchObject([{ source: 'api' }]);
  });

  test('takes the clicks that a mail provider passes on for very many people, and slows down who guesses', async () => {
    const path = await link();
    const strict = await startTestGateway(db);
    const statuses = async (url: string) => {
      const replies = Array.from({ length: 130 }, () =>
        strict.request('POST', url, form('List-Unsubscribe=One-Click')),
      );
      return [...new Set((await Promise.all(replies)).map((reply) => reply.status))].toSorted();
    };
    expect(await statuses(path)).toEqual([200]);
    expect(await statuses(`${path}A`)).toEqual([404, 429]);
    await strict.stop();
  });

  test.each(['GET', 'POST'])('that nobody made leads to nothing (%s)', async (method) => {
    const encryption = createEncryption(TEST_ENCRYPTION_KEY);
    const nothing = '01990000-0000-7000-8000-000000000001';
    const path = await link();
    for (const wrong of [
      '/unsubscribe/x',
      `${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`,
      `${path}A`,
      `/unsubscribe/${unsubscribeToken({ organizationId: organization, messageId: nothing }, encryption)}`,
      `/unsubscribe/${unsubscribeToken({ organizationId: nothing, messageId: nothing }, encryption)}`,
      `/unsubscribe/${'%00'.repeat(30)}`,
    ])
      expect((await gateway.request(method, wrong)).status, wrong).toBe(404);
    expect(await suppressions()).toEqual([]);
  });
});
