import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import { forbidden } from '../errors.ts';
import type { Actor } from '../operations/actor.ts';
import { operation } from '../operations/operation.ts';
import { type ContractName, type Environment, type GeneratedKey, generateApiKey } from '../security/api-key.ts';
import { cursor, pageParameters, pageSize, pageValues, pathId, text, timestamp } from './fields.ts';

const WARNING = 'Save this key now. It will not be shown again.';
const missing = 'No such API key.';
const id = pathId.meta({ description: 'Id of the key (not the key itself).' });

/** The key is shown in this answer only; the database holds its hash. */
const withKey = (body: string, local: NewKey): string =>
  JSON.stringify({ ...JSON.parse(body), key: local.made.key, _warning: WARNING });

/** The key with this id, if it is one of the contract: the keys of another are none of its clients' business. */
const ofContract = (keyId: string, contract: string) =>
  sql`(select k.id from app.api_keys as k where k.id = ${keyId}::uuid and k.contract = ${contract})`;

const environment = z
  .enum(['live', 'test'], 'must be live or test')
  .meta({ description: 'Environment of the new key. Without it, that of the calling key.' });

interface NewKey {
  made: GeneratedKey;
  contract: ContractName;
  environment: Environment;
}

/** A key of the calling key's contract. */
function newKey(actor: Actor, environment?: Environment): NewKey {
  if (actor.kind !== 'key') throw forbidden('Only a key can make a key over HTTP.');
  const { contract } = actor;
  return {
    made: generateApiKey(contract, environment ?? actor.environment),
    contract,
    environment: environment ?? actor.environment,
  };
}

const keysPage = template((given, value, shape) =>
  keysetPage(
    db
      .selectFrom('app.api_keys as row')
      .where('row.organization_id', '=', value('organization'))
      .where('row.contract', '=', value('contract')),
    { ...pageParameters(given, value), shape },
  ),
);

export const listKeys = operation({
  id: 'api_keys.list',
  summary: 'List API keys',
  scope: 'api_keys.admin',
  kind: 'read',
  input: z.strictObject({ limit: pageSize.default(50), cursor: cursor.optional() }),
  statement: ({ input, actor, shape, contract }) =>
    keysPage({ ...pageValues(input), organization: actor.organizationId, contract }, shape('api_key')),
});

export const createKey = operation({
  id: 'api_keys.create',
  summary: 'Create an API key',
  description: 'The key is shown once. Scopes of the same contract; `test` keys are marked as such.',
  scope: 'api_keys.admin',
  kind: 'write',
  input: z.strictObject({
    name: text(100).meta({ description: 'What the key is for.' }),
    scopes: z
      .array(z.string('must be a string'), 'must be a list of scopes')
      .min(1, 'must hold at least one scope')
      .max(20, 'must hold at most 20 scopes')
      .meta({ description: 'Scopes of the key.' }),
    environment: environment.optional(),
    expires_at: timestamp
      .nullish()
      .meta({ description: 'When the key stops working. Without it, or with null, never.' }),
  }),
  prepare: (input, _services, actor) => newKey(actor, input.environment),
  statement: ({ input, local, shape }) => statement`
    select ${sql.raw(shape('api_key'))}(row)::text as body
      from app.create_key(${local.contract}, ${local.environment}, ${input.name}, ${local.made.hash}, ${local.made.displayPrefix},
                          ${input.scopes}::text[], ${input.expires_at ?? null}::timestamptz) as row`,
  finish: withKey,
});

export const rotateKey = operation({
  id: 'api_keys.rotate',
  summary: 'Rotate an API key',
  description:
    'A new key with the same rights and expiry. The old one stays in force for `overlap_hours` (default 24; 0 stops it at once).',
  scope: 'api_keys.admin',
  kind: 'write',
  input: z.strictObject({
    id,
    overlap_hours: z
      .number('must be a number')
      .min(0, 'must be from 0 to 720')
      .max(720, 'must be from 0 to 720')
      .default(24)
      .meta({ description: 'Hours that the old key stays in force.' }),
  }),
  // the key says live or test, and which of them only the one that it replaces knows
  prepare: (_input, _services, actor) => ({ live: newKey(actor, 'live'), test: newKey(actor, 'test') }),
  missing,
  statement: ({ input, local: { live, test }, shape, contract }) => statement`
    select ${sql.raw(shape('api_key'))}(row)::text as body
      from (select (select k.environment = 'test' from app.api_keys as k where k.id = ${input.id}::uuid) as test) as old
     cross join lateral app.rotate_key(
             ${ofContract(input.id, contract)},
             case when old.test then ${test.made.hash}::bytea else ${live.made.hash}::bytea end,
             case when old.test then ${test.made.displayPrefix}::text else ${live.made.displayPrefix}::text end,
             make_interval(secs => ${input.overlap_hours * 3600})) as row`,
  finish: (body, local) => withKey(body, local[(JSON.parse(body) as { environment: Environment }).environment]),
});

export const revokeKey = operation({
  id: 'api_keys.revoke',
  summary: 'Revoke an API key',
  description: 'Stops the key at once, everywhere.',
  scope: 'api_keys.admin',
  kind: 'write',
  input: z.strictObject({ id }),
  missing,
  statement: ({ input, contract }) =>
    statement`select json_build_object('id', row.id, 'revoked', true)::text as body from app.revoke_key(${ofContract(input.id, contract)}) as row`,
});
