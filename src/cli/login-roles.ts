import pg from 'pg';
import { StartupError } from '../startup-error.ts';
import { requireOrganization } from './operator.ts';

// Roles of people and BI tools. Roles belong to the cluster; which organization one sees is this database's own.

/** A person or a BI tool, not a fleet: what remains of the server's connections is the platform's. */
const CONNECTIONS = 10;
const STATEMENT_TIMEOUT = '60s';
/** Of each query, on the disk that everybody's rows are on. */
const TEMPORARY_FILES = '2GB';

/** Makes a login that reads one organization, or all. In an administrator's transaction, which it leaves as the owner. */
export async function makeLogin(
  client: pg.Client,
  name: string,
  password: string,
  org: string | undefined,
): Promise<void> {
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
  // this one holds, as only a superuser may set it, here and there
  if ((await client.query('select rolsuper from pg_roles where rolname = current_user')).rows[0]?.rolsuper)
    await client.query(`alter role ${login} set temp_file_limit = '${TEMPORARY_FILES}'`);
  await client.query('set local role trunkline_owner');
  // of a login that was dropped by other means: it must not bind its namesake
  await client.query('delete from private.database_logins where login = $1', [name]);
  if (org === undefined) return;
  await requireOrganization(client, org);
  await client.query('insert into private.database_logins (login, organization_id) values ($1, $2)', [name, org]);
}

export interface Login {
  name: string;
  organization_id: string | null;
  sees: string;
}

/** The logins that people were given, and what each sees in this database. */
export async function listLogins(client: pg.Client): Promise<Login[]> {
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

/** Ends the sessions of a login and drops it; of a role that is no such login it keeps its hands off. */
export async function dropLogin(client: pg.Client, name: string): Promise<void> {
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
