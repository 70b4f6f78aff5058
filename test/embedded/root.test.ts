import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { StartupError } from '../../src/startup-error.ts';
import { postmasterPid, query, temporaryDataDir } from './workspace.ts';

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('as root (skipped otherwise: only root can run PostgreSQL as another user)', () => {
  test('the cluster belongs to and is run by another user', async () => {
    const dataDir = temporaryDataDir();
    const server = await startEmbeddedPostgres({ dataDir });
    const { uid } = statSync(join(dataDir, 'postgres'));
    expect(uid).not.toBe(0);
    expect(effectiveUid(postmasterPid(dataDir))).toBe(uid);
    expect(statSync(dataDir).uid).toBe(0);
    await server.stop();
  });

  test('the owner of an existing cluster runs it', async () => {
    const dataDir = temporaryDataDir();
    await (await startEmbeddedPostgres({ dataDir, systemUser: 'nobody' })).stop();
    const server = await startEmbeddedPostgres({ dataDir });
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(effectiveUid(postmasterPid(dataDir))).toBe(statSync(join(dataDir, 'postgres')).uid);
    await server.stop();
  });

  test('a data directory that the other user cannot enter is named', async () => {
    const dataDir = temporaryDataDir();
    const closed = dirname(dataDir);
    chmodSync(closed, 0o700);
    const message = await refusal(join(dataDir, 'deeper'));
    expect(message).toContain(`cannot enter ${closed}: set DATA_DIR to a directory that it can enter`);
    expect(message).toContain('or set DATABASE_URL');
  });

  test('a cluster that was given to root is named, with the command that mends it', async () => {
    const dataDir = temporaryDataDir();
    await (await startEmbeddedPostgres({ dataDir })).stop();
    chownSync(join(dataDir, 'postgres'), 0, 0);
    expect(await refusal(dataDir)).toContain(`chown -R postgres ${join(dataDir, 'postgres')}`);
  });

  test('a user that does not exist is named', async () => {
    const dataDir = temporaryDataDir();
    expect(await refusal(dataDir, 'no-such-user')).toContain('"no-such-user" (TRUNKLINE_POSTGRES_USER)');
  });

  test('a closed data directory is opened for passing through, not for reading', async () => {
    const dataDir = temporaryDataDir();
    mkdirSync(dataDir, { mode: 0o700 });
    await (await startEmbeddedPostgres({ dataDir })).stop();
    expect(statSync(dataDir).mode & 0o777).toBe(0o711);
  });
});

async function refusal(dataDir: string, systemUser?: string): Promise<string> {
  const error = await startEmbeddedPostgres({ dataDir, systemUser }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartupError);
  return (error as Error).message;
}

function effectiveUid(pid: number | undefined): number {
  return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
