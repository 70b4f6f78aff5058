import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { z } from 'zod';
import { db } from '../database/kysely.ts';
import { keysetPage, statement } from '../database/page.ts';
import { template } from '../database/template.ts';
import { invalidRequest } from '../errors.ts';
import { operation } from '../operations/operation.ts';
import { cursor, email, pageParameters, pageSize, pageValues, pathId, text, timestamp, uuid } from './fields.ts';

/** Which settings exist, and what they may hold, is data: the database says so (app.setting_definitions). */
const settings = z
  .record(z.string(), z.unknown(), 'must be an object')
  .meta({ description: '`timezone` (IANA), `default_locale` (BCP 47), `integrations` (on or off by name).' });

const GRANT_SCOPES = ['leads.read', 'calls.read', 'audit_log.read'] as const;

const missing = 'No such organization.';
const id = pathId.meta({ description: 'Id of the organization.' });

export const getOwnOrganization = operation({
  id: 'organizations.me',
  summary: 'Get the calling organization',
  scope: 'organizations.read',
  kind: 'read',
  input: z.strictObject({}),
  statement: ({ actor, shape }) =>
    statement`select ${sql.raw(shape('organization'))}(row)::text as body from app.organizations as row where row.id = ${actor.organizationId}::uuid`,
});

const childrenPage = template((given, value, shape) =>
  keysetPage(db.selectFrom('app.organizations as row').where('row.parent_organization_id', '=', value('parent')), {
    ...pageParameters(given, value),
    shape,
  }),
);

export const listChildOrganizations = operation({
  id: 'organizations.list',
  summary: 'List child organizations',
  description:
    'The children of the calling organization, with the scopes of the grants in force. Without children, an empty list.',
  scope: 'organizations.admin',
  kind: 'read',
  input: z.strictObject({ limit: pageSize.default(50), cursor: cursor.optional() }),
  statement: ({ input, actor, shape }) =>
    childrenPage({ ...pageValues(input), parent: actor.organizationId }, shape('child_organization')),
});

export const createChildOrganization = operation({
  id: 'organizations.create',
  summary: 'Create a child organization',
  description:
    'Creates a tenant under the calling organization and an invitation of its first administrator, which expires after 7 days.',
  scope: 'organizations.admin',
  kind: 'write',
  input: z.strictObject({
    name: text(200).meta({ description: 'Display name.' }),
    industry: text(100).nullish().meta({ description: 'Line of business, e.g. restoration.' }),
    settings: settings.optional(),
    primary_admin_email: email.meta({ description: 'Who is invited to administer it.' }),
  }),
  prepare() {
    const token = `itok_${randomBytes(24).toString('base64url')}`;
    return { token, hash: createHash('sha256').update(token).digest() };
  },
  statement: ({ input, local, services, shape }) => statement`
    select ${sql.raw(shape('organization_created'))}(made.organization, made.invitation, ${`${services.publicUrl}/invite/${local.token}`})::text as body
      from app.create_child_organization(${input.name}, ${input.industry ?? null}, ${JSON.stringify(input.settings ?? {})}::jsonb,
                                         ${input.primary_admin_email}, ${local.hash}) as made`,
});

export const updateOrganization = operation({
  id: 'organizations.update',
  summary: 'Update organization settings',
  description:
    'Name, industry and settings of the calling organization or a child it created. Settings are merged; null removes one.',
  scope: 'organizations.admin',
  kind: 'write',
  input: z.strictObject({
    id,
    name: text(200).optional().meta({ description: 'Display name.' }),
    industry: text(100).optional().meta({ description: 'Line of business.' }),
    settings: settings.optional(),
  }),
  missing,
  statement({ input, shape }) {
    if (input.name === undefined && input.industry === undefined && input.settings === undefined) {
      throw invalidRequest('Nothing to update.', { reason: 'give at least one of name, industry, settings' });
    }
    return statement`
      select ${sql.raw(shape('organization_patched'))}(row)::text as body
        from app.update_organization(${input.id}::uuid, ${input.name ?? null}, ${input.industry ?? null},
                                     ${input.settings ? JSON.stringify(input.settings) : null}::jsonb) as row`;
  },
});

export const createGrant = operation({
  id: 'organizations.grants.create',
  summary: 'Grant the parent read access',
  description: 'A child organization lets its parent read. Only the child itself may grant, and only to its parent.',
  scope: 'organizations.admin',
  kind: 'write',
  input: z.strictObject({
    id,
    parent_organization_id: uuid.meta({ description: 'The parent of the calling organization.' }),
    scopes: z
      .array(z.enum(GRANT_SCOPES, `must be one of ${GRANT_SCOPES.join(', ')}`), 'must be a list of scopes')
      .min(1, 'must hold at least one scope')
      .max(20, 'must hold at most 20 scopes')
      .meta({ description: 'What the parent may read.' }),
    expires_at: timestamp
      .nullish()
      .meta({ description: 'When the grant ends by itself. Without it, or with null, never.' }),
  }),
  missing,
  statement: ({ input, shape }) => statement`
    select ${sql.raw(shape('grant'))}(row)::text as body
      from app.give_grant(${input.id}::uuid, ${input.parent_organization_id}::uuid, ${input.scopes}::text[],
                          ${input.expires_at ?? null}::timestamptz) as row`,
});

export const revokeGrant = operation({
  id: 'organizations.grants.revoke',
  summary: 'Revoke a grant',
  description: 'Ends a grant at once.',
  scope: 'organizations.admin',
  kind: 'write',
  input: z.strictObject({ id, grant_id: pathId.meta({ description: 'Id of the grant.' }) }),
  missing: 'No such grant.',
  statement: ({ input }) => statement`
    select json_build_object('grant_id', row.id, 'revoked', true)::text as body
      from app.revoke_grant(${input.id}::uuid, ${input.grant_id}::uuid) as row`,
});
