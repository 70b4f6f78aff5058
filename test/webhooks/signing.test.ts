import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  ai93Signature,
  ealSignature,
  generateSigningSecret,
  secretPrefix,
  standardWebhooksHeaders,
  verifyEalSignature,
} from '../../src/webhooks/signing.ts';
import { verifyAi93 } from '../worker/ai93-verifier.ts';

// The two secrets printed in Expert AI Labs' document. All signatures below come from Python's hmac.
const NEW = 'whsec_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6';
const OLD = 'whsec_z9y8x7w6v5u4t3s2r1q0p9o8n7m6l5k4';
const BODY = '{"id":"evt_0123456789abcdef","type":"lead.created","data":{"name":"Zoë 🏠"}}';
const T = 1777296125;
const EAL_NEW = 'a156c3b0a130472978851c0c9976940b6f027067aabc3b1f0b4e8e9db59451dc';
const EAL_OLD = '9ca86771a8f57d2a719eb8f9861ac5e9fea661649eb6a76f2789b1288d4b1362';

describe('a signing secret', () => {
  it('is whsec_ and 32 base64 characters, new each time', () => {
    expect(generateSigningSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(generateSigningSecret()).not.toBe(generateSigningSecret());
  });

  it('shows 12 characters', () => {
    expect(secretPrefix(NEW)).toBe('whsec_a1b2c3');
  });
});

describe('X-EAL-Signature', () => {
  it('is the documented HMAC', () => {
    expect(ealSignature({ timestamp: T, body: BODY, secrets: [NEW] })).toBe(`t=${T},v1=${EAL_NEW}`);
    expect(ealSignature({ timestamp: T, body: Buffer.from(BODY), secrets: [NEW] })).toBe(`t=${T},v1=${EAL_NEW}`);
  });

  it('has a second v1 during a rotation', () => {
    const header = ealSignature({ timestamp: T, body: BODY, secrets: [NEW, OLD] });
    expect(header).toBe(`t=${T},v1=${EAL_NEW},v1=${EAL_OLD}`);
  });

  it('is never made without a secret', () => {
    expect(() => ealSignature({ timestamp: T, body: BODY, secrets: [] })).toThrow(/at least one/);
  });
});

describe('X-AI93-Signature', () => {
  it('is the documented HMAC, of the newest secret: its receivers compare the whole header', () => {
    expect(ai93Signature({ timestamp: T, body: BODY, secrets: [NEW] })).toBe(`sha256=${EAL_NEW}`);
    expect(ai93Signature({ timestamp: T, body: Buffer.from(BODY), secrets: [NEW, OLD] })).toBe(`sha256=${EAL_NEW}`);
    expect(ai93Signature({ timestamp: T, body: BODY, secrets: [OLD] })).toBe(`sha256=${EAL_OLD}`);
  });

  it('covers the time and every byte', () => {
    const signature = ai93Signature({ timestamp: T, body: BODY, secrets: [NEW] });
    expect(ai93Signature({ timestamp: T + 1, body: BODY, secrets: [NEW] })).not.toBe(signature);
    expect(ai93Signature({ timestamp: T, body: `${BODY} `, secrets: [NEW] })).not.toBe(signature);
  });

  it('is never made without a secret', () => {
    expect(() => ai93Signature({ timestamp: T, body: BODY, secrets: [] })).toThrow(/at least one/);
  });

  it('satisfies a receiver written from the document alone, while it is fresh', async () => {
    const check = (timestamp: number) =>
      verifyAi93(
        new Request('https://receiver.example.com/', {
          method: 'POST',
          headers: {
            'x-ai93-timestamp': String(timestamp),
            'x-ai93-signature': ai93Signature({ timestamp, body: BODY, secrets: [NEW] }),
          },
          body: BODY,
        }),
        NEW,
      );
    const now = Math.floor(Date.now() / 1000);
    expect(await check(now)).toBe(true);
    expect(await check(now - 302)).toBe(false);
    expect(await check(now + 302)).toBe(false);
  });
});

describe('verifyEalSignature', () => {
  const header = ealSignature({ timestamp: T, body: BODY, secrets: [NEW, OLD] });
  const genuine = { header, body: BODY, secrets: [NEW], now: T };

  it.each([
    ['the new secret', {}],
    ['the old secret', { secrets: [OLD] }],
    ['a buffer', { body: Buffer.from(BODY) }],
    ['the right one among several secrets', { secrets: ['whsec_other', OLD] }],
    ['300 seconds later', { now: T + 300 }],
    ['300 seconds earlier', { now: T - 300 }],
    ['a wider tolerance', { now: T + 900, toleranceSeconds: 900 }],
    ['spaces and unknown parts', { header: `t=${T}, v0=abc, v1=${EAL_NEW}` }],
  ])('accepts %s', (_what, change) => {
    expect(verifyEalSignature({ ...genuine, ...change })).toBe(true);
  });

  it.each([
    ['another body', { body: `${BODY} ` }],
    ['another secret', { secrets: ['whsec_other'] }],
    ['no secret', { secrets: [] }],
    ['301 seconds later', { now: T + 301 }],
    ['301 seconds earlier', { now: T - 301 }],
    ['the clock unless told', { now: undefined }],
    ['another timestamp', { header: `t=${T + 1},v1=${EAL_NEW}` }],
    ['two timestamps', { header: `t=${T},t=${T},v1=${EAL_NEW}` }],
    ['no timestamp', { header: `v1=${EAL_NEW}` }],
    ['no signature', { header: `t=${T}` }],
    ['a cut signature', { header: `t=${T},v1=${EAL_NEW.slice(2)}` }],
    ['another version', { header: `t=${T},v2=${EAL_NEW}` }],
    ['an empty header', { header: '' }],
    ['no header', { header: undefined }],
  ])('refuses %s', (_what, change) => {
    expect(verifyEalSignature({ ...genuine, ...change })).toBe(false);
  });

  it('uses the clock', () => {
    const timestamp = Math.floor(Date.now() / 1000);
    const fresh = ealSignature({ timestamp, body: BODY, secrets: [NEW] });
    expect(verifyEalSignature({ header: fresh, body: BODY, secrets: [NEW] })).toBe(true);
  });
});

describe('Standard Webhooks headers', () => {
  const id = 'evt_0123456789abcdef';

  it('are the specified HMACs', () => {
    expect(standardWebhooksHeaders({ id, timestamp: T, body: BODY, secrets: [NEW, OLD] })).toEqual({
      'webhook-id': id,
      'webhook-timestamp': String(T),
      'webhook-signature':
        'v1,ugAx1vqzM/hkyf3RqPVa7V0reB3MbB+ERfoGjcMuyOU= v1,+UTvaRzDI3oS49pi8v6drKeiPEnkCHIr+lY202/+WWs=',
    });
  });

  it.each([
    ['new', 0],
    ['old', 1],
  ])('satisfy the standardwebhooks library with the %s secret', (_which, index) => {
    const secrets = [generateSigningSecret(), generateSigningSecret()];
    const headers = standardWebhooksHeaders({ id, timestamp: Math.floor(Date.now() / 1000), body: BODY, secrets });
    const receiver = new Webhook(secrets[index] ?? '');
    expect(receiver.verify(BODY, { ...headers })).toEqual(JSON.parse(BODY));
    expect(() => receiver.verify(`${BODY} `, { ...headers })).toThrow(/No matching signature/);
    expect(() => new Webhook(generateSigningSecret()).verify(BODY, { ...headers })).toThrow(/No matching signature/);
  });

  it('equal those of the library', () => {
    for (let n = 0; n < 200; n++) {
      const secret = generateSigningSecret();
      const headers = standardWebhooksHeaders({ id, timestamp: T, body: BODY, secrets: [secret] });
      expect(headers['webhook-signature']).toBe(new Webhook(secret).sign(id, new Date(T * 1000), BODY));
    }
  });

  it('are never made without a secret', () => {
    expect(() => standardWebhooksHeaders({ id, timestamp: T, body: BODY, secrets: [] })).toThrow(/at least one/);
  });
});
