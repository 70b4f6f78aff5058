import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Credentials, type LoginRole, loginUrl } from '../../src/database/login.ts';

export const TEMPLATE_DATABASE = 'trunkline_template';

/** 32 bytes that protect nothing but test data. */
export const TEST_ENCRYPTION_KEY: string = Buffer.alloc(32, 'trunkline test ').toString('base64');
export const TEST_CREDENTIALS: Credentials = { encryptionKey: TEST_ENCRYPTION_KEY, passwords: {} };

/** object_in_use: PostgreSQL gives those it told to leave a database 5 s, which they may need longer for on a busy machine. */
const IN_USE = '55006';

/** The same server, another database. */
export function databaseUrl(url: string, database: string): string {
  const target = new URL(url);
  target.pathname = `/${database}`;
  return target.href;
}

export interface TestDatabase {
  name: string;
  /** an administrator's connection string */
  url: string;
  /** an administrator's pool, for arranging and looking */
  admin: pg.Pool;
  /** connection string of a login role */
  loginUrl(role: LoginRole): string;
  /** runs statements in one transaction as a role with claims, and returns the last result's rows */
  as<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    role: string,
    claims: object | null,
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A database of one's own, made from the template. */
export async function createDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('adminUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} template ${TEMPLATE_DATABASE}`);
  const url = databaseUrl(serverUrl, name);
  const admin = new pg.Pool({ connectionString: url, max: 4 });
  admin.on('error', () => {});
  return {
    name,
    url,
    admin,
    loginUrl: (role) => loginUrl(url, role, TEST_CREDENTIALS),
    as: (role, claims, text, values) => runAs(admin, role, claims, text, values),
    drop: async () => {
      await admin.end();
      await onServer(serverUrl, `drop database if exists ${name} with (force)`);
    },
  };
}

async function runAs<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  role: string,
  claims: object | null,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query("select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)", [
      role,
      claims ? JSON.stringify(claims) : '',
    ]);
    const { rows } = await client.query<Row>(text, values);
    await client.query('commit');
    return rows;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return void (await client.query(statement));
      } catch (error) {
        if ((error as pg.DatabaseError).code !== IN_USE || attempt === 5) throw error;
      }
    }
  } finally {
    await client.end();
  }
}
