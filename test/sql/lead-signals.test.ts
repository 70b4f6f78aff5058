import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const asTenant = (text: string, values: unknown[] = []) => db.as('tenant', claimsOf(organization), text, values);

/** Signals of a lead of the organization, as its own key asks for them. */
async function signals(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
  const columns = Object.keys(fields);
  const [lead] = await asTenant(
    `insert into api.leads (${columns}) values (${columns.map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(fields),
  );
  const [row] = await asTenant('select app.lead_signals(l) as signals from app.leads as l where id = $1', [lead?.id]);
  return row?.signals;
}

test('of a lead that tells nothing are not known', async () => {
  expect(await signals({ handle: 'u/x' })).toEqual({
    phone_valid: null,
    phone_type: null,
    email_kind: null,
    email_valid: null,
    email_domain: null,
    completeness: 0,
    urgent_words: [],
    urgent: false,
    postal_code: null,
    in_service_area: null,
    calls: 0,
    repeat_caller: false,
    form_seconds: null,
    source_closed: 0,
    source_conversion: null,
    source_lift: null,
  });
});

test('of a lead that called tell how urgent the call was', async () => {
  const urgent = async (urgency: string) =>
    (await signals({ phone: '+14045550173', context: { call: { intent: 'water', urgency } } })).urgent;
  expect([await urgent('high'), await urgent('medium')]).toEqual([true, false]);
});

test('of a lead that tells everything are all there', async () => {
  expect(
    await signals({
      name: 'Sarah Mitchell',
      email: 'Sarah@Mitchell-Roofing.com',
      phone: '+44 7400 123456',
      pain_points: 'The ceiling collapsed, standing water in the kitchen',
      timeline: 'today',
      budget_range: '5k',
      context: { form_seconds: 12.5, fields: { 'Zip-Code': ' 30060 ' } },
    }),
  ).toMatchObject({
    phone_valid: true,
    phone_type: 'mobile',
    email_kind: 'business',
    email_valid: true,
    email_domain: 'mitchell-roofing.com',
    completeness: 1,
    urgent_words: ['collapsed', 'standing water', 'today'],
    urgent: true,
    postal_code: '30060',
    form_seconds: 12.5,
  });
});

describe('the domain of an email address', () => {
  test.each([
    ['ann@mitchell-roofing.com', 'business'],
    ['ann@münchen.de', 'business'],
    ['ann@xn--mnchen-3ya.de', 'business'],
    ['ann@example.photography', 'business'],
    ['ann@пример.рф', 'business'],
    ['ANN@GMAIL.COM', 'free'],
    ['ann@mail.yahoo.co.uk', 'free'],
    ['ann@mailinator.com', 'disposable'],
    ['ann@anything.mailinator.com', 'disposable'],
    ['ann@gmial.com', 'mistyped'],
    ['ann@gmail.con', 'mistyped'],
    ['ann@example.com', 'reserved'],
    ['ann@mitchell.example', 'impossible'],
    ['ann@mitchell.con', 'impossible'],
    ['ann@-mitchell.com', 'impossible'],
    ['ann@mitchell-.com', 'impossible'],
    ['ann@mitchell..com', 'impossible'],
    ['ann@mitchell.com.', 'impossible'],
    ['ann@mit_chell.com', 'impossible'],
    ['ann@192.168.1.1', 'impossible'],
    [`ann@${'x'.repeat(64)}.com`, 'impossible'],
    [`ann@${'x.'.repeat(20)}com`, 'impossible'],
  ])('of %s: %s', async (email, kind) => {
    expect(await signals({ email })).toMatchObject({
      email_kind: kind,
      email_valid: kind === 'business' || kind === 'free',
    });
  });

  test('is on one list only, and every list has some', async () => {
    const { rows } = await db.admin.query(
      'select kind, count(*)::integer as domains from app.email_domains group by kind',
    );
    const counts = Object.fromEntries(rows.map((row) => [row.kind, row.domains]));
    expect(counts.top_level).toBeGreaterThan(1400);
    expect(counts.disposable).toBeGreaterThan(5000);
    expect(counts.free).toBeGreaterThan(150);
    const misplaced = await db.admin.query(
      "select from app.email_domains where (kind = 'top_level') = (domain like '%.%') or domain <> lower(domain)",
    );
    expect(misplaced.rows).toEqual([]);
  });

  test('a large host is judged in no time that others have to wait for', async () => {
    const { rows } = await db.admin.query(
      "select app.email_kind('a@' || repeat('a-', 200000) || '!') as dashes, app.email_kind('a@' || repeat('a.', 200000) || 'com') as dots",
    );
    expect(rows).toEqual([{ dashes: 'impossible', dots: 'impossible' }]);
  });
});

describe('words that say that it cannot wait', () => {
  test.each([
    ['Burst pipe, the basement is flooding', ['burst', 'flooding']],
    ['URGENT: sewage backed up', ['backed up', 'sewage', 'urgent']],
    ['Es urgente, hay una fuga', ['fuga', 'urgente']],
    ['Not urgent at all', []],
    ["It isn't an emergency, no leaks", []],
    ['A leaflet about fireplaces', []],
    ['Repaint the hall', []],
  ])('in %j are %j', async (pain_points, words) => {
    expect(await signals({ handle: 'u/x', pain_points })).toMatchObject({
      urgent_words: words,
      urgent: words.length > 0,
    });
  });

  test('are looked for in the timeline, the notes and the message too, each once', async () => {
    expect(
      await signals({ handle: 'u/x', timeline: 'right_now', notes: 'Fire! Fire!', context: { message: 'smoke' } }),
    ).toMatchObject({ urgent_words: ['fire', 'right now', 'smoke'] });
  });
});

describe('the postal code', () => {
  test.each([
    [{ context: { postal_code: '30060' } }, '30060'],
    [{ context: { fields: { PLZ: '80331' } } }, '80331'],
    [{ context: { zip: 30060 } }, '30060'],
    [{ context: { zip: '', fields: { zip: '30064' } } }, '30064'],
    [{ context: { address: '12 Elm St, Marietta, GA 30060' } }, '30060'],
    [{ notes: 'Lives in Marietta, GA 30060-1234' }, '30060'],
    [{ notes: 'zip code: 30060' }, '30060'],
    [{ notes: 'Would pay $30060' }, null],
    [{ context: { fields: ['zip'] } }, null],
    [{ context: { zip: 'somewhere in the north of the county' } }, null],
  ])('in %j is %s', async (fields, code) => {
    expect(await signals({ handle: 'u/x', ...fields })).toMatchObject({ postal_code: code });
  });

  test('of the caller counts where the lead tells none', async () => {
    await asTenant(
      "insert into api.calls (source, caller_number, caller_postal_code) values ('api', '+1 404 555 0173', '30060')",
    );
    expect(await signals({ phone: '(404) 555-0173' })).toMatchObject({ postal_code: '30060', calls: 1 });
    expect(await signals({ phone: '(404) 555-0173', context: { zip: '30064' } })).toMatchObject({
      postal_code: '30064',
    });
  });
});

describe('the service area', () => {
  const serve = (codes: string[]) =>
    db.admin.query('update app.dispatch_settings set service_postal_codes = $2 where organization_id = $1', [
      organization,
      codes,
    ]);
  const inArea = async (code: string | null) =>
    (await asTenant('select app.in_service_area($1, $2) as is', [organization, code]))[0]?.is;

  test('is not known where there is none', async () => {
    expect(await inArea('30060')).toBeNull();
  });

  test('holds its codes, and what begins as one that ends in *', async () => {
    await serve(['30060', '300*', 'K1A 0B1']);
    const codes = ['30060', '30060-1234', '30099', ' 30012 ', 'k1a0b1', '30160', 'K1A', null, ''];
    const answers = [];
    for (const code of codes) answers.push(await inArea(code));
    expect(answers).toEqual([true, true, true, true, true, false, false, null, null]);
  });

  test('holds a city all of whose codes it holds, however many codes it has itself', async () => {
    const many = Array.from({ length: 4990 }, (_, n) => `ZZ${n}*`);
    const houston = async (codes: string[]) => {
      await serve([...many, ...codes]);
      return (await asTenant("select app.city_in_service_area($1, ' houston', 'Texas') as is", [organization]))[0]?.is;
    };
    expect(await houston([])).toBe(false);
    expect(await houston(['77002'])).toBeNull();
    expect(await houston(['77*'])).toBe(true);
  });

  test('is a signal', async () => {
    await serve(['30060']);
    expect(await signals({ handle: 'u/x', context: { zip: '30060' } })).toMatchObject({ in_service_area: true });
    expect(await signals({ handle: 'u/x', context: { zip: '90210' } })).toMatchObject({ in_service_area: false });
    expect(await signals({ handle: 'u/x' })).toMatchObject({ in_service_area: null });
  });
});

describe('a caller', () => {
  const call = (number: string, direction = 'inbound') =>
    asTenant('insert into app.calls (source, caller_number, direction) values ($1, $2, $3)', [
      'api',
      number,
      direction,
    ]);

  test('who called twice, from whatever notation of the number, is a repeat caller', async () => {
    await call('+1 404 555 0173');
    expect(await signals({ phone: '404-555-0173' })).toMatchObject({ calls: 1, repeat_caller: false });
    await call('4045550173');
    expect(await signals({ phone: '404-555-0173' })).toMatchObject({ calls: 2, repeat_caller: true });
  });

  test('who was called is none, nor who called somebody else', async () => {
    for (let count = 0; count < 2; count++) {
      await call('+14045550173', 'outbound');
      await db.as(
        'tenant',
        claimsOf(await makeOrganization(db)),
        "insert into app.calls (source, caller_number) values ('api', '+14045550173')",
      );
    }
    expect(await signals({ phone: '+14045550173' })).toMatchObject({ calls: 0, repeat_caller: false });
  });

  test('is known to a key that only writes leads', async () => {
    await call('+14045550173');
    const [lead] = await asTenant("insert into api.leads (phone) values ('+14045550173') returning id");
    const narrow = claimsOf(organization, { scopes: ['leads.write'] });
    const [row] = await db.as('tenant', narrow, 'select ai_reasoning from api.score_lead($1)', [lead?.id]);
    expect(row?.ai_reasoning).toContain('Phone validated');
  });
});

test.each([['"12"'], ['-1'], ['86401'], ['1e400'], ['{"a": 1}'], ['null']])(
  'a form that took %s seconds tells nothing',
  async (seconds) => {
    expect(await signals({ handle: 'u/x', context: `{"form_seconds": ${seconds}}` })).toMatchObject({
      form_seconds: null,
    });
  },
);

test('a source of thousands of which none was won is known as one', async () => {
  await db.admin.query(
    "insert into app.source_outcomes (organization_id, source, won, lost) values ($1, 'ads', 0, 5000)",
    [organization],
  );
  expect(await signals({ name: 'N', source: 'ads' })).toMatchObject({
    source_closed: 5000,
    source_conversion: 0,
    source_lift: null,
  });
});
