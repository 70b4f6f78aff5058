import type pg from 'pg';
import { runInScope, type Statement } from '../database/transaction.ts';
import { fromDatabase } from '../errors.ts';
import { claimsOf } from '../operations/actor.ts';
import type { Tenant } from './instance.ts';
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

/** Fails unless the organization exists, before anything else says so in a roundabout way. */
export async function requireOrganization(tenant: Tenant): Promise<string> {
  const { organizationId } = tenant.actor;
  const rows = await tenantQuery<{ name: string }>(tenant, {
    text: 'select name from app.organizations where id = $1',
    values: [organizationId],
  });
  if (!rows[0]) throw noOrganization(organizationId);
  return rows[0].name;
}
