import type { Contract, Route } from '../../contracts/contract.ts';
import type { Schemas } from './schemas.ts';
import type { JsonSchema, Parameter, Ref, RequestBody } from './types.ts';

/** What a route takes, split as inputOf in ../input.ts joins it: path, then query (GET) or body (everything else). */
export function documentInput(
  contract: Contract,
  route: Route,
  schemas: Schemas,
): { parameters: (Parameter | Ref)[]; requestBody?: RequestBody } {
  const { properties = {}, required = [], ...rest } = schemas.of(route.operation.input, 'input');
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  const isGet = route.method === 'GET';
  const isQuery = (name: string): boolean => isGet || (route.inQuery ?? []).includes(name);
  const outside = Object.entries(properties).filter(([name]) => !inPath.includes(name));
  const inBody = outside.filter(([name]) => !isQuery(name));
  const parameters: (Parameter | Ref)[] = inPath.map((name) => ({
    ...parameter('path', name, properties[name]),
    required: true,
    example: pathExample(contract, route, name),
  }));
  for (const [name, schema] of outside.filter(([name]) => isQuery(name))) {
    const example = route.example?.query?.[name];
    parameters.push({
      ...parameter('query', name, schema),
      ...(required.includes(name) && schema.default === undefined && { required: true }),
      ...(example !== undefined && { example: schema.type === 'integer' ? Number(example) : example }),
    });
  }
  parameters.push(header('RequestId'));
  if (route.single) parameters.push(header('IfNoneMatch'));
  if (route.method === 'POST') parameters.push(header('IdempotencyKey'));
  if (inBody.length === 0) return { parameters };

  const needed = required.filter((name) => !inPath.includes(name) && !isQuery(name));
  const body: JsonSchema = {
    ...rest,
    properties: Object.fromEntries(inBody),
    ...(needed.length > 0 && { required: needed }),
    // an update that changes nothing is refused
    ...(route.method === 'PATCH' && { minProperties: 1 }),
  };
  return {
    parameters,
    requestBody: {
      required: needed.length > 0 || route.method === 'PATCH' || body.anyOf !== undefined,
      content: {
        'application/json': {
          schema: schemas.named(bodyName(route.operation.id), body),
          example: route.example?.request ?? {},
        },
      },
    },
  };
}

function parameter(place: 'path' | 'query', name: string, schema: JsonSchema = { type: 'string' }): Parameter {
  const { description, ...rest } = schema;
  return { name, in: place, ...(description && { description }), schema: rest };
}

const header = (name: string): Ref => ({ $ref: `#/components/parameters/${name}` });

/** leads.create → LeadsCreateRequest */
const bodyName = (operationId: string): string =>
  `${operationId.replaceAll(/(?:^|[._])(\w)/g, (_match, letter: string) => letter.toUpperCase())}Request`;

/** The id in an answer: under its own name, of the resource itself, or of the one that the answer wraps ({"lead": {"id": …}}). */
function idIn(response: object | undefined, name: string): unknown {
  const fields = (response ?? {}) as Record<string, unknown>;
  const [only, ...others] = Object.values(fields);
  const wrapped = others.length === 0 && typeof only === 'object' ? (only as { id?: unknown } | null)?.id : undefined;
  return fields[name] ?? fields.id ?? wrapped;
}

/** An id as the answer of the route that ends with it shows one: that of /leads/{id} for /leads/{id}/score. */
function pathExample(contract: Contract, route: Route, name: string): unknown {
  const end = route.path.indexOf(`{${name}}`) + name.length + 2;
  for (const { path, example } of contract.routes) {
    if (path !== route.path.slice(0, end)) continue;
    const found = idIn(example?.response, name);
    if (found !== undefined) return found;
  }
  throw new Error(`no example of {${name}} in ${route.path}: no answer shows one`);
}
