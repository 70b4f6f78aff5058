import type { Contract, Route } from '../../contracts/contract.ts';
import { documentInput } from './input.ts';
import { documentResponses } from './responses.ts';
import type { Schemas } from './schemas.ts';
import { requiredScope } from './scope.ts';
import type { OpenApiDocument, OperationObject } from './types.ts';

/** The paths of the document: every route of the contract, and nothing else. */
export function documentPaths(contract: Contract, schemas: Schemas): OpenApiDocument['paths'] {
  const paths: OpenApiDocument['paths'] = {};
  for (const route of contract.routes) {
    paths[route.path] = {
      ...paths[route.path],
      [route.method.toLowerCase()]: documentOperation(contract, route, schemas),
    };
  }
  return paths;
}

function documentOperation(contract: Contract, route: Route, schemas: Schemas): OperationObject {
  const { operation } = route;
  const scope = requiredScope(contract, operation);
  return {
    operationId: operation.id,
    tags: [route.tag],
    summary: operation.summary,
    description: operation.description ?? `${operation.summary}.`,
    ...(scope && { 'x-required-scope': scope }),
    // without a scope no key is needed either: the pulse
    security: scope ? [{ bearer: [scope] }] : [{}, { bearer: [] }],
    ...documentInput(contract, route, schemas),
    responses: documentResponses(route, schemas),
  };
}
