import { readFileSync } from 'node:fs';
import type { Contract } from '../../contracts/contract.ts';
import { codeOf, errorsOf } from '../openapi/errors.ts';
import type { OpenApiDocument } from '../openapi/types.ts';
import { escapeHtml } from '../page.ts';
import { jsonBlock } from './code.ts';
import { inline, table } from './text.ts';

// What every guide shows, from the contract and its document: nothing of it is written twice.

/** A file beside a guide. Receivers are files that run, so what is shown is what was tried. */
export const fileBeside = (guide: string, name: string): string => readFileSync(new URL(name, guide), 'utf8').trimEnd();

export const scopeTable = ({ scopes }: Contract): string =>
  table(
    ['Scope', 'Allows'],
    Object.entries(scopes).map(([name, allows]) => [`<span class="scope">${name}</span>`, escapeHtml(allows)]),
  );

/** An error as it is answered, and what each of them means. */
export const errorBlocks = (contract: Contract, shown: number): string =>
  `${jsonBlock(`Answer <span class="status">${shown}</span>`, 'json', errorsOf(contract).find(({ status }) => status === shown)?.example)}
${table(
  ['Status', 'Code', 'Meaning'],
  errorsOf(contract).map(({ status, example, description }) => [
    `<span class="status">${status}</span>`,
    `<code>${codeOf(example)}</code>`,
    inline(description),
  ]),
)}`;

/** The body and the headers of a delivery of an event. */
export function deliveryBlocks(document: OpenApiDocument, event: string): string {
  const delivery = document.webhooks[event]?.post;
  const headers = (delivery?.parameters ?? []).flatMap((one) => ('name' in one ? [one] : []));
  return `${jsonBlock('Delivery', 'json', delivery?.requestBody?.content['application/json']?.example)}
${table(
  ['Header', 'Meaning'],
  headers.map((one) => [`<code>${one.name}</code>`, inline(one.description ?? '')]),
)}`;
}

export const eventTable = ({ webhooks }: OpenApiDocument): string =>
  table(
    ['Event', 'Sent when'],
    Object.entries(webhooks).map(([name, { post }]) => [`<code>${name}</code>`, inline(post.description)]),
  );

/** The example of an operation's answer of success. */
export function answerExample(document: OpenApiDocument, path: string): unknown {
  const answer = document.paths[path]?.get?.responses['200'];
  return answer && 'content' in answer ? answer.content?.['application/json']?.example : undefined;
}
