import { z } from 'zod';
import { statement } from '../database/page.ts';
import { operation } from '../operations/operation.ts';

/** Service pulse and the calling identity. Without a key the gateway answers by itself (see gateway/pulse.ts). */
export const getHealth = operation({
  id: 'health.get',
  summary: 'Service pulse',
  description:
    'With a key, the organization, environment and scopes it resolves to. Without one, whether the service is up.',
  scope: null,
  kind: 'read',
  input: z.strictObject({}),
  statement({ actor }) {
    const identity =
      actor.kind === 'key'
        ? { tenant_id: actor.organizationId, environment: actor.environment, scopes: actor.grantedScopes }
        : {};
    return statement`
      select left(${JSON.stringify({ status: 'ok', version: 'v1', ...identity })}::text, -1) || ',"timestamp":"' || app.iso(now()) || '"}' as body`;
  },
});
