import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Worker } from '../../src/worker/worker.ts';
import { type Api, type Caller, startApi } from '../support/api.ts';
import { testStorage } from '../support/storage.ts';
import { startTestWorker, until } from './fixtures.ts';

/** A second of silence: a WAV file as players read it. */
function wav(seconds = 1): Buffer {
  const data = Buffer.alloc(8000 * seconds, 128);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8000, 24);
  head.writeUInt32LE(8000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
const SOUND = wav();

let api: Api;
let worker: Worker;
let office: Caller;
let tracker: Server;
let trackerUrl: string;
let answer: RequestListener;

beforeAll(async () => {
  api = await startApi();
  worker = await startTestWorker(api.db, { tasks: { retrySchedule: [0.1, 0.1], pollMs: 30 } });
  tracker = createServer((req, res) => answer(req, res));
  await new Promise<void>((resolve) => tracker.listen(0, '127.0.0.1', resolve));
  trackerUrl = `http://127.0.0.1:${(tracker.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await worker.stop();
  tracker.close();
  await api.stop();
});
beforeEach(async () => {
  office = await api.organization();
  answer = (_req, res) => res.setHeader('Content-Type', 'audio/x-wav').end(SOUND);
});
afterEach(() => api.db.admin.query('delete from app.tasks where organization_id = $1', [office.organizationId]));

async function newCall(url = `${trackerUrl}/recordings/1.wav`): Promise<string> {
  const made = await office.post('/calls', { caller_number: '+14045550173', recording_url: url });
  expect(made.status).toBe(201);
  return made.body.id;
}
const addressOf = (id: string): Promise<string> =>
  until(async () => (await office.get(`/calls/${id}`)).body.recording_url, 'the recording');
const recorded = async (): Promise<string> => addressOf(await newCall());
const task = async () =>
  (
    await api.db.admin.query(
      "select state, error from app.tasks where organization_id = $1 and kind = 'fetch_recording'",
      [office.organizationId],
    )
  ).rows[0];
const dueNow = () =>
  api.db.admin.query(
    'update app.tasks set enqueue = true, run_at = now(), version = version + 1 where organization_id = $1',
    [office.organizationId],
  );

describe('an address', () => {
  test('plays: type, length, ranges, conditions', async () => {
    const url = await recorded();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/recordings\/[0-9a-z]{26}\?exp=\d{10}&sig=[\w-]{43}$/);
    const whole = await fetch(url);
    expect(whole.status).toBe(200);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'audio/wav',
      'content-length': String(SOUND.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(SOUND);

    const range = async (value: string, more: Record<string, string> = {}) => {
      const response = await fetch(url, { headers: { range: value, ...more } });
      const bytes = Buffer.from(await response.arrayBuffer());
      return [response.status, response.headers.get('content-range'), bytes] as const;
    };
    const size = SOUND.length;
    expect(await range('bytes=0-3')).toEqual([206, `bytes 0-3/${size}`, Buffer.from('RIFF')]);
    expect(await range('bytes=8000-')).toEqual([206, `bytes 8000-${size - 1}/${size}`, SOUND.subarray(8000)]);
    expect(await range('bytes=-10')).toEqual([206, `bytes ${size - 10}-${size - 1}/${size}`, SOUND.subarray(-10)]);
    // the last so many of fewer
    expect(await range(`bytes=-${size + 1}`)).toEqual([206, `bytes 0-${size - 1}/${size}`, SOUND]);
    expect(await range(`bytes=${size}-`)).toEqual([416, `bytes */${size}`, Buffer.alloc(0)]);
    expect((await range('bytes=0-1,5-6'))[0]).toBe(200);
    const etag = whole.headers.get('etag') as string;
    expect((await range('bytes=0-3', { 'if-range': etag }))[0]).toBe(206);
    expect((await range('bytes=0-3', { 'if-range': '"another"' }))[0]).toBe(200);
    // (fetch would ask every cache on the way to look again)
    expect((await request(url, { headers: { 'if-none-match': etag } })).statusCode).toBe(304);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(size)]);
  });

  test('is worth nothing with any character changed, for another call, or after its time', async () => {
    const url = new URL(await recorded());
    const other = new URL(await recorded());
    const status = async (change: (url: URL) => void) => {
      const changed = new URL(url);
      change(changed);
      return (await fetch(changed)).status;
    };
    const sig = url.searchParams.get('sig') as string;
    const exp = Number(url.searchParams.get('exp'));
    expect(await status(() => {})).toBe(200);
    for (let at = 0; at < sig.length - 1; at += 6) {
      const flipped = sig.slice(0, at) + (sig[at] === 'A' ? 'B' : 'A') + sig.slice(at + 1);
      expect(await status((changed) => changed.searchParams.set('sig', flipped)), `character ${at}`).toBe(404);
    }
    expect(await status((changed) => changed.searchParams.set('exp', String(exp + 1)))).toBe(404);
    expect(await status((changed) => changed.searchParams.set('exp', `0${exp}`))).toBe(404);
    expect(
      await status((changed) => {
        changed.pathname = other.pathname;
      }),
    ).toBe(404);
    for (const name of ['exp', 'sig']) expect(await status((changed) => changed.searchParams.delete(name))).toBe(404);

    const { rows } = await api.db.admin.query(
      `select private.recording_signature(organization_id, id, e) as sig, e
         from app.calls, (select floor(extract(epoch from now()))::bigint - 1 as e) as past
        where organization_id = $1 order by id limit 1`,
      [office.organizationId],
    );
    expect(
      await status((changed) => {
        changed.searchParams.set('exp', rows[0].e);
        changed.searchParams.set('sig', rows[0].sig);
      }),
    ).toBe(404);
    const refused = await fetch(`${url}x`);
    expect(await refused.json()).toMatchObject({ error: { code: 'not_found' } });
  });

  test('lasts an hour', async () => {
    const url = new URL(await recorded());
    const left = Number(url.searchParams.get('exp')) - Date.now() / 1000;
    expect(left).toBeGreaterThan(3500);
    expect(left).toBeLessThanOrEqual(3600);
  });

  test('is told to no other organization', async () => {
    await recorded();
    const stranger = await api.organization();
    const rows = await api.db.as(
      'tenant',
      { organization_id: stranger.organizationId, scopes: ['*'] },
      `select app.recording_url('${office.organizationId}', '01990000-0000-7000-8000-000000000001', 'recordings/x') as url`,
    );
    expect(rows).toEqual([{ url: null }]);
  });
});

describe('a recording', () => {
  test('of a call added in psql is fetched, too, and removed with the call', async () => {
    const { rows } = await api.db.admin.query(
      'insert into app.calls (organization_id, source, recording_source_url) values ($1, $2, $3) returning id',
      [office.organizationId, 'psql', `${trackerUrl}/2.wav`],
    );
    const key = `recordings/${office.organizationId}/${rows[0].id}`;
    await until(async () => (await testStorage.open(key))?.size === SOUND.length, 'the file');
    await until(
      async () =>
        (
          await api.db.admin.query('select from app.calls where id = $1 and recording_bytes = $2', [
            rows[0].id,
            SOUND.length,
          ])
        ).rowCount,
      'the call to know it',
    );
    await api.db.admin.query('delete from app.calls where id = $1', [rows[0].id]);
    await until(async () => !(await testStorage.open(key)), 'its removal');
  });

  test('of a call that is removed while it is fetched is not kept', async () => {
    let send: (() => void) | undefined;
    answer = (_req, res) => {
      send = () => res.end(SOUND);
    };
    await newCall();
    await until(() => send, 'the request for the recording');
    const { rows } = await api.db.admin.query('delete from app.calls where organization_id = $1 returning id', [
      office.organizationId,
    ]);
    send?.();
    await until(async () => !(await task()), 'the end of the fetch');
    expect(await testStorage.open(`recordings/${office.organizationId}/${rows[0].id}`)).toBeUndefined();
  });

  test('is fetched from where its address redirects to', async () => {
    answer = (req, res) => {
      if (req.url === '/kept/elsewhere.wav') return res.end(SOUND);
      return res.writeHead(302, { location: '/kept/elsewhere.wav' }).end();
    };
    expect((await fetch(await recorded())).status).toBe(200);
  });

  test('that is not ready yet is asked for again', async () => {
    answer = (_req, res) => res.setHeader('Content-Type', 'text/html').end('<p>Not ready yet</p>');
    const id = await newCall();
    await until(async () => (await task())?.state === 'failed', 'the first attempt');
    expect((await task()).error).toContain('is no recording (text/html');
    answer = (_req, res) => res.end(SOUND);
    await dueNow();
    expect(await addressOf(id)).toBeTruthy();
  });

  test('that is a page under a sound’s name is not taken for one', async () => {
    answer = (_req, res) => res.setHeader('Content-Type', 'audio/mpeg').end('<script>alert(1)</script>');
    await newCall();
    await until(async () => (await task())?.state === 'failed', 'the first attempt');
  });

  test('at an address that may not be called is given up', async () => {
    await newCall('http://169.254.169.254/latest/meta-data');
    await until(async () => (await task())?.state === 'dead', 'its end');
    expect((await task()).error).toBe('The address of the file must be a public address.');
  });

  test('whose address redirects to one that may not be called is given up', async () => {
    answer = (_req, res) => res.writeHead(302, { location: 'http://169.254.169.254/' }).end();
    await newCall();
    await until(async () => (await task())?.state === 'dead', 'its end');
  });

  test('of a tracker that signs its addresses anew each time is fetched once', async () => {
    const asked: (string | undefined)[] = [];
    answer = (req, res) => {
      asked.push(req.url);
      res.end(SOUND);
    };
    const told = { source: 'tracker', external_id: 'c-1' };
    await office.post('/calls', { ...told, recording_url: `${trackerUrl}/1.wav?sig=a` });
    await until(async () => asked.length > 0 && !(await task()), 'the first fetch');
    await office.post('/calls', { ...told, recording_url: `${trackerUrl}/1.wav?sig=b` });
    expect(await task()).toBeUndefined();
    await office.post('/calls', { ...told, recording_url: `${trackerUrl}/other.wav` });
    await until(async () => asked.length > 1 && !(await task()), 'the other recording');
    expect(asked).toEqual(['/1.wav?sig=a', '/other.wav']);
  });
});
