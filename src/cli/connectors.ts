import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Values } from '../../connectors/manifest.ts';
import { connectorNamed, connectors } from '../../connectors/registry.ts';
import { testConnection } from '../domain/connection-test.ts';
import {
  deleteConnection,
  getConnection,
  getSettings,
  listConnections,
  retryReceipts,
  rotateHookToken,
  saveConnection,
} from '../domain/connections.ts';
import type { Operation } from '../operations/operation.ts';
import { StartupError } from '../startup-error.ts';
import { pollConnection, told } from './connector-poll.ts';
import { toldHook, toldSteps } from './connector-setup.ts';
import { leaf, print, table, uuid } from './output.ts';
import { forOrganization } from './tenant-query.ts';

interface Common {
  org: string;
  json?: boolean;
}

interface One extends Common {
  vendor: string;
  name: string;
}

interface SetOptions extends One {
  set: Record<string, string>;
  unset: string[];
  secretFile: Record<string, string>;
  enable?: boolean;
  disable?: boolean;
}

type Listed = Record<'vendor' | 'name' | 'status' | 'last_received_at' | 'last_error' | 'waiting' | 'dead', unknown>;

/** The answers are the operations' own: no contract shapes them. */
const CONTRACT = { contract: 'eal' };

const run = <Input, Local>(options: Common, operation: Operation<Input, Local>, input: object) =>
  forOrganization(options, (tenant) => tenant.run(operation, CONTRACT, input));
const which = ({ vendor, name }: One) => ({ vendor, name });

const connectorLeaf = (parent: Command, name: string, summary: string): Command =>
  leaf(parent, name, summary)
    .requiredOption('--org <id>', 'organization', uuid)
    .requiredOption(
      '--vendor <vendor>',
      `outside service: ${connectors.map(({ manifest }) => manifest.vendor).join(', ')}`,
    )
    .option('--name <name>', 'which of several connections of the vendor', 'default');

/** trunkline connectors … */
export function connectorCommands(program: Command): void {
  const group = program
    .command('connectors')
    .summary('connect outside services, and process again what they sent')
    .description(
      'Connections of an organization to outside services. Credentials are encrypted, and never shown again.',
    );

  leaf(group, 'list', 'list what is connected, and how it is doing')
    .requiredOption('--org <id>', 'organization', uuid)
    .action(async (options: Common) => {
      const { data } = await run(options, listConnections, {});
      // the rest is what `show` shows
      const rows = data.map(({ vendor, name, status, last_received_at, last_error, waiting, dead }: Listed) => ({
        vendor,
        name,
        status,
        last_received_at,
        last_error,
        waiting,
        dead,
      }));
      print(options, data, table(rows, 'Nothing is connected yet: trunkline connectors set --org …'));
    });

  connectorLeaf(group, 'set', 'connect a service, or change some of its fields; a new hook’s address is shown once')
    .addOption(
      new Option('--set <field=value>', 'a setting; again for each (lists as a,b; mappings as from:to,from:to)')
        .argParser(pair('field=value'))
        .default({}, 'none'),
    )
    .addOption(
      new Option('--unset <field>', 'back to the default, or a credential away that is not required; again for each')
        .argParser((field, before: string[]) => [...before, field])
        .default([], 'none'),
    )
    .addOption(
      new Option('--secret-file <field=path>', 'a credential, from a file; - is standard input; again for each')
        .argParser(pair('field=path'))
        .default({}, 'none'),
    )
    .option('--enable', 'accept and process its hooks, and poll it, again')
    .option('--disable', 'neither accept nor process its hooks, nor poll it')
    .addHelpText(
      'after',
      '\nThe fields of each service: connectors/VENDOR/README.md, and /docs/eal of a running gateway.',
    )
    .action(setConnection);

  connectorLeaf(group, 'show', 'show its fields; of credentials, whether they are set').action(async (options: One) => {
    const { settings, ...row } = await run(options, getConnection, which(options));
    const lines = (values: object) =>
      table(
        Object.entries(values).map(([field, value]) => ({ field, value: shown(value) })),
        '',
      );
    print(options, { ...row, settings }, `${lines(row)}\n\n${lines(settings)}`);
  });

  connectorLeaf(group, 'test', 'try its configuration out on the service').action(tryConnection);

  connectorLeaf(
    group,
    'poll',
    'ask the service now for what its hooks missed (the worker does it by the clock)',
  ).action(pollNow);

  connectorLeaf(group, 'remove', 'disconnect it; its credentials are gone, its leads stay').action(
    async (options: One) => {
      const answer = await run(options, deleteConnection, which(options));
      print(options, answer, `${options.vendor} (${options.name}) is disconnected.`);
    },
  );

  connectorLeaf(group, 'rotate-token', 'give its hook a new address, shown once; the old one stops at once').action(
    async (options: One) => {
      const answer = await run(options, rotateHookToken, which(options));
      print(options, answer, toldHook(answer));
    },
  );

  connectorLeaf(group, 'retry', 'process again now what failed')
    .option('--receipt <id>', 'only this one, as api.hook_receipts shows it', uuid)
    .action(async (options: One & { receipt?: string }) => {
      const { receipt } = options;
      const answer = await run(options, retryReceipts, { ...which(options), ...(receipt && { receipt }) });
      print(options, answer, `${answer.retried} receipts are processed again.`);
    });
}

/** Changes what is named and keeps the rest, so that nobody has to give it all again. */
async function setConnection(options: SetOptions): Promise<void> {
  const { configuration, manifest } = connectorOf(options.vendor);
  const isSecret = (field: string) => configuration.secretNames.includes(field);
  const secret = Object.keys(options.set).find(isSecret);
  if (secret) {
    throw new StartupError(
      `--set: ${secret} is a secret; give it with --secret-file ${secret}=PATH, so that no history keeps it.`,
    );
  }
  const unknown = options.unset.find((field) => !manifest.fields.some(({ name }) => name === field));
  if (unknown !== undefined) {
    const fields = manifest.fields.map(({ name }) => name).join(', ');
    throw new StartupError(`--unset: ${options.vendor} has no field ${unknown}; it has ${fields}.`);
  }
  if (options.enable && options.disable) throw new StartupError('Give either --enable or --disable.');
  const given = Object.entries(options.secretFile).map(([field, path]) => [field, readSecret(path)]);
  const secrets = Object.fromEntries([
    ...options.unset.filter(isSecret).map((field): [string, null] => [field, null]),
    ...given,
  ]);
  const unset = options.unset.filter((field) => !isSecret(field));
  const changes = Object.entries(options.set).map(([field, text]) => [field, fieldValue(options.vendor, field, text)]);
  const saved = await forOrganization(options, async (tenant) => {
    const settings = async () => {
      const before: Values = await tenant.run(getSettings, CONTRACT, which(options));
      const kept = Object.entries(before).filter(([field]) => !unset.includes(field));
      return Object.fromEntries([...kept, ...changes]);
    };
    return tenant.run(saveConnection, CONTRACT, {
      ...which(options),
      ...((changes.length > 0 || unset.length > 0) && { settings: await settings() }),
      secrets,
      ...((options.enable || options.disable) && { enabled: options.enable === true }),
    });
  });
  const words = saved.hook_url
    ? `  id    ${saved.id}\n${toldHook(saved)}`
    : `${options.vendor} (${options.name}) is ${saved.created ? 'connected' : 'changed'}.`;
  print(options, saved, saved.created ? `${words}\n\n${toldSteps(manifest)}` : words);
}

async function tryConnection(options: One): Promise<void> {
  const { test, manifest } = connectorOf(options.vendor);
  if (!test) {
    await run(options, getConnection, which(options));
    const message = `${manifest.title} is set up; there is nothing to call.`;
    return print(options, { ok: true, message }, message);
  }
  const answer = await run(options, testConnection, which(options));
  if (!answer.ok) throw new StartupError(answer.message);
  print(options, answer, answer.message);
}

async function pollNow(options: One): Promise<void> {
  const turn = await forOrganization(options, (tenant, instance) =>
    pollConnection(instance, tenant, connectorOf(options.vendor).manifest.vendor, options.name),
  );
  const sentence = told(turn);
  print(options, turn, sentence);
}

function connectorOf(vendor: string) {
  const connector = connectorNamed(vendor);
  if (connector) return connector;
  throw new StartupError(`--vendor: must be one of ${connectors.map(({ manifest }) => manifest.vendor).join(', ')}.`);
}

function fieldValue(vendor: string, field: string, text: string): unknown {
  try {
    return connectorOf(vendor).configuration.fromText(field, text);
  } catch (error) {
    throw new StartupError(`--set: ${vendor} ${(error as Error).message}.`);
  }
}

/** A trailing line break belongs to the file, not to the secret. */
function readSecret(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new StartupError(`--secret-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** field=value or field=path, gathered */
const pair =
  (form: string) =>
  (text: string, before: Record<string, string>): Record<string, string> => {
    const [, field, value] = /^([a-z][a-z0-9_]*)=(.*)$/s.exec(text) ?? [];
    if (field === undefined || value === undefined) throw new InvalidArgumentError(`It must be ${form}.`);
    return { ...before, [field]: value };
  };

const shown = (value: unknown): unknown =>
  value !== null && typeof value === 'object' ? JSON.stringify(value) : value;
