import type pg from 'pg';

/**
 * The conventions of sql/README.md as queries on the catalogue. Each answers with its violations, one a row; an exception is
 * named here, with its reason.
 */

/** Tables that belong to no organization. */
export const GLOBAL_TABLES: Record<string, string> = {
  'app.organizations': 'it is the tenant: its id is what organization_id means',
  'app.setting_definitions': 'the same settings exist for all',
  'app.event_types': 'the same event names exist for all',
  'app.phone_states': 'numbering plans are the same for all',
  'app.email_domains': 'domains of email addresses are the same for all',
  'app.classification_words': 'words speak for the same for all',
  'app.postal_codes': 'a postal code is where it is for all',
  'audit.seals': 'a seal covers an hour of the whole platform',
  'private.core_state': 'which version of sql/ the database holds',
  'private.core_changes': 'which once-only steps the database has behind it',
  'private.installation': 'one row about the installation',
  'private.rate_limits': 'counters named by key id or address, forgotten after a minute',
};

/** Tenant tables whose rows are no state of their own: what the audit trigger need not record. */
export const UNRECORDED_TABLES: Record<string, string> = {
  'audit.platform_events': 'it is the record',
  'app.outbox': 'written by the record trigger itself',
  'app.events': 'follows from a recorded change',
  'app.deliveries': 'follows from an event; every try has its own row',
  'app.delivery_attempts': 'a log',
  'app.lead_handoffs': 'follows from a recorded change of the lead',
  'app.webhook_health': 'a summary of the delivery log',
  'app.source_outcomes': 'counts of recorded changes of leads',
  'app.tasks': 'work that is to be done; what it changes is recorded',
  'app.hook_receipts': 'a log of what came in; what it leads to is recorded',
  'app.connection_health': 'a summary of that log',
  'app.connection_polls': 'how far what services tell of is known; the calls are recorded',
  'app.idempotency_keys': 'an answer kept for 24 hours; what the request changed is recorded',
};

/** uuid ids that are not made by the table. */
export const GIVEN_IDS: Record<string, string> = {
  'audit.platform_events': 'made first, as its time is the time of the entry',
  'app.outbox': 'the id of the audit entry',
  'app.webhook_secrets': 'chosen by the gateway, which authenticates it with the ciphertext',
};

/** Tables that the API writes through functions of the core, without a grant to tenant. */
const WRITTEN_BY_FUNCTIONS = [
  'app.webhook_endpoints',
  'app.invitations',
  'app.connections',
  'app.crm_records',
  'app.crm_jobs',
];

const SECRET_COLUMNS = '^(key_hash|token_hash|ciphertext|response_body|answer|fingerprint|snapshot|body|headers)$';

/** What anybody may call. */
const FUNCTIONS_OF: Record<string, string[]> = {
  anon: [
    'app.accept_invitation',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.fail',
    'app.iso',
    'app.show_invitation',
    'app.typeid',
    'app.typeid_uuid',
  ],
  analyst: [
    'api.lead_score_reasons',
    'app.conversion',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.iso',
    'app.readable_diff',
    'app.typeid',
    'app.typeid_uuid',
    'private.login_organization',
    'private.score_points',
  ],
  analyst_all: [
    'api.lead_score_reasons',
    'app.conversion',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.iso',
    'app.readable_diff',
    'app.typeid',
    'app.typeid_uuid',
    'private.score_points',
  ],
  gateway: [
    'app.authenticate',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.fail',
    'app.find_hook',
    'app.iso',
    'app.note_connection',
    'app.note_key_uses',
    'app.note_public_url',
    'app.open_connection',
    'app.open_recording',
    'app.store_hook_receipt',
    'app.tenant',
    'app.typeid',
    'app.typeid_uuid',
    'private.tenant',
  ],
  worker: [
    'app.begin_message',
    'app.claim_crm_push',
    'app.claim_hook_receipts',
    'app.claim_polls',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.fail',
    'app.iso',
    'app.note_hook_outcome',
    'app.note_poll_found',
    'app.open_connections',
    'app.open_tasks',
    'app.outbox_backlog',
    'app.prepare_deliveries',
    'app.record_attempts',
    'app.recording_url',
    'app.relay_outbox',
    'app.relay_tasks',
    'app.note_stopped_imports',
    'app.remove_expired',
    'app.renew_hook_claims',
    'app.settle_hook_receipt',
    'app.settle_poll',
    'app.settle_tasks',
    'app.typeid',
    'app.typeid_uuid',
    'audit.drop_expired',
    'audit.head',
    'audit.make_partitions',
    'audit.seal_closed_hours',
    'audit.verify',
  ],
  postgrest: [],
  workspace: [
    'ai93.event_body',
    'ai93.handoff',
    'ai93.lead',
    'ai93.reply',
    'ai93.run',
    'ai93.status',
    'app.business',
    'app.claim_idempotency_key',
    'app.csv_cell',
    'app.cursor',
    'app.duration',
    'app.event_public_id',
    'app.fail',
    'app.find_leads',
    'app.hand_off_lead',
    'app.is_rules_to_score',
    'app.iso',
    'app.keep_answer',
    'app.key_id',
    'app.phone_key',
    'app.stage',
    'app.tenant',
    'app.typeid',
    'app.typeid_uuid',
    'app.upsert_lead',
    'private.businesses',
    'private.claims',
    'private.tenant',
    'private.workspace',
  ],
};

/** Which schemas a role can name. Analysts see api alone. */
const SCHEMAS_OF: Record<string, string[]> = {
  anon: ['api', 'app'],
  tenant: ['ai93', 'api', 'app', 'audit', 'eal'],
  analyst: ['api'],
  analyst_all: ['api'],
  gateway: ['app', 'private'],
  worker: ['ai93', 'app', 'audit', 'eal', 'pgboss'],
  postgrest: [],
  workspace: ['ai93', 'api', 'app'],
};

/** What the logins and anon may do with tables by themselves. */
const TABLES_OF: Record<string, string[]> = {
  anon: [],
  gateway: ['private.rate_limits: DELETE, INSERT, SELECT, UPDATE'],
  postgrest: [],
  worker: [],
  workspace: [
    'api.lead_handoffs: SELECT',
    'api.lead_pipeline: SELECT',
    'api.lead_replies: SELECT',
    'api.leads: INSERT, SELECT, UPDATE',
    'api.scraper_runs: SELECT',
    'app.idempotency_keys: DELETE, INSERT, SELECT',
    'app.lead_handoffs: SELECT',
    'app.lead_replies: INSERT, SELECT',
    'app.leads: INSERT, SELECT, UPDATE',
    'app.scraper_runs: SELECT',
  ],
};

const listOf = (names: string[]): string => (names.length ? names.map((name) => `'${name}'`).join(', ') : "''");

/** Every schema of the core: what trunkline_owner owns. */
const SCHEMAS = "(select n.oid from pg_namespace n where n.nspowner = 'trunkline_owner'::regrole)";
const NAME = "n.nspname || '.' || c.relname";
const TABLES = `pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS} and c.relkind in ('r', 'p')`;
const COLUMNS = `${TABLES} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;
const TENANT_TABLES = `${TABLES} join pg_attribute t on t.attrelid = c.oid and not c.relispartition
  and t.attname = case when ${NAME} = 'app.organizations' then 'id' else 'organization_id' end`;
const FOREIGN_KEYS = `${TENANT_TABLES} join pg_constraint f on f.conrelid = c.oid and f.contype = 'f' and f.conparentid = 0`;
const FUNCTIONS = `pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.oid in ${SCHEMAS}`;
const FUNCTION = "n.nspname || '.' || p.proname";

const functionsOf = (role: string, expected: string[]): string => `
  select '${role} may call ' || ${FUNCTION} from ${FUNCTIONS}
   where has_function_privilege('${role}', p.oid, 'execute') and ${FUNCTION} not in (${listOf(expected)})
  union
  select '${role} may not call ' || wanted from unnest(array[${listOf(expected)}]) as wanted
   where wanted <> '' and not exists (
     select from ${FUNCTIONS} where ${FUNCTION} = wanted and has_function_privilege('${role}', p.oid, 'execute'))`;

const schemasOf = (role: string, expected: string[]): string => `
  select '${role} and schema ' || n.nspname from pg_namespace n
   where (n.oid in ${SCHEMAS} or n.nspname = 'pgboss')
     and has_schema_privilege('${role}', n.oid, 'usage') <> (n.nspname in (${listOf(expected)}))
  union all
  select '${role} may create in ' || n.nspname from pg_namespace n
   where n.oid in ${SCHEMAS} and has_schema_privilege('${role}', n.oid, 'create')`;

const tablesOf = (role: string, expected: string[]): string => `
  with held as (
    select ${NAME} || ': ' || string_agg(distinct privilege, ', ' order by privilege) as line
      from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm')
     cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
     where has_table_privilege('${role}', c.oid, privilege)
        or privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege('${role}', c.oid, privilege)
     group by n.nspname, c.relname
  )
  (select '${role} has ' || line from held where line not in (${listOf(expected)}))
  union all
  (select '${role} has not ' || wanted from unnest(array[${listOf(expected)}]) as wanted
    where wanted <> '' and wanted not in (select line from held))`;

export const CONVENTIONS: Record<string, string> = {
  'row-level security is enabled and forced on every table': `
    select ${NAME} from ${TABLES} where not (c.relrowsecurity and c.relforcerowsecurity)`,

  'every table has a policy (a partition has none, so that nobody reads it past its parent)': `
    select ${NAME} from ${TABLES}
     where c.relispartition = exists (select from pg_policy p where p.polrelid = c.oid)`,

  'nothing is granted on a partition': `
    select ${NAME} from ${TABLES} where c.relispartition and exists (select from aclexplode(c.relacl) g where g.grantee <> c.relowner)`,

  'every table belongs to an organization, or is listed with the reason why not': `
    select ${NAME} from ${TABLES}
     where not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id')
       and ${NAME} not in (${listOf(Object.keys(GLOBAL_TABLES))})`,

  'organization_id is never null': `
    select ${NAME} from ${TENANT_TABLES} where not t.attnotnull`,

  'the primary key of a tenant table starts with organization_id': `
    select ${NAME} from ${TENANT_TABLES}
     where not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and i.indkey[0] = t.attnum)`,

  'every unique constraint and unique index of a tenant table contains organization_id': `
    select ${NAME} || ': ' || i.indexrelid::regclass from ${TENANT_TABLES} join pg_index i on i.indrelid = c.oid
     where i.indisunique and t.attnum <> all (i.indkey)`,

  'every foreign key of a tenant table carries the tenant, unless it refers to the organization itself': `
    select ${NAME} || ': ' || f.conname from ${FOREIGN_KEYS}
     where t.attnum <> all (f.conkey) and f.confrelid <> 'app.organizations'::regclass`,

  'every foreign key states on delete, and never clears the tenant': `
    select ${NAME} || ': ' || f.conname from ${FOREIGN_KEYS}
     where f.confdeltype = 'a' or f.confdeltype in ('n', 'd') and t.attnum = any (coalesce(f.confdelsetcols, f.conkey))`,

  'every foreign key is covered by an index whose leading columns are its columns': `
    select ${NAME} || ': ' || f.conname from ${FOREIGN_KEYS}
     where not exists (
       select from pg_index i
        where i.indrelid = c.oid and i.indisvalid
          and (select array_agg(k order by k) from unnest((i.indkey::smallint[])[0:cardinality(f.conkey) - 1]) as k)
            = (select array_agg(k order by k) from unnest(f.conkey) as k)
          -- a partial one serves when all it leaves out is null
          and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
                select format('(%I IS NOT NULL)', a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum = any (f.conkey))))`,

  'every table and view is commented': `
    select ${NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS}
     where c.relkind in ('r', 'p', 'v', 'm') and obj_description(c.oid, 'pg_class') is null`,

  'every column is commented': `
    select ${NAME} || '.' || a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS}
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and col_description(c.oid, a.attnum) is null`,

  'every function is commented': `
    select p.oid::regprocedure::text from ${FUNCTIONS} where obj_description(p.oid, 'pg_proc') is null`,

  'every schema is commented': `
    select n.nspname from pg_namespace n where n.oid in ${SCHEMAS} and obj_description(n.oid, 'pg_namespace') is null`,

  'every view runs with the rights of who reads it': `
    select ${NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS}
     where c.relkind = 'm' or c.relkind = 'v' and not coalesce(c.reloptions @> array['security_invoker=true'], false)`,

  'every security definer function pins an empty search_path': `
    select p.oid::regprocedure::text from ${FUNCTIONS}
     where p.prosecdef and not coalesce(p.proconfig && array['search_path=', 'search_path=""'], false)`,

  // who is told that it may be evaluated early, once or beside others believes it of all that it calls (raising an error is none of these)
  'no function is marked as safer than what it calls': `
    with marked as (
      select p.oid::regprocedure::text as signature, p.pronamespace::regnamespace || '.' || p.proname as name, p.proparallel = 's' as parallel,
             position(p.provolatile in 'vsi') as volatility, concat(p.prosrc, pg_get_function_sqlbody(p.oid)) as body
        from ${FUNCTIONS})
    select distinct f.signature || ' calls ' || g.name from marked as f join marked as g on g.name <> f.name and g.name <> 'app.fail'
     where f.body ~ ('\\m' || replace(g.name, '.', '\\.') || '\\(') and (f.parallel and not g.parallel or f.volatility > g.volatility)`,

  'no function can be called by everybody': `
    select p.oid::regprocedure::text from ${FUNCTIONS}
     where p.proacl is null or exists (select from aclexplode(p.proacl) g where g.grantee = 0)`,

  'everything is owned by trunkline_owner': `
    select ${NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS} where c.relowner <> 'trunkline_owner'::regrole
    union all
    select p.oid::regprocedure::text from ${FUNCTIONS} where p.proowner <> 'trunkline_owner'::regrole`,

  'grants on tables list their columns': `
    select ${NAME} || ': ' || g.grantee::regrole || ' ' || g.privilege_type
      from ${TABLES} cross join aclexplode(c.relacl) g
     where g.grantee <> c.relowner and g.privilege_type <> 'DELETE'`,

  'nothing is granted to everybody': `
    select ${NAME} from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS}
     where exists (select from aclexplode(c.relacl) g where g.grantee = 0)
        or exists (select from pg_attribute a cross join aclexplode(a.attacl) g where a.attrelid = c.oid and g.grantee = 0)`,

  'analysts only read': `
    select r.rolname || ' ' || privilege || ' ' || ${NAME}
      from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm')
      join pg_roles r on r.rolname in ('analyst', 'analyst_all')
     cross join unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as privilege
     where has_table_privilege(r.oid, c.oid, privilege)
        or privilege in ('INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege(r.oid, c.oid, privilege)`,

  'analysts read no secret, hash, answer or ciphertext': `
    select r.rolname || ' ' || ${NAME} || '.' || a.attname
      from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.oid in ${SCHEMAS} and c.relkind in ('r', 'p', 'v', 'm')
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_roles r on r.rolname in ('analyst', 'analyst_all')
     where a.attname ~ '${SECRET_COLUMNS}' and has_column_privilege(r.oid, c.oid, a.attnum, 'select')`,

  'tenants read no encrypted secret and no hash of a token': `
    select ${NAME} || '.' || a.attname from ${COLUMNS}
     where a.attname in ('ciphertext', 'token_hash') and has_column_privilege('tenant', c.oid, a.attnum, 'select')`,

  'each role names only its schemas': Object.entries(SCHEMAS_OF)
    .map(([role, schemas]) => schemasOf(role, schemas))
    .join(' union all '),

  'each role calls only its functions': Object.entries(FUNCTIONS_OF)
    .map(([role, functions]) => `(${functionsOf(role, functions)})`)
    .join(' union all '),

  'each role has only its tables': Object.entries(TABLES_OF)
    .map(([role, tables]) => `(select * from (${tablesOf(role, tables)}) as ${role})`)
    .join(' union all '),

  'no login role has a right of its own by membership, nor bypasses row-level security': `
    select m.member::regrole || ' inherits ' || m.roleid::regrole from pg_auth_members m
     where m.member in ('gateway'::regrole, 'postgrest'::regrole, 'worker'::regrole) and m.inherit_option
    union all
    select r.rolname from pg_roles r
     where r.rolname in ('trunkline_owner', 'anon', 'tenant', 'workspace', 'analyst', 'analyst_all', 'gateway', 'postgrest', 'worker')
       and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb)`,

  'triggers are named _NNN_name': `
    select ${NAME} || ': ' || g.tgname from ${TABLES} join pg_trigger g on g.tgrelid = c.oid and not g.tgisinternal
     where g.tgname !~ '^_[0-9]{3}_[a-z_]+$'`,

  'every tenant table that holds state records its changes': `
    select ${NAME} from ${TENANT_TABLES}
     where ${NAME} not in (${listOf(Object.keys(UNRECORDED_TABLES))})
       -- after each row of an insert, update and delete
       and not exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = '_500_record'
                        and g.tgfoid = 'audit.record'::regproc and g.tgtype & 31 = 29 and g.tgenabled = 'O')`,

  'every table with updated_at moves it': `
    select ${NAME} from ${COLUMNS}
     where a.attname = 'updated_at'
       and not exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = '_100_touch' and g.tgfoid = 'private.touch'::regproc)`,

  'timestamps are timestamptz(3)': `
    select ${NAME} || '.' || a.attname from ${COLUMNS}
     where format_type(a.atttypid, a.atttypmod) ~ '^timestamp' and format_type(a.atttypid, a.atttypmod) <> 'timestamp(3) with time zone'`,

  'ids are UUIDs of version 7': `
    select ${NAME} from ${COLUMNS} left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where a.attname = 'id' and not c.relispartition and ${NAME} not in (${listOf(Object.keys(GIVEN_IDS))})
       and (a.atttypid <> 'uuid'::regtype or coalesce(pg_get_expr(d.adbin, d.adrelid), '') <> 'uuidv7()')`,

  'policies are named as sentences, which fit': `
    select ${NAME} || ': ' || p.polname from ${TABLES} join pg_policy p on p.polrelid = c.oid
     where p.polname !~ '^\\S+( \\S+){2,}' or octet_length(p.polname) > 62`,

  'every check constraint that a caller can violate says which field and why': `
    select ${NAME} || ': ' || k.conname from ${TABLES} join pg_constraint k on k.conrelid = c.oid and k.contype = 'c'
     where (has_any_column_privilege('tenant', c.oid, 'insert, update') or ${NAME} in (${listOf(WRITTEN_BY_FUNCTIONS)}))
       and coalesce(obj_description(k.oid, 'pg_constraint'), '') !~ '^[A-Za-z_.-]+: \\S'`,
};

/** What of the database breaks a convention. */
export async function violations(client: pg.Pool | pg.PoolClient, convention: string): Promise<string[]> {
  const { rows } = await client.query({ text: CONVENTIONS[convention] as string, rowMode: 'array' });
  return rows.map(([violation]) => violation).sort();
}
