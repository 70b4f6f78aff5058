import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import pg from 'pg';
import { StartupError } from '../startup-error.ts';
import { withInstance } from './instance.ts';
import { asAdministrator, asOperator, requireOrganization } from './operator.ts';
import { leaf, print, table, uuid } from './output.ts';

const NAME = /^[a-z][a-z0-9_]{0,62}$/;
/** A person or a BI tool, not a fleet: what remains of the server's connections is the platform's. */
const CONNECTIONS = 10;
const STATEMENT_TIMEOUT = '60s';

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
  const url = await withInstance(async ({ adminUrl }) => {
    await asAdministrator(adminUrl, (client) => makeLogin(client, name, password, org));
    const target = new URL(adminUrl);
    [target.username, target.password] = [name, password];
    return target.href;
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
      _warning: 'Save the connection string now. It will not be shown again.',
    },
    `  psql '${url}'\n\nThe login ${name} reads ${sees}: select * from leads; select * from lead_pipeline;\nSave the connection string now. It will not be shown again.`,
  );
}

async function makeLogin(client: pg.Client, name: string, password: string, org: string | undefined): Promise<void> {
  const login = pg.escapeIdentifier(name);
  const role = org === undefined ? 'analyst_all' : 'analyst';
  const taken = await client.query('select from pg_roles where rolname = $1', [name]);
  if (taken.rowCount !== 0) throw new StartupError(`A role named ${name} exists already.`);
  await client.query(
    `create role ${login} login inherit connection limit ${CONNECTIONS} password ${pg.escapeLiteral(password)} in role ${role}`,
  );
  // Limits of habit, not of right: nothing is granted that these would have to hold back.
  await client.query(`alter role ${login} set default_transaction_read_only = on`);
  await client.query(`alter role ${login} set statement_timeout = '${STATEMENT_TIMEOUT}'`);
  await client.query(`alter role ${login} set idle_in_transaction_session_timeout = '10min'`);
  await client.query(`alter role ${login} set search_path = api`);
  await client.query('set local role trunkline_owner');
  // of a login that was dropped by other means: it must not bind its namesake
  await client.query('delete from private.database_logins where login = $1', [name]);
  if (org === undefined) return;
  await requireOrganization(client, org);
  await client.query('insert into private.database_logins (login, organization_id) values ($1, $2)', [name, org]);
}

interface Login {
  name: string;
  organization_id: string | null;
  sees: string;
}

async function listLogins(client: pg.Client): Promise<Login[]> {
  const { rows } = await client.query<Login>(`
    select r.rolname as name, l.organization_id,
           case when g.rolname = 'analyst_all' then 'every organization' else coalesce(o.name, 'nothing in this database') end as sees
      from pg_catalog.pg_auth_members m
      join pg_catalog.pg_roles g on g.oid = m.roleid and g.rolname in ('analyst', 'analyst_all')
      join pg_catalog.pg_roles r on r.oid = m.member and r.rolcanlogin
      left join private.database_logins l on l.login = r.rolname
      left join app.organizations o on o.id = l.organization_id
     order by r.rolname`);
  return rows;
}

async function dropLogin(client: pg.Client, name: string): Promise<void> {
  const found = await client.query(
    `select from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.member and r.rolcanlogin
      where r.rolname = $1 and m.roleid in ('analyst'::regrole, 'analyst_all'::regrole)`,
    [name],
  );
  if (found.rowCount === 0)
    throw new StartupError(`There is no database login ${name}. "dba list" shows which there are.`);
  const login = pg.escapeIdentifier(name);
  await client.query(`alter role ${login} nologin`);
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [name]);
  await client.query('set local role trunkline_owner');
  await client.query('delete from private.database_logins where login = $1', [name]);
  await client.query('reset role');
  await client.query(`drop role ${login}`);
}
