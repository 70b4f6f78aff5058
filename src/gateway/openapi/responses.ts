import type { Contract, Route } from '../../contracts/contract.ts';
import { errorRefs } from './errors.ts';
import { headersOf } from './headers.ts';
import type { Schemas } from './schemas.ts';
import type { Content, Ref, Response } from './types.ts';

const CSV_EXAMPLE = `id,organization_id,action,source,correlation_id,payload,created_at
a4b1c8d2-7e30-4f1a-9c83-21e5d4a07b14,8c2f0a14-0c8a-4a3a-9a4d-3e0f1d6c2a91,lead.updated,api,corr_z3p7w2,"{""diff"": {""lead_score"": {""to"": 92, ""from"": 87}}}",2026-04-27T18:55:42.001Z
`;

const DESCRIPTIONS: Record<number, string> = { 200: 'Done.', 201: 'Created.', 202: 'Accepted; it happens shortly.' };

/** Operations that answer 200 with what is there already, where they would answer 201: as which operation shows it. */
const EXISTING: Record<string, { as: string; description: string }> = {
  'webhooks.create': {
    as: 'webhooks.get',
    description: 'The URL is registered already: the endpoint as it is, without a secret.',
  },
};

/** Every answer of a route, by status. */
export function documentResponses(contract: Contract, route: Route, schemas: Schemas): Record<string, Response | Ref> {
  const status = route.status ?? 200;
  const post = route.method === 'POST';
  const headers = headersOf(...(route.single ? ['ETag'] : []), ...(post ? ['Idempotent-Replayed'] : []));
  const existing = EXISTING[route.operation.id];
  const shown = existing && contract.routes.find(({ operation }) => operation.id === existing.as);
  return {
    ...(existing && shown && { 200: { description: existing.description, headers, content: json(shown, schemas) } }),
    [status]: {
      description: DESCRIPTIONS[status] ?? 'Done.',
      headers,
      content: route.operation.kind === 'export' ? csv : json(route, schemas),
    },
    ...(route.single && { 304: { description: 'It is as you have it.', headers: headersOf('ETag') } }),
    ...errorRefs(route),
  };
}

const csv: Content = { 'text/csv': { schema: { type: 'string' }, example: CSV_EXAMPLE } };

function json({ output, example, operation }: Route, schemas: Schemas): Content {
  if (!output) throw new Error(`the answer of ${operation.id} is not documented`);
  return {
    'application/json': {
      schema: schemas.of(output, 'output'),
      ...(example?.response && { example: example.response }),
    },
  };
}
