import type { OpenApiDocument, OperationObject } from '../openapi/types.ts';
import { escapeHtml } from '../page.ts';
import { answerBlocks, answers } from './answers.ts';
import { curl, plainBlock } from './code.ts';
import { exampleRequest, headerChips, parametersOf, parameterTable } from './request.ts';
import { fieldTable } from './schema-table.ts';
import { markdown } from './text.ts';

export interface OperationPlace {
  document: OpenApiDocument;
  method: string;
  path: string;
  operation: OperationObject;
  /** a key as it looks, for the curl line */
  key: string;
}

/** One operation of the reference: what it takes and answers, and beside it the same as an example. */
export function operationSection(place: OperationPlace): string {
  const { document, method, path, operation } = place;
  const parameters = parametersOf(document, operation);
  const scope = operation['x-required-scope'];
  const body = operation.requestBody?.content['application/json'];
  return `<section class="operation" id="${operation.operationId}">
<div class="text">
<h3><a href="#${operation.operationId}">${escapeHtml(operation.summary)}</a></h3>
<p class="line"><span class="method ${method}">${method.toUpperCase()}</span> <code class="path">${pathHtml(basePath(document) + path)}</code></p>
<p class="needs">${scope ? `Scope <span class="scope">${scope}</span>` : 'Any key, or none'}</p>
${markdown(operation.description)}
${section('Path', parameterTable(document, parameters, 'path'))}
${section('Query', parameterTable(document, parameters, 'query'))}
${body ? section('Body', fieldTable(document, body.schema, 'sent')) : ''}
${section('Headers', headerChips(parameters))}
${section('Answers', answers(document, operation))}
</div>
<div class="example">
${plainBlock('Request', 'curl', curl(exampleRequest(place, parameters, body?.example)))}
${answerBlocks(operation)}
</div>
</section>`;
}

const basePath = (document: OpenApiDocument): string => new URL(document.servers[0]?.url ?? '').pathname;
const section = (title: string, html: string): string => (html ? `<h4>${title}</h4>${html}` : '');
const pathHtml = (path: string): string => escapeHtml(path).replaceAll(/\{\w+\}/g, '<var>$&</var>');
