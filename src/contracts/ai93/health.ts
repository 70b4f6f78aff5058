import { z } from 'zod';
import { statement } from '../../database/page.ts';
import { operation } from '../../operations/operation.ts';

/** Service pulse and what the key reaches. Without a key the gateway answers by itself. */
export const getHealth = operation({
  id: 'health.get',
  summary: 'Service pulse',
  description: 'Whether the service is up; with a key, what the key reaches and may do.',
  scope: null,
  kind: 'read',
  input: z.strictObject({}),
  statement: ({ actor }) => {
    const identity =
      actor.kind === 'key'
        ? {
            environment: actor.environment,
            reach: actor.reach === 'workspace' ? 'workspace' : 'business',
            scopes: actor.grantedScopes,
          }
        : {};
    return statement`
      select left(${JSON.stringify({ status: 'ok', version: 'v1', ...identity })}::text, -1)
             || ',"businessId":"' || app.typeid('biz', app.tenant()) || '","timestamp":"' || app.iso(now()) || '"}' as body`;
  },
});
