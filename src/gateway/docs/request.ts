import type { OpenApiDocument, OperationObject, Parameter } from '../openapi/types.ts';
import { escapeHtml } from '../page.ts';
import type { CurlRequest } from './code.ts';
import type { OperationPlace } from './operation.ts';
import { typeText } from './schema-table.ts';
import { inline, table } from './text.ts';

/** Parameters of an operation, those of the components looked up. */
export const parametersOf = (document: OpenApiDocument, { parameters }: OperationObject): Parameter[] =>
  parameters.map((one) => {
    if (!('$ref' in one)) return one;
    const found = document.components.parameters[one.$ref.split('/').at(-1) ?? ''];
    if (!found) throw new Error(`no such parameter: ${one.$ref}`);
    return found;
  });

export function parameterTable(document: OpenApiDocument, parameters: Parameter[], place: Parameter['in']): string {
  const rows = parameters
    .filter((one) => one.in === place)
    .map(({ name, required, schema, description = '' }) => [
      `<code>${name}</code>${required && place !== 'path' ? ' <span class="sent">required</span>' : ''}`,
      typeText(document, schema),
      inline(description),
    ]);
  return rows.length > 0 ? table(['Name', 'Type', 'Description'], rows) : '';
}

/** The headers are the same everywhere: here their names, and the guide explains them once. */
export const headerChips = (parameters: Parameter[]): string =>
  `<p class="chips">${parameters
    .filter((one) => one.in === 'header')
    .map(({ name, description = '' }) => `<code title="${escapeHtml(description)}">${name}</code>`)
    .join(' ')}</p>`;

/** The request that the examples of the parameters and the body make. */
export function exampleRequest(place: OperationPlace, parameters: Parameter[], body?: unknown): CurlRequest {
  const { document, method, path, key } = place;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_match, name) =>
    encodeURIComponent(String(parameters.find((one) => one.in === 'path' && one.name === name)?.example)),
  );
  const query = new URLSearchParams();
  for (const one of parameters) {
    if (one.in === 'query' && one.example !== undefined) query.append(one.name, String(one.example));
  }
  return {
    method: method.toUpperCase(),
    url: `${document.servers[0]?.url}${filled}${query.size > 0 ? `?${query}` : ''}`,
    headers: [`Authorization: Bearer ${key}`],
    body,
  };
}
