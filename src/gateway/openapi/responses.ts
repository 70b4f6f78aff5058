import type { Route } from '../../contracts/contract.ts';
import { errorRefs } from './errors.ts';
import { headersOf } from './headers.ts';
import type { Schemas } from './schemas.ts';
import type { Content, Ref, Response } from './types.ts';

const DESCRIPTIONS: Record<number, string> = { 200: 'Done.', 201: 'Created.', 202: 'Accepted; it happens shortly.' };

/** Every answer of a route, by status. */
export function documentResponses(route: Route, schemas: Schemas): Record<string, Response | Ref> {
  const status = route.status ?? 200;
  const post = route.method === 'POST';
  const headers = headersOf(...(route.single ? ['ETag'] : []), ...(post ? ['Idempotent-Replayed'] : []));
  const { existing } = route;
  return {
    ...(existing && {
      200: { description: existing.description, headers, content: json(existing.output, existing.example, schemas) },
    }),
    [status]: { description: DESCRIPTIONS[status] ?? 'Done.', headers, content: contentOf(route, schemas) },
    ...(route.single && { 304: { description: 'It is as you have it.', headers: headersOf('ETag') } }),
    ...errorRefs(route),
  };
}

function contentOf({ operation, output, example }: Route, schemas: Schemas): Content {
  if (operation.kind === 'export') return { 'text/csv': { schema: { type: 'string' }, example: example?.csv ?? '' } };
  if (!output) throw new Error(`the answer of ${operation.id} is not documented`);
  return json(output, example?.response, schemas);
}

const json = (output: NonNullable<Route['output']>, example: object | undefined, schemas: Schemas): Content => ({
  'application/json': { schema: schemas.of(output, 'output'), ...(example && { example }) },
});
