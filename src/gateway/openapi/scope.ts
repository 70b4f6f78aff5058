import type { AnyOperation, Contract } from '../../contracts/contract.ts';

/** The least of the contract's scopes that allows an operation; undefined: any key may. */
export function requiredScope(contract: Contract, operation: AnyOperation): string | undefined {
  const canonical = operation.scope;
  if (canonical === null) return undefined;
  const scope = Object.keys(contract.scopes).find((name) => contract.canonicalScopes([name]).includes(canonical));
  if (!scope) throw new Error(`no scope of ${contract.name} allows ${operation.id}`);
  return scope;
}
