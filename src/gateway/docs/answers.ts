import { codeOf } from '../openapi/errors.ts';
import type { Content, OpenApiDocument, OperationObject, Ref, Response } from '../openapi/types.ts';
import { jsonBlock, plainBlock } from './code.ts';
import { fieldTable } from './schema-table.ts';
import { inline, table } from './text.ts';

const isSuccess = (status: string): boolean => status.startsWith('2');
const jsonOf = (content: Content | undefined) => content?.['application/json'];
const badge = (status: string): string => `<span class="status">${status}</span>`;

/** Answers of success, what is usual (201 before 200) first. */
const successes = ({ responses }: OperationObject): [string, Response][] =>
  Object.entries(responses)
    .filter(([status]) => isSuccess(status))
    .map(([status, response]): [string, Response] => [status, response as Response])
    .reverse();

/** What is answered, to be opened: fields of the successes, then every other status. */
export function answers(document: OpenApiDocument, operation: OperationObject): string {
  const shown = successes(operation).map(([status, { description, content }]) => {
    const schema = jsonOf(content)?.schema;
    const what = `${badge(status)} ${inline(description)}`;
    return schema
      ? `<details><summary>${what}</summary>${fieldTable(document, schema, 'answered')}</details>`
      : `<p class="plain">${what}</p>`;
  });
  const others = Object.entries(operation.responses)
    .filter(([status]) => !isSuccess(status))
    .map(([status, response]) => {
      const { description, content } = resolveResponse(document, response);
      const code = codeOf(jsonOf(content)?.example);
      return [badge(status), code ? `<code>${code}</code>` : '', inline(description)];
    });
  const statuses = others.map(([status]) => status).join(' ');
  return `${shown.join('')}<details><summary>${statuses}</summary>${table(['Status', 'Code', 'Meaning'], others)}</details>`;
}

function resolveResponse(document: OpenApiDocument, response: Response | Ref): Response {
  if (!('$ref' in response)) return response;
  return document.components.responses[response.$ref.split('/').at(-1) ?? ''] ?? { description: '' };
}

/** The example of each answer of success. */
export const answerBlocks = (operation: OperationObject): string =>
  successes(operation)
    .map(([status, { content }]) => {
      const json = jsonOf(content);
      if (json?.example) return jsonBlock(`Answer ${badge(status)}`, 'answer', json.example);
      const csv = content?.['text/csv'];
      return csv ? plainBlock(`Answer ${badge(status)}`, 'answer', String(csv.example)) : '';
    })
    .join('');
