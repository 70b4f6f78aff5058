import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, type Caller, expectError, startApi } from '../support/api.ts';

let api: Api;
let one: Caller;
let reader: Caller;
beforeAll(async () => {
  api = await startApi({ withPostgrest: true });
  one = await api.organization();
  reader = await api.key(one.organizationId, ['read']);
});
afterAll(() => api.stop());

const path = '/organizations/me/dispatch-settings';

describe('dispatch settings', () => {
  test('are there from the beginning, and change by what is named', async () => {
    const before = await reader.get(path);
    expect(before.status).toBe(200);
    expect(before.body).toMatchObject({
      service_postal_codes: [],
      service_radius_miles: null,
      auto_dispatch: true,
      closed_dates: [],
    });
    const changed = await one.patch(path, {
      service_center_postal_code: '30060',
      service_radius_miles: 25,
      business_hours: {
        mon: [
          ['08:00', '12:00'],
          ['13:00', '02:00'],
        ],
      },
      closed_dates: ['2026-12-25'],
    });
    expect(changed.status, changed.text).toBe(200);
    const after = {
      ...before.body,
      service_center_postal_code: '30060',
      service_radius_miles: 25,
      business_hours: {
        mon: [
          ['08:00', '12:00'],
          ['13:00', '02:00'],
        ],
      },
      closed_dates: ['2026-12-25'],
    };
    expect(changed.body).toEqual(after);
    expect((await reader.get(path)).body).toEqual(after);
    expectError(await one.patch(path, { service_center_postal_code: '99999999' }), 400, 'invalid_request', {
      field: 'service_center_postal_code',
    });
    expect((await one.patch(path, { service_radius_miles: null })).body.service_radius_miles).toBe(null);
  });

  test.each<[string, unknown, string]>([
    ['service_postal_codes', ['30*60'], 'service_postal_codes.0'],
    ['service_postal_codes', [5], 'service_postal_codes.0'],
    ['service_postal_codes', '30060', 'service_postal_codes'],
    ['service_postal_codes', ['\0'], 'service_postal_codes.0'],
    ['service_center_postal_code', '', 'service_center_postal_code'],
    ['service_center_latitude', 91, 'service_center_latitude'],
    ['service_center_latitude', 33.9, 'service_center_latitude'],
    ['service_center_longitude', '5', 'service_center_longitude'],
    ['service_radius_miles', 0, 'service_radius_miles'],
    ['service_radius_miles', 1e300, 'service_radius_miles'],
    ['business_hours', { monday: [] }, 'business_hours.monday'],
    ['business_hours', { mon: [['08:00']] }, 'business_hours.mon.0'],
    ['business_hours', { mon: [['08:00', '25:00']] }, 'business_hours.mon.0.1'],
    ['business_hours', { mon: [['08:00', '08:00']] }, 'business_hours'],
    ['business_hours', null, 'business_hours'],
    ['closed_dates', ['2026-02-30'], 'closed_dates.0'],
    ['closed_dates', ['tomorrow'], 'closed_dates.0'],
    ['qualified_intents', ['sales_pitch'], 'qualified_intents.0'],
    ['minimum_confidence', 1.01, 'minimum_confidence'],
    ['transcript_wait_seconds', 1.5, 'transcript_wait_seconds'],
    ['stale_after_minutes', 0, 'stale_after_minutes'],
    ['auto_dispatch', 'yes', 'auto_dispatch'],
    ['sms_template', 'Hi {nome}', 'sms_template'],
    ['sms_template', ' ', 'sms_template'],
    ['sms_template', 'a\0b', 'sms_template'],
    ['sms_on_callback_template', 'a'.repeat(641), 'sms_on_callback_template'],
    ['colour', 'red', 'colour'],
  ])('%s: %j is 400 with the field', async (name, value, field) => {
    const reply = await one.patch(path, { [name]: value });
    if (typeof value === 'string' && value.includes('\0')) return expect(reply.status).toBe(400);
    expectError(reply, 400, 'invalid_request', { field, reason: expect.any(String) });
  });

  test('need something to change, and the scope admin', async () => {
    expectError(await one.patch(path, {}), 400, 'invalid_request', {
      reason: expect.stringMatching(/^give at least one of/),
    });
    expectError(await reader.patch(path, { auto_dispatch: false }), 403, 'forbidden');
  });

  test('change at the SQL-minded door too', async () => {
    const change = (key: string) =>
      api.raw('PATCH', '/rest/v1/dispatch_settings', {
        key,
        body: { urgent_at_any_hour: true, minimum_confidence: 0.75 },
        headers: { prefer: 'return=representation' },
      });
    expect((await change(reader.key)).status).toBe(403);
    const reply = await change(one.key);
    expect(reply.status, reply.text).toBe(200);
    expect(reply.body).toMatchObject([{ urgent_at_any_hour: true, minimum_confidence: 0.75 }]);
    expect((await reader.get(path)).body).toMatchObject({ urgent_at_any_hour: true, minimum_confidence: 0.75 });
  });
});

describe('a person corrects a call', () => {
  const call = async () =>
    (await one.post('/calls', { caller_number: '+14045550173', caller_name: 'Sarah Mitchell' })).body.id as string;

  test('what it was about', async () => {
    const id = await call();
    const reply = await one.patch(`/calls/${id}`, { classification: 'mold', urgency: 'high' });
    expect(reply.status, reply.text).toBe(200);
    expect(reply.body).toMatchObject({
      id,
      classification: { intent: 'mold', confidence: 1, urgency: 'high', qualified: true },
      dispatch_decision: null,
    });
    expect((await one.get(`/calls/${id}`)).body).toEqual(reply.body);
    expect((await one.get('/calls?classification=mold&qualified=true')).body.data).toMatchObject([{ id }]);
  });

  test('and what is done; the audit log says who', async () => {
    const id = await call();
    const reply = await one.patch(`/calls/${id}`, { dispatch_decision: 'auto_dispatch' });
    expect(reply.body.dispatch_decision).toMatchObject({ action: 'auto_dispatch', reason: 'decided_by_person' });
    const { body } = await one.get('/audit-log?action=call.updated&limit=1');
    expect(body.data[0].payload).toMatchObject({
      key_id: one.keyId,
      diff: { dispatch_action: { from: null, to: 'auto_dispatch' } },
    });
    expect((await one.get('/leads')).body.data).toMatchObject([{ name: 'Sarah Mitchell', source: 'api' }]);
  });

  test('and is told what is wrong', async () => {
    const id = await call();
    for (const [field, value] of [
      ['classification', 'sales'],
      ['urgency', 'none'],
      ['qualified', 'true'],
      ['dispatch_decision', 'send'],
      ['transcript', 'x'],
    ]) {
      expectError(await one.patch(`/calls/${id}`, { [field as string]: value }), 400, 'invalid_request', {
        field,
        reason: expect.any(String),
      });
    }
    expectError(await reader.patch(`/calls/${id}`, { classification: 'mold' }), 403, 'forbidden');
  });
});
