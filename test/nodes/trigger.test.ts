import { describe, expect, test } from 'vitest';
import { auditLogProperties } from '../../n8n-nodes/nodes/Trunkline/resources/auditLog.ts';
import { callProperties } from '../../n8n-nodes/nodes/Trunkline/resources/call.ts';
import { leadProperties } from '../../n8n-nodes/nodes/Trunkline/resources/lead.ts';
import { webhookProperties } from '../../n8n-nodes/nodes/Trunkline/resources/webhook.ts';
import { instant } from '../../n8n-nodes/nodes/Trunkline/time.ts';
import { flattened, isWanted, readEvent, type TrunklineEvent } from '../../n8n-nodes/nodes/TrunklineTrigger/event.ts';
import { forget, note, ownOf, recall, remember, withSecret } from '../../n8n-nodes/nodes/TrunklineTrigger/memory.ts';
import { verify } from '../../n8n-nodes/nodes/TrunklineTrigger/signature.ts';
import { ealSignature } from '../../src/webhooks/signing.ts';

// What the n8n nodes decide without n8n.

describe('a signature', () => {
  const body = Buffer.from('{"id":"evt_1"}');
  const now = 1_777_311_738;
  const signed = (secrets: string[], timestamp = now) => ealSignature({ timestamp, body, secrets });

  test('counts when any known secret made any of it', () => {
    expect(verify(signed(['whsec_a']), body, ['whsec_a'], now)).toEqual({ valid: true, foreign: false });
    expect(verify(signed(['whsec_b', 'whsec_a']), body, ['whsec_a'], now)).toEqual({ valid: true, foreign: true });
    expect(verify(signed(['whsec_b', 'whsec_a']), body, ['whsec_b', 'whsec_a'], now)).toEqual({
      valid: true,
      foreign: false,
    });
    expect(verify(signed(['whsec_a'], now - 299), body, ['whsec_a'], now).valid).toBe(true);
  });

  test.each([
    ['none', undefined],
    ['nothing', ''],
    ['no time', 'v1=00'],
    ['two times', `t=1,${signed(['whsec_a'])}`],
    ['an old one', signed(['whsec_a'], now - 301)],
    ['one of the future', signed(['whsec_a'], now + 301)],
    ["somebody else's", signed(['whsec_b'])],
    ['a long one', `t=${now},${'v1=00,'.repeat(10_000)}`],
  ])('does not: %s', (_, header) => {
    expect(verify(header, body, ['whsec_a'], now).valid).toBe(false);
  });

  test('covers the bytes', () => {
    expect(verify(signed(['whsec_a']), Buffer.from('{"id": "evt_1"}'), ['whsec_a'], now).valid).toBe(false);
    expect(verify(signed(['whsec_a']), undefined, ['whsec_a'], now).valid).toBe(false);
    expect(verify(signed(['whsec_a']), body, [], now).valid).toBe(false);
  });
});

describe('what is remembered', () => {
  test('survives in the workflow, completes what another copy knows, and is bounded', () => {
    const url = 'http://127.0.0.1/remembered';
    const stored: Record<string, never> = {};
    remember(url, stored, withSecret({ webhookId: 'w', secrets: [], seen: [] }, 'whsec_a'));
    const one = recall(url, {});
    expect(note(one, 'evt_1')).toBe(true);
    remember(url, {}, one);
    // another delivery works on a copy that was read before
    const other = recall(url, structuredClone(stored));
    expect(note(other, 'evt_1')).toBe(false);
    for (let n = 0; n < 1500; n++) note(other, `evt_x${n}`);
    expect(other.seen).toHaveLength(1000);
    expect(note(other, 'evt_x1499')).toBe(false);
  });

  test('is not undone by whoever asked Trunkline in between', () => {
    const url = 'http://127.0.0.1/meanwhile';
    const stored = {};
    const registering = recall(url, stored);
    const delivered = recall(url, {});
    note(delivered, 'evt_1');
    remember(url, {}, delivered);
    remember(url, stored, withSecret({ ...registering, webhookId: 'w' }, 'whsec_a'));
    expect(recall(url, {}).seen).toEqual(['evt_1']);
    expect(stored).toMatchObject({ webhookId: 'w', seen: ['evt_1'] });
  });

  test('outlives the registration: what was seen, but not its secrets', () => {
    const url = 'http://127.0.0.1/forgotten';
    const stored: Record<string, unknown> = {};
    remember(url, stored as never, withSecret({ webhookId: 'w', secrets: [], seen: ['evt_1'] }, 'whsec_a'));
    const latest = recall(url, {});
    note(latest, 'evt_2');
    // a delivery's copy, which n8n has not stored
    remember(url, {}, latest);
    forget(url, stored as never);
    expect(stored).toEqual({ seen: ['evt_1', 'evt_2'] });
    // the next registration reads what n8n had stored before either
    expect(recall(url, {})).toEqual({ webhookId: undefined, secrets: [], seen: ['evt_1', 'evt_2'] });
  });

  test('is dropped by a copy of the workflow, and by another n8n', () => {
    const stored = ownOf({}, 'n8n-a workflow-1');
    remember('http://127.0.0.1/own', stored, withSecret({ webhookId: 'w', secrets: [], seen: ['evt_1'] }, 'whsec_a'));
    expect(ownOf(structuredClone(stored), 'n8n-a workflow-1')).toMatchObject({ webhookId: 'w', seen: ['evt_1'] });
    expect(ownOf(structuredClone(stored), 'n8n-a workflow-2')).toEqual({ owner: 'n8n-a workflow-2' });
  });

  test('holds a secret from before for a day', () => {
    const rotated = withSecret(withSecret({ secrets: [], seen: [] }, 'old'), 'new');
    expect(rotated.secrets.map(({ secret }) => secret)).toEqual(['new', 'old']);
    const yesterday = Date.now() - 25 * 3600 * 1000;
    const kept = { secrets: [{ secret: 'new' }, { secret: 'old', replacedAt: yesterday }], seen: [] };
    expect(recall('http://127.0.0.1/day', kept).secrets.map(({ secret }) => secret)).toEqual(['new']);
  });
});

describe('an event', () => {
  const event = (type: string, data: object): TrunklineEvent =>
    ({ id: 'evt_1', type, created_at: '2026-04-27T17:42:11.214Z', organization_id: 'o', data }) as TrunklineEvent;

  test('is read from bytes, and flat for mapping', () => {
    const lead = event('lead.created', { id: 'l', email: 'a@example.com' });
    expect(readEvent(Buffer.from(JSON.stringify(lead)))).toEqual(lead);
    for (const text of ['', '[]', 'null', '{"id":1}', '{"id":"evt_1","type":"x"}'])
      expect(readEvent(Buffer.from(text))).toBeUndefined();
    expect(flattened(lead, false)).toEqual({
      event: 'lead.created',
      event_id: 'evt_1',
      event_created_at: '2026-04-27T17:42:11.214Z',
      organization_id: 'o',
      id: 'l',
      email: 'a@example.com',
    });
    expect(flattened(lead, true).raw).toEqual(lead);
  });

  test('is wanted by the filters that are about it', () => {
    const lead = event('lead.updated', { pipeline_stage: 'won', source: 'website', lead_score: 60 });
    expect(isWanted(lead, {})).toBe(true);
    expect(isWanted(lead, { pipeline_stage: ['won', 'lost'], source: ['website'], lead_score: 60 })).toBe(true);
    expect(isWanted(lead, { pipeline_stage: [], intent: ['water'] })).toBe(true);
    expect(isWanted(lead, { pipeline_stage: ['new'] })).toBe(false);
    expect(isWanted(lead, { source: ['angi'] })).toBe(false);
    expect(isWanted(lead, { lead_score: 61 })).toBe(false);
    // as expressions give them
    expect(isWanted(lead, { pipeline_stage: 'lost, won', lead_score: '60' })).toBe(true);
    expect(isWanted(lead, { pipeline_stage: 'won back' })).toBe(false);
    expect(isWanted(lead, { source: '["angi","website"]', lead_score: '' })).toBe(true);
    const call = event('call.classified', { classification: { intent: 'water' } });
    expect(isWanted(call, { intent: ['water'], lead_score: 90 })).toBe(true);
    expect(isWanted(call, { intent: ['fire'] })).toBe(false);
    expect(isWanted(event('call.received', { classification: null }), { intent: ['fire'] })).toBe(false);
    expect(isWanted(event('review.received', {}), { intent: ['fire'], lead_score: 90 })).toBe(true);
  });
});

describe('the fields of an operation', () => {
  const resources = {
    auditLog: auditLogProperties,
    call: callProperties,
    lead: leadProperties,
    webhook: webhookProperties,
  };
  const operations = Object.entries(resources).flatMap(([resource, properties]) =>
    properties.find(({ name }) => name === 'operation')?.options?.map((one) => [resource, one.value] as const),
  );
  test.each(operations)(
    '%s %s: what is required comes first, what shapes the output after what is asked',
    (resource, operation) => {
      const shown = resources[resource].filter(({ displayOptions }) =>
        displayOptions?.show?.operation?.includes(operation),
      );
      const kinds = shown.map(({ name, type, required }) =>
        required ? 1 : ['simplify', 'output', 'outputFields'].includes(name) || type === 'collection' ? 3 : 2,
      );
      expect(kinds).toEqual([...kinds].sort());
    },
  );
});

describe('a time', () => {
  test.each([
    ['2026-04-27T15:00:00', 'America/New_York', '2026-04-27T19:00:00.000Z'],
    ['2026-01-27T15:00:00', 'America/New_York', '2026-01-27T20:00:00.000Z'],
    ['2026-04-27 15:00:00', 'Europe/Berlin', '2026-04-27T13:00:00.000Z'],
    ['2026-04-27', 'Asia/Tokyo', '2026-04-26T15:00:00.000Z'],
    // the clocks go forward on this day
    ['2026-03-29T12:00:00', 'Europe/Berlin', '2026-03-29T10:00:00.000Z'],
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z'],
    ['2026-04-27T15:00:00Z', 'Asia/Tokyo', '2026-04-27T15:00:00.000Z'],
    ['2026-04-27T15:00:00+02:00', 'Asia/Tokyo', '2026-04-27T13:00:00.000Z'],
    [new Date('2026-04-27T15:00:00Z'), 'Asia/Tokyo', '2026-04-27T15:00:00.000Z'],
    ['yesterday', 'UTC', undefined],
    ['', 'UTC', undefined],
    [{}, 'UTC', undefined],
  ])('%s in %s is %s', (given, zone, expected) => {
    expect(instant(given, zone)).toBe(expected);
  });
});
