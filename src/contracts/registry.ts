import type { ContractName } from '../security/api-key.ts';
import { ai93 } from './ai93/index.ts';
import type { Contract } from './contract.ts';
import { eal } from './eal/index.ts';

/** The contracts that are served. A contract is added here, and nowhere else in the gateway. */
export const contracts: readonly Contract[] = [eal, ai93];

export const contractNamed = (name: ContractName): Contract | undefined =>
  contracts.find((contract) => contract.name === name);

/** Whose errors a request gets that came to no contract, and whose key says nothing: the first contract of the base path. */
export const contractOfPath = (path: string): Contract | undefined =>
  contracts.find((contract) => path === contract.basePath || path.startsWith(`${contract.basePath}/`));

/** Whether a contract has something at a path below its base path, by whatever method. */
export function hasPath({ routes }: Contract, path: string): boolean {
  const asked = path.split('/').filter((part) => part !== '');
  return routes.some((route) => {
    const parts = route.path.split('/').slice(1);
    return parts.length === asked.length && parts.every((part, index) => part.startsWith('{') || part === asked[index]);
  });
}
