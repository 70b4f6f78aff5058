import pg from 'pg';
import { fromDatabase } from '../errors.ts';
import { readReasons } from '../operations/execute.ts';
import { StartupError } from '../startup-error.ts';
import { administratorProblem } from '../supervisor/database.ts';
import { onConnection } from '../supervisor/reach.ts';

// What the operator does across tenants. Everything here needs an administrator's connection string; nothing else in the
// program takes the owner's role.

/** One transaction of an administrator, who may make roles. */
export const asAdministrator = <T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  onConnection(adminUrl, async (client) => {
    await client.query('begin');
    try {
      const result = await work(client);
      await client.query('commit');
      return result;
    } catch (error) {
      // of a connection that is gone, nothing is left to roll back
      await client.query('rollback').catch(() => undefined);
      throw await inWords(error, client, adminUrl);
    }
  });

/** One transaction as the owner of the core, whom row-level security lets reach every organization. */
export const asOperator = <T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> =>
  asAdministrator(adminUrl, async (client) => {
    await client.query('set local role trunkline_owner');
    return work(client);
  });

async function inWords(error: unknown, client: pg.Client, adminUrl: string): Promise<unknown> {
  if (!(error instanceof pg.DatabaseError)) return error;
  return (
    administratorProblem(error, adminUrl) ??
    fromDatabase(error, await readReasons(client).catch(() => new Map())) ??
    error
  );
}

export interface Organization {
  id: string;
  parent_organization_id: string | null;
  name: string;
  slug: string;
  industry: string | null;
  created_at: Date;
  /** its id as a business of AI93 */
  business_id: string;
}

const COLUMNS = "id, parent_organization_id, name, slug, industry, created_at, app.typeid('biz', id) as business_id";

export const noOrganization = (id: string): StartupError =>
  new StartupError(`There is no organization ${id}. "org list" shows which there are.`);

/** Fails unless the organization exists. */
export async function requireOrganization(client: pg.Client, id: string): Promise<void> {
  const { rowCount } = await client.query('select from app.organizations where id = $1', [id]);
  if (rowCount === 0) throw noOrganization(id);
}

/** Creates an organization; with a parent, a child of it. */
export async function createOrganization(
  client: pg.Client,
  organization: { name: string; industry?: string; slug?: string; parent?: string },
): Promise<Organization> {
  const { name, industry = null, slug = null, parent = null } = organization;
  if (parent !== null) await requireOrganization(client, parent);
  const { rows } = await client.query<Organization>(`select ${COLUMNS} from app.create_organization($1, $2, $3, $4)`, [
    name,
    industry,
    slug,
    parent,
  ]);
  return rows[0] as Organization;
}

/** Every organization, parents before their children. */
export async function listOrganizations(client: pg.Client): Promise<Organization[]> {
  const { rows } = await client.query<Organization>(
    `select ${COLUMNS} from app.organizations order by coalesce(parent_organization_id, id), parent_organization_id is not null, id`,
  );
  return rows;
}

export interface Verification {
  /** newest seal, its hour, and what the chain covers; undefined while no hour is sealed */
  head: { hour: Date; seal: string; hours: number; entries: number } | undefined;
  /** hours that are not as they were sealed */
  problems: { hour: Date | null; problem: string }[];
}

/** Compares every seal of the audit log with its entries as they are now. Seals nothing. */
export async function verifyAudit(client: pg.Client, head?: string): Promise<Verification> {
  // one snapshot for both, however long it takes
  await client.query('set transaction isolation level repeatable read');
  const heads = await client.query<{ hour: Date; seal: string; hours: string; entries: string }>(
    'select * from audit.head()',
  );
  const problems = await client.query<{ hour: Date | null; problem: string }>('select * from audit.verify($1)', [
    head ?? null,
  ]);
  const newest = heads.rows[0];
  return {
    head: newest && { ...newest, hours: Number(newest.hours), entries: Number(newest.entries) },
    problems: problems.rows,
  };
}

/** Seals the hours that have ended. Returns how many. */
export async function sealAudit(adminUrl: string): Promise<number> {
  for (let total = 0; ; ) {
    const sealed = await asOperator(adminUrl, async (client) => {
      const { rows } = await client.query<{ sealed: number }>('select audit.seal_closed_hours() as sealed');
      return rows[0]?.sealed ?? 0;
    });
    if (sealed === 0) return total;
    total += sealed;
  }
}
