import { type Command, Option } from 'commander';
import type { Reach } from '../operations/actor.ts';
import { type ContractName, type Environment, generateApiKey } from '../security/api-key.ts';
import { StartupError } from '../startup-error.ts';
import { contractOf, contractOption } from './contract-option.ts';
import { leaf, list, print, table, time, uuid } from './output.ts';
import { forOrganization, REACH_IN_WORDS, reachFor, tenantQuery } from './tenant-query.ts';

interface Key {
  id: string;
  name: string;
  contract: ContractName;
  environment: Environment;
  key_prefix: string;
  scopes: string[];
  last_used_at: Date | null;
  expires_at: Date | null;
  revoked_at: Date | null;
  created_at: Date;
  reach: Reach;
}

interface Common {
  org: string;
  json?: boolean;
}

const COLUMNS =
  'id, name, contract, environment, key_prefix, scopes, last_used_at, expires_at, revoked_at, created_at, reach';
const ONCE = 'Save this key now. It will not be shown again.';

const printKey = (options: Common, key: Key, secret: string): void =>
  print(
    options,
    { ...key, key: secret, _warning: ONCE },
    `  key     ${secret}\n  id      ${key.id}\n  scopes  ${key.scopes.join(', ')}\n  reach   ${REACH_IN_WORDS[key.reach]}\n\n${ONCE}`,
  );

/** trunkline key … */
export function keyCommands(program: Command): void {
  const key = program
    .command('key')
    .summary('make, list, rotate and revoke API keys')
    .description('API keys. A key acts for one organization, under one contract.');

  leaf(key, 'create', 'make a key; it is shown once')
    .requiredOption('--org <id>', 'organization it acts for', uuid)
    .addOption(contractOption())
    .requiredOption('--scopes <scopes>', 'what it may do, e.g. read,write,admin', list)
    .option('--name <name>', 'what it is for', 'Made on the command line')
    .option(
      '--lock',
      'ai93: for this organization alone; without it, a workspace’s key sees every business (child) of it',
    )
    .option('--expires <time>', 'when it stops by itself: a time, or a duration such as 90d', time(1))
    .addOption(new Option('--env <environment>', 'live or test').choices(['live', 'test']).default('live'))
    .action(createKey);

  leaf(key, 'list', "list an organization's keys")
    .requiredOption('--org <id>', 'organization', uuid)
    .action(async (options: Common) => {
      const keys = await forOrganization(options, (tenant) =>
        tenantQuery<Key>(tenant, {
          text: `select ${COLUMNS} from app.api_keys order by created_at desc, id desc`,
          values: [],
        }),
      );
      const rows = keys.map(({ id, key_prefix: prefix, name, contract, scopes, reach, last_used_at, ...key }) => ({
        id,
        prefix,
        name,
        contract,
        scopes,
        reach,
        state: stateOf(key),
        last_used_at,
      }));
      print(options, keys, table(rows, 'It has no key yet: trunkline key create --org …'));
    });

  leaf(key, 'revoke', 'stop a key at once, everywhere')
    .requiredOption('--org <id>', 'organization', uuid)
    .requiredOption('--key <id>', 'key id, as key list shows it', uuid)
    .action(async (options: Common & { key: string }) => {
      const revoked = await changed(options.org, `select ${COLUMNS} from app.revoke_key($1)`, [options.key]);
      print(options, revoked, `The key ${revoked.key_prefix}… (${revoked.name}) is revoked.`);
    });

  leaf(key, 'rotate', 'replace a key by a new one with the same rights; it is shown once')
    .requiredOption('--org <id>', 'organization', uuid)
    .requiredOption('--key <id>', 'key id, as key list shows it', uuid)
    .option('--overlap <hours>', 'hours that the old key stays in force', '24')
    .action(rotateKey);
}

async function createKey(
  options: Common & {
    contract: ContractName;
    scopes: string[];
    name: string;
    expires?: string;
    env: Environment;
    lock?: boolean;
  },
): Promise<void> {
  const { contract, scopes, env, name, expires } = options;
  const known = Object.keys(contractOf(contract).scopes);
  const unknown = scopes.find((scope) => !known.includes(scope));
  if (unknown !== undefined)
    throw new StartupError(`--scopes: ${contract} has no scope "${unknown}"; it has ${known.join(', ')}.`);
  const made = generateApiKey(contract, env);
  const key = await forOrganization(options, async (tenant) => {
    const reach = await reachFor(tenant, contract, options.lock ?? false);
    const [row] = await tenantQuery<Key>(tenant, {
      text: `select ${COLUMNS} from app.create_key($1, $2, $3, $4, $5, $6, $7, reach => $8)`,
      values: [contract, env, name, made.hash, made.displayPrefix, scopes, expires ?? null, reach],
    });
    return row as Key;
  });
  printKey(options, key, made.key);
}

async function rotateKey(options: Common & { key: string; overlap: string }): Promise<void> {
  if (!/^\d{1,3}(\.\d+)?$/.test(options.overlap) || Number(options.overlap) > 720) {
    throw new StartupError('--overlap: must be hours from 0 to 720.');
  }
  const [key, secret] = await forOrganization(options, async (tenant) => {
    const found = await tenantQuery<Key>(tenant, {
      text: `select ${COLUMNS} from app.api_keys where id = $1`,
      values: [options.key],
    });
    if (!found[0]) throw new StartupError('No such API key.');
    const made = generateApiKey(found[0].contract, found[0].environment);
    const rotated = await tenantQuery<Key>(tenant, {
      text: `select ${COLUMNS} from app.rotate_key($1, $2, $3, make_interval(secs => $4))`,
      values: [options.key, made.hash, made.displayPrefix, Number(options.overlap) * 3600],
    });
    return [rotated[0] as Key, made.key] as const;
  });
  printKey(options, key, secret);
}

async function changed(org: string, text: string, values: unknown[]): Promise<Key> {
  const rows = await forOrganization({ org }, (tenant) => tenantQuery<Key>(tenant, { text, values }));
  return rows[0] as Key;
}

function stateOf({ revoked_at, expires_at }: Pick<Key, 'revoked_at' | 'expires_at'>): string {
  if (revoked_at) return 'revoked';
  if (expires_at) return `${expires_at.getTime() <= Date.now() ? 'expired' : 'until'} ${expires_at.toISOString()}`;
  return 'in force';
}
