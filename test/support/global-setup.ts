import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { setLoginPasswords } from '../../src/database/login.ts';
import { migrate } from '../../src/database/migrate.ts';
import { databaseUrl, TEMPLATE_DATABASE, TEST_CREDENTIALS } from './database.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    adminUrl: string;
  }
}

interface Server {
  url: string;
  stop(): Promise<void>;
}

/** A server of one's own, a container when a Docker engine answers, otherwise the embedded one. */
async function startServer(): Promise<Server> {
  if (process.env.TEST_DATABASE_URL) return { url: process.env.TEST_DATABASE_URL, stop: async () => {} };
  return (await startContainer()) ?? (await startEmbedded());
}

async function startContainer(): Promise<Server | undefined> {
  const { getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  try {
    const container = await new PostgreSqlContainer('postgres:18')
      .withDatabase('postgres')
      .withCommand(['postgres', '-c', 'max_connections=300', '-c', 'fsync=off'])
      .start();
    return { url: container.getConnectionUri(), stop: async () => void (await container.stop()) };
  } catch (error) {
    // an engine that cannot get the image is no reason not to test
    console.warn(
      `A Docker engine answers, but PostgreSQL did not start in it (${(error as Error).message}); using the embedded one.`,
    );
    return undefined;
  }
}

async function startEmbedded(): Promise<Server> {
  const { startEmbeddedPostgres } = await import('../../src/embedded/postgres.ts');
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-test-'));
  chmodSync(dataDir, 0o755);
  // what is lost in a crash is only test data
  const server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off', max_connections: '300' } });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer();
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await admin.query(`drop database if exists ${TEMPLATE_DATABASE} with (force)`);
  await admin.query(`create database ${TEMPLATE_DATABASE}`);
  await admin.end();
  await migrate(databaseUrl(server.url, TEMPLATE_DATABASE));
  await setLoginPasswords(databaseUrl(server.url, TEMPLATE_DATABASE), TEST_CREDENTIALS);
  project.provide('adminUrl', server.url);
  return () => server.stop();
}
