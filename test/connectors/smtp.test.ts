import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MailClient, MailServer } from '../../connectors/connector.ts';
import type { ConnectorFailure } from '../../connectors/failure.ts';
import { createOutbound, type Outbound } from '../../src/connections/http-client.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import type { Service } from './case.ts';
import { type MailAnswer, type MailVisit, startMailServer } from './smtp-service.ts';

// What the mail client knows of a mail when something went wrong: whether the server may have taken it.

const SECRETS = ['correct horse battery'];
let outbound: Outbound;
/** For servers that say nothing any more. */
let impatient: Outbound;
let mail: MailClient;
let service: Service<MailAnswer, MailVisit>;

beforeAll(() => {
  const guard = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] });
  outbound = createOutbound({ guard });
  impatient = createOutbound({ guard, timeoutMs: 700 });
  mail = outbound.mail(SECRETS);
});
afterAll(() => Promise.all([outbound.close(), impatient.close()]));
beforeEach(async () => {
  service = await startMailServer();
});
afterEach(() => service.close());

const server = (changes: Partial<MailServer> = {}): MailServer => ({
  url: `smtp://${new URL(service.url).host}`,
  requireTls: false,
  ...changes,
});
const send = (to = 'sarah@example.com', text = 'We come at nine.', through = server(), client = mail) =>
  client.send(through, {
    from: { name: 'Puro', address: 'office@puro.example.com' },
    to,
    subject: 'Tomorrow',
    text,
    id: 'msg_1',
    headers: {},
  });
/** The same to a server that answers so. */
const sendTo = (answer: MailAnswer) => {
  service.answer(answer);
  return send(undefined, undefined, undefined, answer.hang ? impatient.mail(SECRETS) : mail);
};
const failureOf = async (sending: Promise<unknown>): Promise<ConnectorFailure> =>
  sending.then(
    () => expect.fail('it was sent'),
    (failure: ConnectorFailure) => failure,
  );

describe('a mail that the server did not take', () => {
  test.each<[string, MailAnswer, object]>([
    ['whose recipient is unknown', { recipient: '550 5.1.1 No such user' }, { kind: 'refused', status: 550 }],
    [
      'whose recipient is greylisted',
      { recipient: '450 4.2.0 Greylisted, come back later' },
      { kind: 'unavailable', status: 450 },
    ],
    ['for which the recipient gets too many', { recipient: '452 4.7.1 Rate limited' }, { kind: 'rate_limited' }],
    ['whose text is refused', { data: '554 5.6.0 Looks like spam' }, { kind: 'refused', status: 554 }],
    ['whose text is refused for now', { data: '451 4.3.0 Out of disk' }, { kind: 'unavailable', status: 451 }],
    ['because it hung before the text', { hang: 'greeting' }, { kind: 'unavailable' }],
    ['because it went away before the text', { drop: 'greeting' }, { kind: 'unavailable' }],
  ])('%s', async (_name, answer, ends) => {
    expect(await failureOf(sendTo(answer))).toMatchObject({ ...ends, uncertain: false });
  });

  test('as there is none', async () => {
    const through = server();
    await service.close();
    expect(await failureOf(send('sarah@example.com', 'x', through))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ refuses connections\.$/),
      uncertain: false,
    });
    service = await startMailServer();
  });

  test('as nothing is said before the connection is encrypted', async () => {
    expect(
      await failureOf(
        send('sarah@example.com', 'x', server({ requireTls: true, user: 'puro', password: 'correct horse battery' })),
      ),
    ).toMatchObject({
      uncertain: false,
    });
    expect(service.requests).toEqual([{}]);
  });

  test('as its certificate is nobody’s', async () => {
    await service.close();
    service = await startMailServer({ tls: true });
    expect(await failureOf(send('sarah@example.com', 'x', server({ requireTls: true })))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('certificate'),
      uncertain: false,
    });
    expect(service.requests).toEqual([{}]);
  });
});

describe('a mail of which nobody knows', () => {
  test.each<[string, MailAnswer]>([
    ['because the server says nothing any more', { hang: 'data' }],
    ['because the server went away', { drop: 'data' }],
  ])('%s', async (_name, answer) => {
    expect(await failureOf(sendTo(answer))).toMatchObject({ kind: 'unavailable', uncertain: true });
  });
});

describe('what is written', () => {
  test('arrives as it was written, whatever it is', async () => {
    const text = ['.', '..', 'Größe: 5 m², naïve — “quoted” 🚒', 'x'.repeat(2000), 'From here', ''].join('\n');
    await send('sarah@example.com', text);
    const [visit] = service.requests;
    const [head, ...body] = visit?.mail?.split('\r\n\r\n') ?? [];
    expect(head).toContain('Content-Transfer-Encoding: ');
    const encoded = body.join('\r\n\r\n');
    const decoded = /base64/i.test(head ?? '') ? Buffer.from(encoded, 'base64').toString('utf8') : unquoted(encoded);
    expect(decoded.replaceAll('\r\n', '\n').trimEnd()).toBe(text.trimEnd());
  });

  test('makes no headers and no recipients', async () => {
    await mail.send(server(), {
      from: { name: 'Puro\r\nBcc: evil@example.com', address: 'office@puro.example.com' },
      to: 'sarah@example.com',
      subject: 'Hello\r\nBcc: evil@example.com',
      text: 'x',
      id: 'msg_1',
      headers: {},
    });
    expect(service.requests[0]?.to).toEqual(['sarah@example.com']);
    expect(service.requests[0]?.mail).not.toMatch(/^Bcc:/m);
  });
});

test('a domain with other letters is written as every mail server knows it', async () => {
  // (the server of the other tests would show it with its letters, however it was written)
  const said: string[] = [];
  const plain = createServer((socket) => {
    socket.write('220 old.example.com\r\n');
    createInterface(socket).on('line', (line) => {
      said.push(line);
      if (!/^(EHLO|MAIL|RCPT)/.test(line)) socket.end('421 4.3.2 Enough\r\n');
      else socket.write('250 OK\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const through = server({ url: `smtp://127.0.0.1:${(plain.address() as AddressInfo).port}` });
  await failureOf(send('sarah@müller-sanierung.example', 'x', through));
  expect(said.slice(1, 3)).toEqual([
    expect.stringMatching(/^MAIL FROM:<office@puro\.example\.com>/),
    'RCPT TO:<sarah@xn--mller-sanierung-zvb.example>',
  ]);
  plain.close();
});

function unquoted(encoded: string): string {
  const bytes = encoded
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
