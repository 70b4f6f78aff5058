import type { ContractName, Environment } from '../security/api-key.ts';

/** What the audit log names as the source of a change. */
export type Source = 'api' | 'cron' | 'n8n' | 'worker' | 'system';

/** Who asks. A key acts for its organization; the system (command line, worker) for whichever it names. */
export type Actor = KeyActor | SystemActor;

/** Whose rows an actor reaches: its organization's, or those of all businesses of its workspace. */
export type Reach = 'organization' | 'workspace';

interface Common {
  organizationId: string;
  reach: Reach;
  /** canonical scopes: "leads.read", "webhooks.admin" … or "*" */
  scopes: readonly string[];
  source: Source;
  /** request id; the audit entries of the request carry it */
  correlationId: string;
}

export interface KeyActor extends Common {
  kind: 'key';
  keyId: string;
  contract: ContractName;
  environment: Environment;
  /** the scopes as the contract names them */
  grantedScopes: readonly string[];
}

export interface SystemActor extends Common {
  kind: 'system';
}

/** An actor of the command line or the worker, acting for one organization with every scope. */
export function systemActor(organizationId: string, source: Source, correlationId: string): SystemActor {
  return { kind: 'system', organizationId, reach: 'organization', scopes: ['*'], source, correlationId };
}

/** The role of an actor: its policies say which rows it reaches. */
export const roleOf = (actor: Actor): 'tenant' | 'workspace' => (actor.reach === 'workspace' ? 'workspace' : 'tenant');

/** request.jwt.claims, as private.claims() reads them. */
export function claimsOf(actor: Actor, targetOrganizationId?: string): string {
  return JSON.stringify({
    organization_id: actor.organizationId,
    ...(actor.kind === 'key' && { key_id: actor.keyId, contract: actor.contract }),
    ...(actor.reach === 'workspace' && { reach: actor.reach }),
    scopes: actor.scopes,
    source: actor.source,
    correlation_id: actor.correlationId,
    ...(targetOrganizationId && { target_organization_id: targetOrganizationId }),
  });
}
