import type pg from 'pg';
import { inTransaction, runInScope, type Statement } from '../database/transaction.ts';
import { fromDatabase } from '../errors.ts';
import { claimsOf, type Reach } from '../operations/actor.ts';
import { StartupError } from '../startup-error.ts';
import { type Instance, type Tenant, withInstance, withTenant } from './instance.ts';
import { noOrganization } from './operator.ts';

/** A statement for the tenant that is no operation of a contract, in the transaction and role every operation has. */
export async function tenantQuery<Row extends pg.QueryResultRow>(tenant: Tenant, statement: Statement): Promise<Row[]> {
  const { core, actor } = tenant;
  try {
    return (await runInScope<Row>(core.pool, { role: 'tenant', claims: claimsOf(actor) }, statement)).rows;
  } catch (error) {
    throw fromDatabase(error, core.reasons) ?? error;
  }
}

export const REACH_IN_WORDS: Record<Reach, string> = {
  organization: 'this organization',
  workspace: 'this organization and its children',
};

/** How far something made for the organization reaches: a contract with businesses reaches all of a workspace unless it is locked. */
export async function reachFor(tenant: Tenant, contract: string, lock: boolean): Promise<Reach> {
  if (contract !== 'ai93') {
    if (lock)
      throw new StartupError(
        '--lock: only in ai93 is anything unlocked; everything else is one organization’s already.',
      );
    return 'organization';
  }
  const rows = await tenantQuery<{ parent: string | null }>(tenant, {
    text: 'select parent_organization_id as parent from app.organizations where id = $1',
    values: [tenant.actor.organizationId],
  });
  return lock || rows[0]?.parent ? 'organization' : 'workspace';
}

type Query = <Row extends pg.QueryResultRow>(statement: Statement) => Promise<Row[]>;

/** Statements for the tenant in one transaction. */
export async function tenantTransaction<T>(tenant: Tenant, work: (query: Query) => Promise<T>): Promise<T> {
  const { core, actor } = tenant;
  try {
    return await inTransaction(core.pool, { role: 'tenant', claims: claimsOf(actor) }, (query) =>
      work(async <Row extends pg.QueryResultRow>(statement: Statement) => (await query<Row>(statement)).rows),
    );
  } catch (error) {
    throw fromDatabase(error, core.reasons) ?? error;
  }
}

/** The same, rolled back: what it returns would have been. */
export async function tenantTrial<T>(tenant: Tenant, work: (query: Query) => Promise<T>): Promise<T> {
  const rollback = new Error('A trial ends here.');
  let result: T;
  try {
    await tenantTransaction(tenant, async (query) => {
      result = await work(query);
      throw rollback;
    });
  } catch (error) {
    if (error !== rollback) throw error;
  }
  // biome-ignore lint/style/noNonNullAssertion: the work is done, or its error was thrown
  return result!;
}

/** Acts for the organization of --org. Throws a StartupError when there is none. */
export const forOrganization = <T>(
  { org }: { org: string },
  work: (tenant: Tenant, instance: Instance) => Promise<T>,
): Promise<T> =>
  withInstance((instance) =>
    withTenant(instance, org, async (tenant) => {
      await requireOrganization(tenant);
      return work(tenant, instance);
    }),
  );

/** Fails unless the organization exists, before anything else says so in a roundabout way. */
async function requireOrganization(tenant: Tenant): Promise<void> {
  const { organizationId } = tenant.actor;
  const rows = await tenantQuery(tenant, {
    text: 'select from app.organizations where id = $1',
    values: [organizationId],
  });
  if (!rows[0]) throw noOrganization(organizationId);
}
