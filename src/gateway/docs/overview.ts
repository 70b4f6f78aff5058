import type { Contract } from '../../contracts/contract.ts';
import { escapeHtml } from '../page.ts';
import { pageOf } from './reference.ts';
import { inline } from './text.ts';

/** The page at /docs: which APIs there are, and how a request says which of them it means. */
export function overviewPage(contracts: readonly Contract[], url: string): string {
  const cards = contracts.map(
    ({ name, title, description, basePath }) =>
      `<section class="chapter"><h3><a href="/docs/${name}">${escapeHtml(title)}</a></h3><p>${inline(description)}</p>
<div class="base"><span>Base URL <code>${escapeHtml(url + basePath)}</code></span><a href="/openapi/${name}.json">OpenAPI</a></div></section>`,
  );
  return pageOf(
    'Trunkline APIs',
    `<main><header class="lead"><h1>Trunkline APIs</h1><p>One core, one set of rows, and an API for the clients of each document. Where two share a base URL, the beginning of the key says which one answers.</p></header>
${cards.join('\n')}</main>`,
  );
}
