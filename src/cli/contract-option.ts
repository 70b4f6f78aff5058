import { Option } from 'commander';
import type { Contract } from '../contracts/contract.ts';
import { contractNamed, contracts } from '../contracts/registry.ts';
import type { ContractName } from '../security/api-key.ts';
import { StartupError } from '../startup-error.ts';

/** --contract, of those that are served. */
export const contractOption = (): Option =>
  new Option('--contract <contract>', 'which documented API')
    .choices(contracts.map((contract) => contract.name))
    .makeOptionMandatory();

export function contractOf(name: ContractName): Contract {
  const contract = contractNamed(name);
  if (!contract) throw new StartupError(`The contract ${name} is not served.`);
  return contract;
}
