import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { processInfo } from '../../src/embedded/process-info.ts';
import {
  type OwnerProcess,
  postmasterPid,
  query,
  startOwnerProcess,
  startUnrelatedProcess,
  temporaryDataDir,
  until,
} from './workspace.ts';

describe('after kill -9 of the process that owns a cluster', () => {
  test('a running orphan is stopped and the cluster started anew', async () => {
    const { dataDir, owner } = await ownedCluster();
    const orphan = postmasterPid(dataDir) as number;
    await owner.kill();
    expect(processInfo(orphan)?.program).toBe('postgres');
    await expectFreshStart(dataDir);
    expect(processInfo(orphan)).toBeUndefined();
  });

  test('with the postmaster killed too, while a backend still works, the cluster starts', async () => {
    const { dataDir, owner, url } = await ownedCluster();
    // a backend notices the death of its postmaster only when it waits for something
    const working = query(url, "DO 'BEGIN LOOP NULL; END LOOP; END'").catch(() => 'ended');
    const isWorking = "SELECT FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'";
    await until(async () => (await query(url, isWorking)).length === 1);
    await owner.kill();
    process.kill(postmasterPid(dataDir) as number, 'SIGKILL');
    await expectFreshStart(dataDir);
    expect(await working).toBe('ended');
  });

  test('a stale postmaster.pid with the id of an unrelated process does not stop the start', async () => {
    const { dataDir, owner } = await ownedCluster();
    const postmaster = postmasterPid(dataDir) as number;
    await owner.kill();
    process.kill(postmaster, 'SIGKILL');
    await until(() => !processInfo(postmaster));
    const unrelated = startUnrelatedProcess(dataDir);
    const file = join(dataDir, 'postgres', 'postmaster.pid');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(unrelated)));
    await expectFreshStart(dataDir);
    expect(processInfo(unrelated)?.program).toBe('sleep');
  });

  test('an orphan is attached to when that is wanted', async () => {
    const { dataDir, owner, url } = await ownedCluster();
    const orphan = postmasterPid(dataDir) as number;
    await owner.kill();
    const server = await startEmbeddedPostgres({ dataDir, attach: true });
    expect(server).toMatchObject({ attached: true, url });
    await server.stop();
    expect(processInfo(orphan)?.program).toBe('postgres');
    await expectFreshStart(dataDir);
  });
});

test('an interrupted initdb leaves nothing that stops the next start', async () => {
  const dataDir = temporaryDataDir();
  const owner = startOwnerProcess(dataDir);
  const unfinished = () => (existsSync(dataDir) ? readdirSync(dataDir) : []).filter((name) => name.includes('initdb-'));
  await until(() => unfinished().some((name) => existsSync(join(dataDir, name, 'data', 'PG_VERSION'))));
  await owner.kill();
  expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
  const server = await startEmbeddedPostgres({ dataDir });
  expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await server.stop();
});

test('a process that ends without stopping its server does not leave it behind', async () => {
  const { dataDir, owner } = await ownedCluster();
  const postmaster = postmasterPid(dataDir) as number;
  owner.exit();
  await until(() => !processInfo(postmaster));
  expect(postmasterPid(dataDir)).toBeUndefined();
});

async function ownedCluster(): Promise<{ dataDir: string; owner: OwnerProcess; url: string }> {
  const dataDir = temporaryDataDir();
  const owner = startOwnerProcess(dataDir);
  const { url = '', error } = await owner.report;
  expect(error).toBeUndefined();
  await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  return { dataDir, owner, url };
}

async function expectFreshStart(dataDir: string): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir });
  expect(server.attached).toBe(false);
  expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await server.stop();
}
