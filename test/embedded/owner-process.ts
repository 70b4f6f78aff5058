import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { startEmbeddedPostgrest } from '../../src/embedded/postgrest.ts';
import type { OwnerReport } from './workspace.ts';

// Run by tests as a process of its own, to be killed: starts the servers, says so in one line of JSON, and stays.
const { dataDir, attach, postgrest } = JSON.parse(process.argv[2] as string) as {
  dataDir: string;
  attach?: boolean;
  postgrest?: boolean;
};
const report = (value: OwnerReport) => console.log(JSON.stringify(value));
process.once('SIGUSR2', () => process.exit(1));
try {
  const { url, attached } = await startEmbeddedPostgres({ dataDir, attach });
  const pidFile = join(dataDir, 'postgrest.json');
  if (postgrest) {
    const secrets = { jwtSecret: 's'.repeat(32), anonRole: 'postgres' };
    await startEmbeddedPostgrest({ databaseUrl: url, schemas: ['public'], pidFile, ...secrets });
  }
  const postgrestPid = postgrest ? (JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number }).pid : undefined;
  report({ url, attached, postgrestPid });
  setInterval(() => undefined, 60_000);
} catch (error) {
  report({ error: String(error) });
}
