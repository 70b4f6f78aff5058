import { describe, expect, test } from 'vitest';
import { leadsOf } from './fixtures.ts';
import {
  BROWSER,
  connect,
  db,
  FORM,
  gateway,
  hook,
  leads,
  moveTo,
  organization,
  SARAH,
  sendForm,
  sendJson,
} from './form-setup.ts';

describe('a script', () => {
  test('sends JSON, and is told no more than that it worked', async () => {
    const sent = {
      ...SARAH,
      phone: '+1 404 555 0142',
      message: 'Water in the basement',
      page_url: 'https://www.example.com/estimate?utm_source=news',
      rooms: 3,
      services: ['drying', 'mould'],
      urgent: true,
      referrer: 'https://search.example.com/',
      utm_medium: 'email',
    };
    const reply = await sendJson(sent);
    expect([reply.status, reply.body]).toEqual([201, { ok: true }]);
    const [lead, ...more] = await leads();
    expect(more).toEqual([]);
    expect(lead).toMatchObject({
      source: 'public_tool',
      ...SARAH,
      phone: '+1 404 555 0142',
      notes: 'Water in the basement',
      source_url: 'https://www.example.com/estimate?utm_source=news',
      external_id: null,
      context: {
        tool: 'estimate',
        url: 'https://www.example.com/estimate?utm_source=news',
        message: 'Water in the basement',
        referrer: 'https://search.example.com/',
        utmSource: 'news',
        utmMedium: 'email',
        fields: { rooms: 3, services: ['drying', 'mould'], urgent: true },
      },
    });
    const told = `${reply.text} ${JSON.stringify([...reply.headers])}`;
    for (const secret of [lead?.id, organization, SARAH.email]) expect(told).not.toContain(secret);
    const entry = await db.admin.query(
      "select source, correlation_id from audit.platform_events where organization_id = $1 and action = 'lead.created'",
      [organization],
    );
    expect(entry.rows).toEqual([{ source: 'api', correlation_id: reply.headers.get('x-request-id') }]);
  });

  test('is not told to send again what is there already', async () => {
    await db.admin.query('revoke execute on function app.note_connection from gateway');
    const reply = await sendJson(SARAH);
    await db.admin.query('grant execute on function app.note_connection to gateway');
    expect([reply.status, reply.body]).toEqual([201, { ok: true }]);
    expect(await leads()).toHaveLength(1);
  });

  test('is told every field that is wrong', async () => {
    const reply = await sendJson({ name: 'x'.repeat(201), email: 'sarah at example', phone: 'call me' });
    expect(reply.status).toBe(400);
    expect(reply.body.error).toEqual({
      code: 'invalid_request',
      message: expect.stringMatching(/^Invalid value for \w+: .*\.$/),
      details: {
        field: expect.any(String),
        reason: expect.any(String),
        fields: {
          name: 'must have at most 200 characters',
          email: 'must be an email address',
          phone: 'must be a phone number',
        },
      },
    });
    expect(await leads()).toEqual([]);
  });

  test('must say who it is about', async () => {
    const reply = await sendJson({ rooms: 3 });
    expect(reply.body.error.details).toMatchObject({
      field: 'email',
      reason: 'is required, or a name or a phone number',
    });
  });

  test.each([
    ['nothing', '', 'application/json', 400],
    ['no JSON', '{', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['a NUL and half a character', '{"name":"a\\u0000\\ud800","note":"\\u0000"}', 'application/json', 201],
    ['a prototype', '{"name":"a","__proto__":{"x":1},"constructor":1}', 'application/json', 201],
    ['nests', `{"name":"a","x":${'['.repeat(50_00)}${']'.repeat(50_00)}}`, 'application/json', 400],
    [
      'too many fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, i]))),
      'application/json',
      400,
    ],
    ['a picture', 'GIF89a', 'image/gif', 415],
    ['a broken multipart', '--x\r\n', 'multipart/form-data; boundary=x', 400],
    ['a multipart without a boundary', 'x', 'multipart/form-data', 400],
    ['more than the form may', JSON.stringify({ name: 'x'.repeat(70_000) }), 'application/json', 413],
    ['more than any hook may', JSON.stringify({ name: 'x'.repeat(1_100_000) }), 'application/json', 413],
  ])('that sends %s gets an answer that is no 500', async (_what, body, type, status) => {
    const reply = await gateway.request('POST', hook, { body, headers: { 'content-type': type } });
    expect(reply.status, reply.text).toBe(status);
    if (status >= 400)
      expect(reply.body.error).toMatchObject({ code: expect.any(String), message: expect.stringMatching(/\.$/) });
  });

  test('sends a form with files in vain, and one without them well', async () => {
    const form = new FormData();
    form.set('your-name', 'Sarah Mitchell');
    form.set('your-email', SARAH.email);
    form.append('services[]', 'drying');
    form.append('services[]', 'mould');
    form.set('photo', new File([], ''));
    const sent = await fetch(`${gateway.url}${hook}`, { method: 'POST', body: form });
    expect(sent.status).toBe(201);
    expect(await leads()).toMatchObject([{ ...SARAH, context: { fields: { 'services[]': ['drying', 'mould'] } } }]);
    form.set('photo', new File(['GIF89a'], 'x.gif'));
    const refused = await fetch(`${gateway.url}${hook}`, { method: 'POST', body: form });
    expect(refused.status).toBe(415);
    expect(await refused.json()).toMatchObject({ error: { details: { field: 'photo', reason: 'is a file' } } });
  });
});

test('numbers that would be written with hundreds of digits are kept as they were sent', async () => {
  const numbers = ['1e308', '-1e400', '1E-300', '12345678901234567890', '1e5', '0.5', '1e-7', '0'];
  expect((await sendJson(`{"name":"a","n":[${numbers.join(',')}]}`)).status).toBe(201);
  const kept = ['1e308', '-1e400', '1E-300', '12345678901234567890', 100_000, 0.5, 1e-7, 0];
  expect(await leads()).toMatchObject([{ context: { fields: { n: kept } } }]);
});

describe('a page that is not UTF-8', () => {
  const post = (body: string, type: string): Promise<Response> =>
    fetch(`${gateway.url}${hook}`, {
      method: 'POST',
      body: Buffer.from(body, 'latin1'),
      headers: { 'content-type': type },
    });

  test.each([
    ['a form', 'name=Zo%EB+M%fcller%80&city=K%F6ln+100%25', FORM['content-type']],
    ['a form with bytes as they are', 'name=Zo\xeb+M\xfcller\x80&city=K\xf6ln+100%25', FORM['content-type']],
    ['JSON', '{"name":"Zo\xeb M\xfcller\x80","city":"K\xf6ln 100%"}', 'application/json'],
    [
      'multipart',
      ['name', 'Zo\xeb M\xfcller\x80', 'city', 'K\xf6ln 100%']
        .map((text, i) =>
          i % 2 === 0 ? `--x\r\nContent-Disposition: form-data; name="${text}"\r\n\r\n` : `${text}\r\n`,
        )
        .join('')
        .concat('--x--\r\n'),
      'multipart/form-data; boundary=x',
    ],
  ])('sends %s, and no name is mutilated', async (_what, body, type) => {
    expect((await post(body, type)).status).toBe(201);
    expect(await leads()).toMatchObject([{ name: 'Zoë Müller€', context: { fields: { city: 'Köln 100%' } } }]);
  });

  test('changes nothing for one that is', async () => {
    for (const name of ['Zo%C3%AB%20%E2%82%AC', 'Zoë+€']) {
      await gateway.request('POST', hook, { body: `name=${name}`, headers: FORM });
    }
    expect((await leads()).map((lead) => lead.name)).toEqual(['Zoë €', 'Zoë €']);
  });
});

describe('a browser', () => {
  test('that sent a plain form is thanked on a page without a trace of what was sent', async () => {
    const reply = await sendForm(
      { ...SARAH, name: '<script>alert(1)</script>' },
      { ...BROWSER, referer: 'https://www.example.com/contact' },
    );
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(reply.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(reply.text).toContain('Thank you. We will be in touch.');
    expect(reply.text).not.toContain('script>');
    expect(await leads()).toMatchObject([
      { name: '<script>alert(1)</script>', source_url: 'https://www.example.com/contact' },
    ]);
  });

  test('is sent on to the page that thanks', async () => {
    await connect({ success_url: 'https://www.example.com/thanks' });
    const reply = await sendForm(SARAH, BROWSER);
    expect([reply.status, reply.headers.get('location')]).toEqual([303, 'https://www.example.com/thanks']);
    expect((await sendJson(SARAH)).status).toBe(201);
  });

  test('sees what to correct, whatever the form calls its fields', async () => {
    await connect({ field_mapping: { '<img src=x>': 'email' }, success_url: 'https://www.example.com/thanks' });
    const reply = await sendForm({ name: 'Sarah', '<img src=x>': 'no address' }, BROWSER);
    expect(reply.status).toBe(400);
    expect(reply.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(reply.text).toContain('&lt;img src=x&gt;</strong> must be an email address');
    expect(reply.text).not.toContain('<img');
  });

  test('sees in words what else went wrong', async () => {
    const reply = await gateway.request('POST', hook, {
      body: 'x',
      headers: { 'content-type': 'image/png', ...BROWSER },
    });
    expect(reply.status).toBe(415);
    expect(reply.text).toContain('The body must be JSON or a form.');
  });
});

describe('a form of its own kind', () => {
  test('maps its fields, has required ones and a consent, and puts tags on its leads', async () => {
    await connect({
      field_mapping: { input_1: 'name', input_2: 'email' },
      required_fields: ['city'],
      consent_field: 'privacy',
      tags: ['website', 'north'],
    });
    const sent = {
      input_1: 'Sarah Mitchell',
      input_2: SARAH.email,
      email: 'second@example.com',
      city: 'Atlanta',
      privacy: 'on',
    };
    const reply = await sendForm({ ...sent, city: ' ', privacy: '0' });
    expect(reply.body.error.details.fields).toEqual({ city: 'is required', privacy: 'must be agreed to' });
    expect((await sendForm(sent)).status).toBe(201);
    expect(await leads()).toMatchObject([
      {
        ...SARAH,
        tags: ['website', 'north'],
        context: { fields: { email: 'second@example.com', city: 'Atlanta', privacy: 'on' } },
      },
    ]);
  });

  test('with a first and a last name has a name', async () => {
    await sendForm({ 'First Name': 'Sarah', last_name: 'Mitchell', Company: 'Mitchell Roofing' });
    expect(await leads()).toMatchObject([{ name: 'Sarah Mitchell', company: 'Mitchell Roofing' }]);
  });

  test('with a name and a part of one loses neither', async () => {
    await sendForm({ name: 'Sarah', surname: 'Mitchell', first_name: '' });
    expect(await leads()).toMatchObject([{ name: 'Sarah', context: { fields: { surname: 'Mitchell' } } }]);
  });

  test('of another organization makes leads there alone', async () => {
    const before = organization;
    await moveTo('Another');
    await connect();
    expect((await sendJson({ ...SARAH, organization_id: before })).status).toBe(201);
    expect(await leadsOf(db, before)).toEqual([]);
    expect(await leads()).toHaveLength(1);
  });
});
