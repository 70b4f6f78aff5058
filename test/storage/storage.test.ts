import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { createStorage, type Storage } from '../../src/storage/storage.ts';
import { CREDENTIALS, type S3Server, startS3 } from './s3-server.ts';

let folder: string;
let s3: S3Server;
const storages: Record<string, Storage> = {};
const content = randomBytes(300_000);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-'));
  s3 = await startS3();
  await writeFile(join(folder, 'file'), content);
  await writeFile(join(folder, 'other'), 'another');
  storages.local = createStorage({ folder: join(folder, 'kept'), s3: undefined });
  storages.s3 = createStorage({ folder, s3: { endpoint: s3.url, bucket: 'recordings', ...CREDENTIALS } });
});
afterAll(async () => {
  s3.close();
  await rm(folder, { recursive: true });
});

const KEY = 'recordings/8c2f0a14-0c8a-4a3a-9a4d-3e0f1d6c2a91/01990000-0000-7000-8000-000000000001';

describe.each(['local', 's3'])('%s', (name) => {
  test('keeps a file, gives the whole or a part of it, replaces and removes it', async () => {
    const storage = storages[name] as Storage;
    expect(await storage.open(KEY)).toBeUndefined();
    await storage.put(KEY, join(folder, 'file'), 'audio/mpeg');
    const file = await storage.open(KEY);
    expect(file?.size).toBe(content.length);
    expect(file?.version).toMatch(/^[\w-]+$/);
    expect(await buffer(await (file as NonNullable<typeof file>).read())).toEqual(content);
    expect(await buffer(await (file as NonNullable<typeof file>).read({ start: 1000, end: 200_999 }))).toEqual(
      content.subarray(1000, 201_000),
    );

    await storage.put(KEY, join(folder, 'other'), 'audio/mpeg');
    const replaced = await storage.open(KEY);
    expect(replaced?.size).toBe(7);
    expect(replaced?.version).not.toBe(file?.version);

    await storage.remove(KEY);
    await storage.remove(KEY);
    expect(await storage.open(KEY)).toBeUndefined();
  });
});

test('a key that is no key leads nowhere', async () => {
  for (const key of ['../file', 'a/../../file', '/etc/passwd', 'a//b', '']) {
    await expect(async () => storages.local?.open(key), key).rejects.toThrow('no storage key');
  }
});

test('a file and its folder are on the disk before it is said to be kept', async () => {
  const handle = await open(join(folder, 'file'));
  const methods = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const { sync } = methods;
  const flushed: number[] = [];
  const spy = vi.spyOn(methods, 'sync').mockImplementation(async function (this: typeof handle) {
    flushed.push((await this.stat()).ino);
    return sync.call(this);
  });
  await storages.local?.put(KEY, join(folder, 'file'), 'audio/mpeg');
  spy.mockRestore();
  const kept = join(folder, 'kept', KEY);
  expect(flushed).toEqual([(await stat(kept)).ino, (await stat(dirname(kept))).ino]);
  await storages.local?.remove(KEY);
});

test('a copy that fails leaves nothing behind', async () => {
  await expect(storages.local?.put('a/b', join(folder, 'missing'), 'audio/mpeg')).rejects.toThrow('ENOENT');
  expect(await readdir(join(folder, 'kept', 'a'))).toEqual([]);
});

test('a service that refuses is an error, not an absent file', async () => {
  const stranger = createStorage({
    folder,
    s3: { endpoint: s3.url, bucket: 'recordings', ...CREDENTIALS, secretAccessKey: 'another secret' },
  });
  await expect(stranger.open(KEY)).rejects.toThrow('403');
  await expect(stranger.put(KEY, join(folder, 'file'), 'audio/mpeg')).rejects.toThrow('403');
});

test('is configured as a whole, or not at all', () => {
  const all = {
    S3_ENDPOINT: 'https://s3.example.com',
    S3_BUCKET: 'recordings',
    S3_ACCESS_KEY_ID: 'id',
    S3_SECRET_ACCESS_KEY: 'secret',
  };
  expect(readConfig({}).storage).toEqual({ folder: '.trunkline/storage', s3: undefined });
  expect(readConfig(all).storage.s3).toEqual({
    endpoint: 'https://s3.example.com',
    bucket: 'recordings',
    region: 'auto',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
  });
  expect(() => readConfig({ ...all, S3_BUCKET: '' })).toThrow('S3_BUCKET: is required with the other S3_ settings');
});
