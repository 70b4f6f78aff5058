import { describe, expect, test } from 'vitest';
import { BROWSER, connect, FORM, gateway, hook, leads, SARAH, sendForm, sendJson } from './form-setup.ts';

describe('spam', () => {
  test('that fills the honeypot is thanked like everybody, and makes no lead', async () => {
    for (const [field, settings] of [
      ['website_url', {}],
      ['fax', { honeypot_field: 'fax' }],
    ] as const) {
      await connect(settings);
      const good = await sendJson({ ...SARAH, [field]: '' });
      const spam = await sendJson({ ...SARAH, [field]: 'https://spam.example.com' });
      const wrong = await sendJson({ email: 'spam', [field]: 'x' });
      for (const reply of [spam, wrong]) expect([reply.status, reply.text]).toEqual([good.status, good.text]);
    }
    expect(await leads()).toHaveLength(2);
  });

  test('that is quicker than people is told to wait', async () => {
    await connect({ min_seconds: 60 });
    const sent = (form_shown_at: unknown) => sendJson({ ...SARAH, form_shown_at });
    expect((await sent(Date.now())).body.error.details).toMatchObject({
      field: 'form_shown_at',
      reason: expect.stringContaining('too quickly'),
    });
    expect((await sent(Date.now() + 60_000)).status).toBe(400);
    expect((await sent('yesterday')).status).toBe(400);
    expect((await sent(undefined)).status).toBe(400);
    expect((await sent(Date.now() - 61_000)).status).toBe(201);
    expect((await leads()).map((lead) => lead.context.fields)).toEqual([{}]);
  });

  test('a form that tells when it was shown makes a lead that tells how long it took; a time that cannot be tells nothing', async () => {
    await connect();
    await sendJson({ ...SARAH, form_shown_at: Date.now() - 42_000 });
    await sendForm({ ...SARAH, form_shown_at: String(Date.now() - 42_000) });
    for (const form_shown_at of ['', 'yesterday', null, -1, [], Date.now() + 60_000, 1e300]) {
      expect((await sendJson({ ...SARAH, form_shown_at })).status).toBe(201);
    }
    const [json, form, ...others] = (await leads()).map((lead) => lead.context.form_seconds);
    for (const seconds of [json, form]) {
      expect(seconds).toBeGreaterThanOrEqual(42);
      expect(seconds).toBeLessThan(400);
    }
    expect(others).toEqual(Array(7).fill(undefined));
  });

  test('with one name thousands of times takes no time that others have to wait for', async () => {
    const began = process.cpuUsage();
    const body = `email=sarah%40example.com&${'a&'.repeat(32_000)}`;
    expect((await gateway.request('POST', hook, { body, headers: FORM })).status).toBe(201);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(2);
    expect((await leads())[0]?.context.fields.a).toHaveLength(32_000);
  });
  test('with an endless address is refused as quickly', async () => {
    const began = process.cpuUsage();
    expect((await sendJson({ email: `x@${'.'.repeat(65_000)}@` })).status).toBe(400);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1e6).toBeLessThan(2);
  });

  test('from one address is limited, and from all together', async () => {
    await connect({ per_address_limit: 2 });
    const statuses = async (count: number, headers = {}) => {
      const replies = [];
      for (let i = 0; i < count; i++) replies.push(await sendJson(SARAH, headers));
      return replies;
    };
    const replies = await statuses(3);
    expect(replies.map((reply) => reply.status)).toEqual([201, 201, 429]);
    expect(replies[2]?.body.error.code).toBe('rate_limit_exceeded');
    expect(Number(replies[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await sendForm(SARAH, BROWSER)).text).toContain('Rate limit exceeded');

    await connect({ per_form_limit: 3 });
    expect((await statuses(4)).map((reply) => reply.status)).toEqual([201, 201, 201, 429]);
    // another form has its own
    await connect();
    expect((await sendJson(SARAH)).status).toBe(201);
  });
});

describe('a page of another website', () => {
  const preflight = (origin: string) =>
    gateway.request('OPTIONS', hook, {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });

  test('may send any form whose websites are not named', async () => {
    const asked = await preflight('https://anywhere.example.org');
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe('*');
    expect(asked.headers.get('access-control-allow-methods')).toBe('POST');
    expect(asked.headers.get('access-control-allow-headers')).toContain('Content-Type');
    const sent = await sendJson({ email: 'no' }, { origin: 'https://anywhere.example.org' });
    expect([sent.status, sent.headers.get('access-control-allow-origin')]).toEqual([400, '*']);
  });

  test('must be among those that are named', async () => {
    await connect({ allowed_origins: ['https://www.example.com'] });
    const asked = await preflight('https://www.example.com');
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, 'https://www.example.com']);
    expect(asked.headers.get('vary')).toContain('Origin');
    expect((await sendJson(SARAH, { origin: 'https://www.example.com' })).status).toBe(201);
    const other = await preflight('https://evil.example.org');
    expect([other.status, other.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    for (const origin of ['https://evil.example.org', 'null', 'https://www.example.com.evil.example.org']) {
      expect((await sendJson(SARAH, { origin })).status).toBe(403);
    }
    expect(await leads()).toHaveLength(1);
  });

  test.each([
    ['https://WWW.Example.com', 'https://www.example.com'],
    ['https://www.example.com:443', 'https://www.example.com'],
    ['http://localhost:8080', 'http://localhost:8080'],
    ['https://www.müller.example', 'https://www.xn--mller-kva.example'],
  ])('is known by its name however that is written: %s', async (named, origin) => {
    await connect({ allowed_origins: [named] });
    const asked = await preflight(origin);
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, origin]);
    expect((await sendJson(SARAH, { origin })).status).toBe(201);
    expect((await preflight(`${origin}.evil.example.org`)).status).toBe(403);
  });
});
