import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { StartupError } from '../startup-error.ts';
import { withInstance } from './instance.ts';
import { dropLogin, listLogins, makeLogin } from './login-roles.ts';
import { asAdministrator, asOperator } from './operator.ts';
import { leaf, print, table, uuid } from './output.ts';

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
const ONCE = 'Save the connection string now. It will not be shown again.';

interface CreateOptions {
  name: string;
  org?: string;
  all?: boolean;
  json?: boolean;
}

/** trunkline dba … */
export function databaseLoginCommands(program: Command): void {
  const dba = program
    .command('dba')
    .summary('make, list and drop database logins for people and BI tools')
    .description(
      'Database logins for psql and BI tools. They read the api views; row-level security shows each its own organization. None can write, or see a secret or a hash of a key.',
    );

  leaf(dba, 'create', 'make a login; its connection string is shown once')
    .requiredOption('--name <name>', 'login name: lower-case letters, digits, underscores')
    .option('--org <id>', 'organization whose rows it sees', uuid)
    .option('--all', 'it sees every organization')
    .action(createLogin);

  leaf(dba, 'list', 'list the logins').action(async (options: { json?: boolean }) => {
    const logins = await withInstance(({ adminUrl }) => asOperator(adminUrl, listLogins));
    print(options, logins, table(logins, 'There is no login yet: trunkline dba create --name … --org …'));
  });

  leaf(dba, 'drop', 'end the sessions of a login and drop it')
    .requiredOption('--name <name>', 'login name')
    .action(async (options: { name: string; json?: boolean }) => {
      await withInstance(({ adminUrl }) => asAdministrator(adminUrl, (client) => dropLogin(client, options.name)));
      print(options, { name: options.name, dropped: true }, `The login ${options.name} is dropped.`);
    });
}

async function createLogin(options: CreateOptions): Promise<void> {
  const { name, org } = options;
  if ((org === undefined) === !options.all) throw new StartupError('Give either --org ID or --all.');
  if (!NAME.test(name) || name.startsWith('pg_')) {
    throw new StartupError(
      '--name: must begin with a letter and hold only lower-case letters, digits and underscores (not pg_…).',
    );
  }
  const password = randomBytes(24).toString('base64url');
  const [url, isEmbedded] = await withInstance(async ({ adminUrl, config }) => {
    await asAdministrator(adminUrl, (client) => makeLogin(client, name, password, org));
    const target = new URL(adminUrl);
    [target.username, target.password] = [name, password];
    return [target.href, config.databaseUrl === undefined] as const;
  });
  const sees = org === undefined ? 'every organization' : `organization ${org}`;
  print(
    options,
    {
      name,
      organization_id: org ?? null,
      password,
      url,
      psql: `psql '${url}'`,
      _warning: ONCE,
    },
    `  psql '${url}'\n\nThe login ${name} reads ${sees}: select * from leads; select * from lead_pipeline;\n${isEmbedded ? 'It can connect while "npm start" runs, from this machine.\n' : ''}${ONCE}`,
  );
}
