import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { writeEmailLists } from './generate-email-lists.ts';
import { writePhonePlans } from './generate-phone-plans.ts';
import { writeTypes } from './generate-types.ts';
import { migrate } from './migrate.ts';

// npm run generate: writes the files of sql/ that are made from packages, applies sql/ to a database that is thrown away, and writes
// the types of its tables.

writePhonePlans();
writeEmailLists();

const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-generate-'));
chmodSync(dataDir, 0o755);
const server = await startEmbeddedPostgres({ dataDir });
try {
  await migrate(server.url);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await writeTypes(client);
  await client.end();
} finally {
  await server.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
