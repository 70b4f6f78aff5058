import type dns from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type AddressGuard, createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { type Attempt, createSender, type Sender, type SenderOptions } from '../../src/webhooks/sender.ts';

const loopback = createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8', '::1/128'] });
const publicOnly = createAddressGuard({ allowHttp: true, allowSubnets: [] });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  vi.restoreAllMocks();
});

async function listen(server: net.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => server.close());
  if (server instanceof http.Server || server instanceof https.Server)
    cleanups.push(() => server.closeAllConnections());
  return (server.address() as AddressInfo).port;
}

/** An HTTP receiver; returns its URL and what it has seen. */
async function receiver(answer: http.RequestListener) {
  const requests: { method?: string; url?: string; headers: http.IncomingHttpHeaders; body: string }[] = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    try {
      for await (const chunk of request) body += chunk;
    } catch {
      return; // whoever sent it hung up
    }
    requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    answer(request, response);
  });
  const seen = { requests, connections: 0 };
  server.on('connection', () => seen.connections++);
  return { url: `http://127.0.0.1:${await listen(server)}/hook`, server, seen };
}

function sender(options: Partial<SenderOptions> = {}): Sender {
  const created = createSender({ guard: loopback, connectionsPerOrigin: 4, ...options });
  cleanups.push(() => created.close());
  return created;
}

function send(url: string, options: Partial<SenderOptions> = {}): Promise<Attempt> {
  return sender(options).send({ url, headers: { 'content-type': 'application/json' }, body: '{"id":"evt_1"}' });
}

/** A guard under whose DNS every name has these addresses. */
function guardResolvingTo(addresses: string[], subnets: string[] = []): AddressGuard {
  const found = addresses.map((address) => ({ address, family: net.isIP(address) }));
  const resolve = (_host: string, _options: unknown, done: (error: null, found: unknown) => void) => done(null, found);
  return createAddressGuard({ allowHttp: true, allowSubnets: subnets }, resolve as unknown as typeof dns.lookup);
}

describe('a delivery', () => {
  it('is a POST with the given headers and exactly the given bytes', async () => {
    const { url, seen } = await receiver((_request, response) => response.end('thanks'));
    const body = Buffer.from('{"name":"Zoë 🏠"}');
    const headers = { 'content-type': 'application/json', 'X-EAL-Event': 'lead.created' };
    const attempt = await sender().send({ url: `${url}?a=1`, headers, body });
    expect(attempt).toEqual({
      ok: true,
      status: 200,
      latencyMs: expect.any(Number),
      responseBody: 'thanks',
      error: null,
      errorMessage: null,
      retryAfterSeconds: null,
    });
    expect(Number.isInteger(attempt.latencyMs)).toBe(true);
    expect(seen.requests).toMatchObject([
      {
        method: 'POST',
        url: '/hook?a=1',
        body: body.toString(),
        headers: {
          'content-type': 'application/json',
          'content-length': String(body.length),
          'x-eal-event': 'lead.created',
          'user-agent': 'Trunkline-Webhooks/1.0',
        },
      },
    ]);
  });

  it('may bring its own user agent', async () => {
    const { url, seen } = await receiver((_request, response) => response.end());
    await sender({ userAgent: 'Ours/1.0' }).send({ url, headers: { 'User-Agent': 'AI93Platform/1.0' }, body: '' });
    await send(url, { userAgent: 'Ours/1.0' });
    expect(seen.requests.map(({ headers }) => headers['user-agent'])).toEqual(['AI93Platform/1.0', 'Ours/1.0']);
  });

  it('shares a few kept-alive connections with the others', async () => {
    const { url, seen } = await receiver((_request, response) => response.end());
    const shared = sender({ connectionsPerOrigin: 2 });
    const attempts = await Promise.all(
      Array.from({ length: 100 }, () => shared.send({ url, headers: {}, body: '{}' })),
    );
    expect(attempts.filter(({ ok }) => ok)).toHaveLength(100);
    expect(seen.connections).toBe(2);
  });

  it('goes over TLS to a receiver whose certificate is trusted', async () => {
    const port = await listen(
      https.createServer({ key: KEY, cert: CERTIFICATE }, (_request, response) => response.end('safe')),
    );
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...trusted, CERTIFICATE]);
    cleanups.push(() => tls.setDefaultCACertificates(trusted));
    const guard = guardResolvingTo(['127.0.0.1'], ['127.0.0.0/8']);
    expect(await send(`https://receiver.test:${port}/`, { guard })).toMatchObject({ ok: true, responseBody: 'safe' });
    expect(await send(`https://other.test:${port}/`, { guard })).toMatchObject({ ok: false, error: 'tls_failure' });
  });
});

describe('the status', () => {
  it.each([
    [200, true],
    [201, true],
    [204, true],
    [299, true],
    [304, false],
    [400, false],
    [404, false],
    [410, false],
    [500, false],
    [503, false],
  ])('%i: ok is %s', async (status, ok) => {
    const { url } = await receiver((_request, response) => response.writeHead(status).end());
    expect(await send(url)).toMatchObject({ ok, status, responseBody: '', error: null, errorMessage: null });
  });

  it.each([301, 302, 303, 307, 308])('%i is a failure: no redirect is followed', async (status) => {
    const elsewhere = await receiver((_request, response) => response.end());
    const { url } = await receiver((_request, response) =>
      response.writeHead(status, { location: elsewhere.url }).end(),
    );
    expect(await send(url)).toMatchObject({ ok: false, status, error: null });
    expect(elsewhere.seen).toEqual({ requests: [], connections: 0 });
  });

  it('is the final one after an informational one', async () => {
    const { url } = await receiver((_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.writeHead(202).end('later'));
    });
    expect(await send(url)).toMatchObject({ ok: true, status: 202, responseBody: 'later' });
  });
});

describe('the answer’s body', () => {
  const answering = async (body: string | Buffer, headers: http.OutgoingHttpHeaders = {}) => {
    const { url } = await receiver((_request, response) => response.writeHead(200, headers).end(body));
    return (await send(url, { maxBodyBytes: 8 })).responseBody;
  };

  it.each([
    ['whole at the limit', '12345678', '12345678'],
    ['cut beyond it', '123456789', '12345678'],
    ['cut before a character that would be split', '1234567é', '1234567'],
    ['without NUL', 'a\0b\0', 'ab'],
    ['with U+FFFD for what is not UTF-8', Buffer.from([0x61, 0xff, 0x62, 0xc3]), 'a\ufffdb\ufffd'],
  ])('is kept %s', async (_how, body, kept) => {
    expect(await answering(body)).toBe(kept);
  });

  it('is not decompressed', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000, 'A'));
    expect(await answering(bomb, { 'content-encoding': 'gzip' })).not.toContain('A'.repeat(5));
  });

  it('may never end: 4 KB are kept, and the connection is closed', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await receiver((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write('endless '.repeat(1000)));
      };
      response.on('drain', write).on('close', closed.resolve);
      write();
    });
    const attempt = await send(url);
    expect(attempt).toMatchObject({ ok: true, status: 200, error: null });
    expect(attempt.responseBody).toBe('endless '.repeat(512));
    await closed.promise;
  });
});

describe('the timeout', () => {
  // 50 ms where nothing need ever arrive; 1 s where a request or an answer must begin first, also on a busy machine.
  const timedOut = {
    ok: false,
    status: null,
    responseBody: null,
    error: 'timeout',
    errorMessage: expect.stringContaining('50 ms'),
  };

  it('covers a receiver that never answers, and hangs up on it', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await receiver((request) => request.socket.on('close', closed.resolve));
    expect(await send(url, { timeoutMs: 1000 })).toMatchObject({
      ...timedOut,
      errorMessage: expect.stringContaining('1000 ms'),
    });
    await closed.promise;
  });

  it('covers a body that stalls: even after 200 it is no success', async () => {
    const { url } = await receiver((_request, response) => response.writeHead(200).write('partial'));
    const expected = { ok: false, status: 200, responseBody: 'partial', error: 'timeout' };
    expect(await send(url, { timeoutMs: 1000 })).toMatchObject(expected);
  });

  it('covers a body that trickles', async () => {
    const { url } = await receiver((_request, response) => {
      const trickle = setInterval(() => response.write('.'), 5);
      response.on('close', () => clearInterval(trickle));
    });
    expect(await send(url, { timeoutMs: 1000 })).toMatchObject({ ok: false, status: 200, error: 'timeout' });
  });

  it('covers DNS that never answers', async () => {
    const guard = createAddressGuard({ allowHttp: true, allowSubnets: [] }, (() => {}) as unknown as typeof dns.lookup);
    expect(await send('http://hooks.example.com/', { guard, timeoutMs: 50 })).toMatchObject(timedOut);
  });

  it('covers a TLS handshake that never ends', async () => {
    const sockets = new Set<net.Socket>();
    const port = await listen(net.createServer((socket) => sockets.add(socket.on('error', () => {}).resume())));
    cleanups.push(() => sockets.forEach((socket) => void socket.destroy()));
    expect(await send(`https://127.0.0.1:${port}/`, { timeoutMs: 50 })).toMatchObject(timedOut);
  });

  it('covers waiting for a connection', async () => {
    const { url } = await receiver(() => {});
    const single = sender({ connectionsPerOrigin: 1, timeoutMs: 50 });
    const attempts = await Promise.all([1, 2, 3].map(() => single.send({ url, headers: {}, body: '' })));
    expect(attempts).toMatchObject([timedOut, timedOut, timedOut]);
  });

  it('leaves no timer behind', async () => {
    const { url } = await receiver((_request, response) => response.end());
    const set = vi.spyOn(globalThis, 'setTimeout');
    const cleared = vi.spyOn(globalThis, 'clearTimeout');
    await send(url, { timeoutMs: 61_234 });
    const timers = set.mock.results.filter((_result, i) => set.mock.calls[i]?.[1] === 61_234).map(({ value }) => value);
    expect(timers.length).toBeGreaterThan(0);
    expect(cleared.mock.calls.map(([timer]) => timer)).toEqual(expect.arrayContaining(timers));
  });
});

describe('network failures', () => {
  it('connection_refused', async () => {
    const server = net.createServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    const attempt = await send(`http://127.0.0.1:${port}/`);
    expect(attempt).toMatchObject({ ok: false, status: null, responseBody: null, error: 'connection_refused' });
    expect(attempt.errorMessage).toContain('ECONNREFUSED');

    const guard = guardResolvingTo(['127.0.0.1', '127.0.0.2'], ['127.0.0.0/8']);
    const both = await send(`http://two-addresses.test:${port}/`, { guard });
    expect(both).toMatchObject({ error: 'connection_refused', errorMessage: expect.stringContaining('127.0.0.1') });
  });

  it.each([
    ['resets', (socket: net.Socket) => socket.resetAndDestroy()],
    ['closes without a word', (socket: net.Socket) => socket.end()],
  ])('connection_reset when the receiver %s', async (_how, end) => {
    const { url } = await receiver((request) => end(request.socket));
    expect(await send(url)).toMatchObject({ ok: false, status: null, error: 'connection_reset' });
  });

  it('connection_reset in the middle of a body', async () => {
    const { url } = await receiver((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('partial', () => response.socket?.end());
    });
    expect(await send(url)).toMatchObject({
      ok: false,
      status: 200,
      responseBody: 'partial',
      error: 'connection_reset',
    });
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN'])('dns_failure for %s', async (code) => {
    const error = Object.assign(new Error(`getaddrinfo ${code}`), { code, syscall: 'getaddrinfo' });
    const resolve = (_host: string, _options: unknown, done: (error: Error) => void) => done(error);
    const guard = createAddressGuard({ allowHttp: true, allowSubnets: [] }, resolve as unknown as typeof dns.lookup);
    expect(await send('http://nowhere.invalid/', { guard })).toMatchObject({ ok: false, error: 'dns_failure' });
  });

  it('tls_failure for a certificate that nobody vouches for', async () => {
    const requests: unknown[] = [];
    const port = await listen(https.createServer({ key: KEY, cert: CERTIFICATE }, (request) => requests.push(request)));
    expect(await send(`https://127.0.0.1:${port}/`)).toMatchObject({ ok: false, status: null, error: 'tls_failure' });
    expect(requests).toEqual([]);
  });

  it('tls_failure for a receiver that speaks plain HTTP', async () => {
    const { url } = await receiver((_request, response) => response.end());
    expect(await send(url.replace('http:', 'https:'))).toMatchObject({ ok: false, error: 'tls_failure' });
  });

  it('network_error for an answer that is not HTTP', async () => {
    const port = await listen(
      net.createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.6\r\n')),
    );
    expect(await send(`http://127.0.0.1:${port}/`)).toMatchObject({ ok: false, status: null, error: 'network_error' });
  });
});

describe('forbidden addresses', () => {
  /** A server that must not be reached. */
  async function untouched() {
    let connections = 0;
    const port = await listen(
      net.createServer((socket) => {
        connections++;
        socket.destroy();
      }),
    );
    return { port, connections: () => connections };
  }
  const refused = { ok: false, status: null, responseBody: null, error: 'forbidden_address' };

  it('are refused as URLs', async () => {
    const { port, connections } = await untouched();
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433']) {
      expect(await send(`http://${host}:${port}/`, { guard: publicOnly })).toMatchObject(refused);
    }
    expect(connections()).toBe(0);
  });

  it('are refused at the dial when a name leads to them', async () => {
    const { port, connections } = await untouched();
    for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['127.0.0.1', '8.8.8.8'], ['::ffff:127.0.0.1']]) {
      const guard = guardResolvingTo(addresses);
      expect(guard.checkUrl(`http://hooks.example.com:${port}/`)).toMatchObject({ ok: true });
      expect(await send(`http://hooks.example.com:${port}/`, { guard })).toMatchObject(refused);
    }
    expect(connections()).toBe(0);
  });

  it('are refused at the dial when the URL itself passed', async () => {
    const { port, connections } = await untouched();
    const credulous: AddressGuard = { ...publicOnly, checkUrl: (url) => ({ ok: true, url: new URL(url) }) };
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      expect(await send(`http://${host}:${port}/`, { guard: credulous })).toMatchObject(refused);
      expect(await send(`https://${host}:${port}/`, { guard: credulous })).toMatchObject(refused);
    }
    expect(connections()).toBe(0);
  });

  it('are refused whatever the Host header says', async () => {
    const { port, connections } = await untouched();
    const url = `http://hooks.example.com:${port}/`;
    const guard = guardResolvingTo(['127.0.0.1']);
    expect(await sender({ guard }).send({ url, headers: { host: '8.8.8.8' }, body: '' })).toMatchObject(refused);
    expect(connections()).toBe(0);
  });

  it('include plain HTTP where the policy wants HTTPS', async () => {
    const { port, connections } = await untouched();
    const guard = createAddressGuard({ allowHttp: false, allowSubnets: ['127.0.0.0/8'] });
    expect(await send(`http://127.0.0.1:${port}/`, { guard })).toMatchObject(refused);
    expect(connections()).toBe(0);
  });
});

describe('Retry-After', () => {
  const retryAfter = async (value: string | undefined, status = 429) => {
    const headers = value === undefined ? {} : { 'retry-after': value };
    const { url } = await receiver((_request, response) => response.writeHead(status, headers).end());
    return (await send(url)).retryAfterSeconds;
  };

  it.each([
    ['120', 120],
    ['0', 0],
    ['86401', 86_400],
    ['99999999999999999999', 86_400],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['Fri, 31 Dec 2299 23:59:59 GMT', 86_400],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['', null],
    ['nonsense GMT', null],
    [undefined, null],
  ])('"%s" means %s', async (value, seconds) => {
    expect(await retryAfter(value)).toBe(seconds);
  });

  it('may be a date soon', async () => {
    vi.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 3, 27, 13, 22, 5));
    expect(await retryAfter('Mon, 27 Apr 2026 13:24:05 GMT')).toBe(120);
  });

  it.each([
    [503, 7],
    [200, null],
    [301, null],
    [500, null],
  ])('with %i gives %s', async (status, seconds) => {
    expect(await retryAfter('7', status)).toBe(seconds);
  });
});

describe('send', () => {
  it('rejects with the signal’s reason when aborted, and hangs up', async () => {
    const arrived = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const { url } = await receiver((request) => {
      request.socket.on('close', closed.resolve);
      arrived.resolve();
    });
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const sending = sender().send({ url, headers: {}, body: '', signal: controller.signal });
    await arrived.promise;
    controller.abort(new Error('shutting down'));
    await expect(sending).rejects.toThrow('shutting down');
    expect(removed).toHaveBeenCalled();
    await closed.promise;
  });

  it('sends nothing when aborted while waiting for a connection', async () => {
    const first = Promise.withResolvers<http.ServerResponse>();
    const { url, seen } = await receiver((_request, response) => {
      if (seen.requests.length === 1) first.resolve(response);
      else response.end();
    });
    const single = sender({ connectionsPerOrigin: 1 });
    const controller = new AbortController();
    const sendingFirst = single.send({ url, headers: {}, body: 'first' });
    const sendingSecond = single.send({ url, headers: {}, body: 'second', signal: controller.signal });
    const held = await first.promise;
    controller.abort(new Error('shutting down'));
    await expect(sendingSecond).rejects.toThrow('shutting down');
    held.end();
    expect(await sendingFirst).toMatchObject({ ok: true });
    expect(await single.send({ url, headers: {}, body: 'third' })).toMatchObject({ ok: true });
    expect(seen.requests.map(({ body }) => body)).toEqual(['first', 'third']);
  });

  it('sends nothing when aborted before', async () => {
    const { url, seen } = await receiver((_request, response) => response.end());
    const signal = AbortSignal.abort(new Error('shutting down'));
    await expect(sender().send({ url, headers: {}, body: '', signal })).rejects.toThrow('shutting down');
    expect(seen.connections).toBe(0);
  });

  it('rejects headers that are not valid HTTP', async () => {
    const { url } = await receiver((_request, response) => response.end());
    await expect(sender().send({ url, headers: { 'x-a': 'b\r\nc: d' }, body: '' })).rejects.toThrow(/invalid/i);
  });
});

describe('close', () => {
  it('waits for the attempts under way, and refuses new ones', async () => {
    const answer = Promise.withResolvers<http.ServerResponse>();
    const { url } = await receiver((_request, response) => answer.resolve(response));
    const closing = sender();
    const sending = closing.send({ url, headers: {}, body: '' });
    const response = await answer.promise;
    const closed = closing.close();
    await expect(closing.send({ url, headers: {}, body: '' })).rejects.toThrow('closed');
    response.end('done');
    expect(await sending).toMatchObject({ ok: true, responseBody: 'done' });
    await closed;
  });
});

// For receiver.test, signed by itself, valid from 2020 to 2119; used nowhere else.
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBLl0pAohBhvFNMfD
LtDvOHy7eBlHOewUWRzp4sTNph2hRANCAARXLZ5KHNg8n2jWQVCup0lsmYHzbkpy
gDhaqmtfzu9k/4C2xs4AeivRgeX8ttUXvMDfvMuvG4zMXY8Sf8HudH6C
-----END PRIVATE KEY-----`;
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBTjCB9KADAgECAgEBMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDXJlY2VpdmVy
LnRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBgxFjAUBgNV
BAMMDXJlY2VpdmVyLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARXLZ5K
HNg8n2jWQVCup0lsmYHzbkpygDhaqmtfzu9k/4C2xs4AeivRgeX8ttUXvMDfvMuv
G4zMXY8Sf8HudH6Coy0wKzAYBgNVHREEETAPgg1yZWNlaXZlci50ZXN0MA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhALW8AN5NDONumc33DgSKq/Qg
pHkk9d8W442nK8J2jRuHAiEA7dVJpUcEx2MOb/fllxJ4HR+Ec0OQ9Mnjy3SGic6f
hYw=
-----END CERTIFICATE-----`;
