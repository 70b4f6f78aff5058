import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { claimsOf, failure, makeOrganization } from './fixtures.ts';

let db: TestDatabase;
let organization: string;
beforeAll(async () => {
  db = await createDatabase();
  organization = await makeOrganization(db);
});
afterAll(() => db.drop());

const set = (changes: object, claims: object = claimsOf(organization)) =>
  db.as('tenant', claims, 'select * from app.update_dispatch_settings($1)', [JSON.stringify(changes)]);
const one = async (sql: string, values: unknown[] = []): Promise<unknown> =>
  (await db.admin.query({ text: `select ${sql} as value`, values })).rows[0].value;

describe('dispatch settings', () => {
  test('are there for every organization, and without a service area', async () => {
    const { rows } = await db.admin.query('select * from app.dispatch_settings where organization_id = $1', [
      organization,
    ]);
    expect(rows).toMatchObject([
      {
        service_postal_codes: [],
        service_radius_miles: null,
        auto_dispatch: true,
        minimum_confidence: '0.60',
        qualified_intents: ['water', 'fire', 'mold', 'biohazard'],
      },
    ]);
  });

  test('what is not named stays, and a change is audited', async () => {
    await set({ service_postal_codes: ['30060'] });
    await set({ minimum_confidence: 0.7 });
    const { rows } = await db.admin.query(
      "select payload -> 'diff' as diff from audit.platform_events where organization_id = $1 and action = 'dispatch_settings.updated' order by id",
      [organization],
    );
    expect(rows.map(({ diff }) => diff)).toEqual([
      { service_postal_codes: { from: [], to: ['30060'] } },
      { minimum_confidence: { from: 0.6, to: 0.7 } },
    ]);
    await set({ service_postal_codes: [], minimum_confidence: 0.6 });
  });

  test.each([
    [{ service_postal_codes: ['300*1'] }, 'service_postal_codes'],
    [{ service_postal_codes: ['*'] }, 'service_postal_codes'],
    [{ service_postal_codes: [null] }, 'service_postal_codes'],
    [{ service_center_latitude: 34 }, 'service_center_latitude'],
    [{ service_center_latitude: 91, service_center_longitude: 0 }, 'service_center_latitude'],
    [{ service_radius_miles: 25 }, 'service_radius_miles'],
    [{ service_radius_miles: 0, service_center_postal_code: '30060' }, 'service_radius_miles'],
    [{ business_hours: { monday: [] } }, 'business_hours'],
    [{ business_hours: { mon: [['8:00', '18:00']] } }, 'business_hours'],
    [{ business_hours: { mon: [['08:00', '08:00']] } }, 'business_hours'],
    [{ business_hours: { mon: ['08:00', '18:00'] } }, 'business_hours'],
    [{ business_hours: [] }, 'business_hours'],
    [{ closed_dates: [null] }, 'closed_dates'],
    [{ qualified_intents: ['sales_pitch'] }, 'qualified_intents'],
    [{ minimum_confidence: 1.5 }, 'minimum_confidence'],
    [{ transcript_wait_seconds: -1 }, 'transcript_wait_seconds'],
    [{ stale_after_minutes: 0 }, 'stale_after_minutes'],
    [{ sms_template: 'Hi {nome}' }, 'sms_template'],
    [{ sms_template: '' }, 'sms_template'],
    [{ sms_on_callback_template: 'a'.repeat(641) }, 'sms_on_callback_template'],
  ])('%j is refused, with the field', async (changes, field) => {
    const { rows } = await db.admin.query(
      "select conname, obj_description(oid, 'pg_constraint') as reason from pg_constraint where conrelid = 'app.dispatch_settings'::regclass",
    );
    const reasons = new Map(rows.map(({ conname, reason }) => [conname, reason]));
    const error = await set(changes).then(
      () => undefined,
      (thrown) => thrown,
    );
    expect(error?.code).toBe('23514');
    expect(reasons.get(error.constraint)).toMatch(new RegExp(`^${field}: `));
  });

  test('a radius around nowhere is refused, also where somebody sets it in psql', async () => {
    const nowhere = { service_radius_miles: 25, service_center_postal_code: '00000' };
    expect((await failure(set(nowhere))).code).toBe('PT400');
    const byHand = `update app.dispatch_settings set service_radius_miles = 25, service_center_postal_code = 'K1A 0B1'`;
    await expect(db.admin.query(byHand)).rejects.toThrow('It is not known where this postal code is.');
    await set({ ...nowhere, service_center_latitude: 45.42, service_center_longitude: -75.7 });
    await set({
      service_radius_miles: null,
      service_center_postal_code: null,
      service_center_latitude: null,
      service_center_longitude: null,
    });
  });

  test('an admin key changes them at the SQL-minded door, another key reads them', async () => {
    const update = 'update api.dispatch_settings set urgent_at_any_hour = true returning urgent_at_any_hour';
    expect(await db.as('tenant', claimsOf(organization, { scopes: ['organizations.admin'] }), update)).toEqual([
      { urgent_at_any_hour: true },
    ]);
    const reader = claimsOf(organization, { scopes: ['organizations.read'] });
    expect((await failure(db.as('tenant', reader, update))).code).toBe('PT403');
    expect(await db.as('tenant', reader, 'select urgent_at_any_hour from api.dispatch_settings')).toEqual([
      { urgent_at_any_hour: true },
    ]);
    await set({ urgent_at_any_hour: false });
  });
});

describe('business hours', () => {
  const open = (moment: string) => one('app.in_business_hours($1, $2)', [organization, moment]);
  const zone = (timezone: string | null) =>
    db.admin.query(
      "update app.organizations set settings = jsonb_strip_nulls(jsonb_build_object('timezone', $2::text)) where id = $1",
      [organization, timezone],
    );

  test('are told in the time zone of the organization, in summer and in winter', async () => {
    await zone('America/New_York');
    await set({
      business_hours: {
        mon: [
          ['08:00', '12:00'],
          ['13:00', '18:00'],
        ],
      },
    });
    // Monday, July 6: 4 hours behind; Monday, January 5: 5 hours
    expect(
      await Promise.all(
        ['2026-07-06T11:59Z', '2026-07-06T12:00Z', '2026-07-06T16:00Z', '2026-07-06T17:30Z', '2026-07-06T22:00Z'].map(
          open,
        ),
      ),
    ).toEqual([false, true, false, true, false]);
    expect(await Promise.all(['2026-01-05T12:59Z', '2026-01-05T13:00Z', '2026-01-05T22:59Z'].map(open))).toEqual([
      false,
      true,
      true,
    ]);
    await zone(null);
    expect(await open('2026-07-06T08:00Z')).toBe(true);
  });

  test('go past midnight into the next day, and over a whole day', async () => {
    await set({ business_hours: { fri: [['18:00', '02:00']], sun: [['00:00', '24:00']] } });
    const moments = [
      '2026-07-10T17:59Z',
      '2026-07-10T18:00Z',
      '2026-07-11T01:59Z',
      '2026-07-11T02:00Z',
      '2026-07-12T00:00Z',
      '2026-07-12T23:59Z',
      '2026-07-13T00:00Z',
    ];
    expect(await Promise.all(moments.map(open))).toEqual([false, true, true, false, true, true, false]);
  });

  test('do not begin on closed dates', async () => {
    await set({
      business_hours: { thu: [['18:00', '02:00']], fri: [['00:00', '24:00']] },
      closed_dates: ['2026-12-25'],
    });
    // what began the evening before goes on
    expect(await Promise.all(['2026-12-25T01:00Z', '2026-12-25T03:00Z', '2026-12-18T03:00Z'].map(open))).toEqual([
      true,
      false,
      true,
    ]);
    await set({ closed_dates: [] });
  });
});

describe('the service area', () => {
  const inside = (code: string | null) => one('app.in_service_area($1, $2)', [organization, code]);
  const clear = {
    service_postal_codes: [],
    service_radius_miles: null,
    service_center_postal_code: null,
    service_center_latitude: null,
    service_center_longitude: null,
  };

  test('is not known until it is set', async () => {
    await set(clear);
    expect(await inside('30060')).toBe(null);
  });

  test('is codes, and beginnings of codes, however they are written', async () => {
    await set({ ...clear, service_postal_codes: ['30060', '301*', 'm5v 2t6', 'T2*'] });
    expect(
      await Promise.all(['30060', '30060-1234', ' 30144', '30061', 'M5V2T6', 't2p 1j9', 'T3A', '', null].map(inside)),
    ).toEqual([true, true, true, false, true, true, false, null, null]);
  });

  test('is a radius around a postal code, or around a point', async () => {
    await set({ ...clear, service_center_postal_code: '30060', service_radius_miles: 25 });
    // Atlanta, Roswell; Macon, New York; no such code
    expect(await Promise.all(['30303', '30075', '31201', '10001', '00000'].map(inside))).toEqual([
      true,
      true,
      false,
      false,
      null,
    ]);
    await set({ service_center_latitude: 40.75, service_center_longitude: -73.99 });
    expect(await Promise.all(['30303', '10001', '07030'].map(inside))).toEqual([false, true, true]);
  });

  test('holds a city whose codes are all in it, and not one of which none is', async () => {
    await set({ ...clear, service_center_postal_code: '30060', service_radius_miles: 25 });
    const city = (...place: (string | null)[]) => one('app.city_in_service_area($1, $2, $3)', [organization, ...place]);
    expect(await city('marietta', 'GA')).toBe(true);
    expect(await city('Marietta ', 'Georgia')).toBe(true);
    expect(await city('Marietta', 'OH')).toBe(false);
    expect(await city('Houston', 'TX')).toBe(false);
    expect(await city('Nowhere', 'GA')).toBe(null);
    expect(await city(null, null)).toBe(null);
    await set({ service_radius_miles: 12 });
    expect(await city('Atlanta', 'GA')).toBe(null);
  });

  test('of another organization is not told', async () => {
    const other = await makeOrganization(db, 'Other');
    const [row] = await db.as('tenant', claimsOf(other), "select app.in_service_area($1, '30060') as inside", [
      organization,
    ]);
    expect(row).toEqual({ inside: null });
  });

  test('miles are those of the globe', async () => {
    // Atlanta to New York, London to Sydney
    expect(Math.round((await one('app.miles_between(33.749, -84.388, 40.7128, -74.006)')) as number)).toBe(746);
    expect(Math.round((await one('app.miles_between(51.5074, -0.1278, -33.8688, 151.2093)')) as number)).toBe(10_560);
    expect(await one('app.miles_between(10, 20, 10, 20)')).toBe(0);
  });
});
