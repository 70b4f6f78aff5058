import type { NextFunction } from 'express';
import type { Contract } from '../contracts/contract.ts';
import { contractNamed, contracts, hasPath } from '../contracts/registry.ts';
import { unauthorized } from '../errors.ts';
import type { KeyActor, Source } from '../operations/actor.ts';
import { contractOfKey, parseApiKey } from '../security/api-key.ts';
import type { KeyStore, StoredKey } from './key-store.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** The text after "Bearer "; undefined without the header, '' when it is of another scheme. */
export function bearer(req: Request): string | undefined {
  const header = req.headers.authorization;
  if (header === undefined) return undefined;
  const [, token] = /^Bearer +(\S+) *$/i.exec(header) ?? [];
  return token ?? '';
}

/** What looks like the key, also without the word Bearer before it: it tells whose client asks, and nothing else. */
export const presumedKey = (req: Request): string | undefined =>
  bearer(req) || req.headers.authorization?.trim().split(' ').at(-1);

/**
 * Which contract answers below a base path that several share: the key's prefix says so, also when the key is no good, so
 * that the error has that contract's shape. Without a key, or with another path's, it is the first that has the path below it.
 */
export function chooseContract(basePath: string, token: string | undefined, path?: string): Contract {
  const here = contracts.filter((contract) => contract.basePath === basePath);
  const named = token ? contractOfKey(token) : undefined;
  const chosen =
    here.find((contract) => contract.name === named) ??
    here.find((contract) => path !== undefined && hasPath(contract, path)) ??
    here[0];
  if (!chosen) throw new Error(`no contract at ${basePath}`);
  return chosen;
}

export const selectContract =
  (basePath: string) =>
  (req: Request, res: GatewayResponse, next: NextFunction): void => {
    res.locals.contract = chooseContract(basePath, presumedKey(req), req.path);
    next();
  };

/**
 * What the audit log names as the source of what a client changes: its own word, where it is one that a client may say. The others
 * are what only this software can be.
 */
export const sourceOf = (req: Request): Source => (req.headers['x-trunkline-source'] === 'n8n' ? 'n8n' : 'api');

/**
 * Finds who asks. Throws 401 for a key that is malformed, unknown, expired, revoked, or another contract's (`accepts`).
 * Resolves to undefined when no key was sent.
 */
export async function resolveActor(
  keys: KeyStore,
  token: string | undefined,
  request: { id: string; source: Source },
  accepts: (contract: string) => boolean,
): Promise<{ actor: KeyActor; key: StoredKey } | undefined> {
  if (token === undefined) return undefined;
  if (token === '') throw unauthorized('The API key must follow the word Bearer: Authorization: Bearer <key>.');
  const parsed = parseApiKey(token);
  if (!parsed || !accepts(parsed.contract)) throw unauthorized('The API key is invalid.');
  const key = await keys.find(parsed.hash);
  const contract = contractNamed(parsed.contract);
  if (!key || !contract || key.contract !== parsed.contract) throw unauthorized('The API key is invalid.');
  if (key.revokedAt) throw unauthorized('The API key has been revoked.');
  if (key.expiresAt && key.expiresAt.getTime() <= Date.now()) throw unauthorized('The API key has expired.');
  keys.noteUse(key);
  return { actor: { ...identityOf(key, contract), source: request.source, correlationId: request.id }, key };
}

/** What is the same for every request of a key, worked out once for as long as the key is remembered. */
const identities = new WeakMap<StoredKey, Omit<KeyActor, 'correlationId' | 'source'>>();

function identityOf(key: StoredKey, contract: Contract): Omit<KeyActor, 'correlationId' | 'source'> {
  let identity = identities.get(key);
  if (!identity) {
    identity = {
      kind: 'key',
      organizationId: key.organizationId,
      keyId: key.keyId,
      contract: contract.name,
      environment: key.environment,
      reach: key.reach,
      grantedScopes: key.scopes,
      scopes: contract.canonicalScopes(key.scopes),
    };
    identities.set(key, identity);
  }
  return identity;
}
