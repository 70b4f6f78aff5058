import pg from 'pg';
import type { EmbeddedPostgres } from './postgres.ts';

export interface Connection {
  port: number;
  password: string;
}

const HOST = '127.0.0.1';
const USER = 'postgres';
const DATABASE = 'trunkline';

export function addressOf({ port, password }: Connection): Pick<EmbeddedPostgres, 'url' | 'host' | 'port'> {
  return { url: `postgres://${USER}:${password}@${HOST}:${port}/${DATABASE}`, host: HOST, port };
}

/** Whether the server is up, the password fits and the database is there. */
export async function acceptsConnections(connection: Connection): Promise<boolean> {
  return withClient(connection, databaseExists).catch(() => false);
}

export async function ensureDatabase(connection: Connection): Promise<void> {
  await withClient(connection, async (client) => {
    if (!(await databaseExists(client))) await client.query(`CREATE DATABASE ${DATABASE}`);
  });
}

async function databaseExists(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
  return rowCount === 1;
}

async function withClient<T>({ port, password }: Connection, work: (client: pg.Client) => Promise<T>): Promise<T> {
  // ssl is named lest PGSSLMODE in the environment decides
  const client = new pg.Client({ host: HOST, port, user: USER, password, database: 'postgres', ssl: false });
  client.on('error', () => undefined); // the server may end at any time; the query then fails
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
