import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { postmasterPid, query, startOwnerProcess, temporaryDataDir } from './workspace.ts';

test('beside a running owner: refused by default, naming it; attached when wanted', async () => {
  const dataDir = temporaryDataDir();
  const owner = startOwnerProcess(dataDir);
  const { url } = await owner.report;
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(`Trunkline is already running (pid ${owner.pid})`);

  const attached = await startEmbeddedPostgres({ dataDir, attach: true });
  expect(attached).toMatchObject({ attached: true, url });
  await attached.stop();
  expect(await query(attached.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a second start within one process is refused too, until the first has stopped', async () => {
  const dataDir = temporaryDataDir();
  const first = await startEmbeddedPostgres({ dataDir });
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toThrow(`already running (pid ${process.pid})`);
  await first.stop();
  expect(existsSync(join(dataDir, 'owner.json'))).toBe(false);
  await (await startEmbeddedPostgres({ dataDir, attach: true })).stop();
  expect(postmasterPid(dataDir)).toBeUndefined();
});

test('of starts at the same moment one wins', async () => {
  const dataDir = temporaryDataDir();
  const processes = [startOwnerProcess(dataDir), startOwnerProcess(dataDir), startOwnerProcess(dataDir)];
  const reports = await Promise.all(processes.map(({ report }) => report));
  expect(reports.filter(({ attached }) => attached === false)).toHaveLength(1);
  expect(reports.filter(({ error }) => error?.includes('Trunkline is already running'))).toHaveLength(2);
});

test('of attaching starts at the same moment one starts the server and the others wait for it', async () => {
  const dataDir = temporaryDataDir();
  const processes = [1, 2, 3].map(() => startOwnerProcess(dataDir, { attach: true }));
  const reports = await Promise.all(processes.map(({ report }) => report));
  expect(reports.map(({ attached }) => attached).sort()).toEqual([false, true, true]);
  expect(new Set(reports.map(({ url }) => url)).size).toBe(1);
});
