import type { Contract } from '../../contracts/contract.ts';
import type { ContractName } from '../../security/api-key.ts';
import type { OpenApiDocument, OperationObject } from '../openapi/types.ts';
import { escapeHtml } from '../page.ts';
import { type Chapter, chapterSection } from './guide.ts';
import { operationSection } from './operation.ts';
import { STYLE } from './style.ts';
import { inline, slug } from './text.ts';

/** Keys as they look, too short to be taken for one. */
const KEYS: Record<ContractName, string> = {
  eal: 'eal_live_a1b2c3d4...',
  ai93: 'ai93_live_a1b2c3d4...',
  leadscraper: 'ls_a1b2c3d4...',
};

interface Entry {
  method: string;
  path: string;
  operation: OperationObject;
}

/** The reference of a contract as one page, from its OpenAPI document alone but for the guide. */
export function referencePage(contract: Contract, document: OpenApiDocument): string {
  const url = document.servers[0]?.url ?? '';
  const key = KEYS[contract.name];
  const chapters = contract.guide({ contract, document, url, key });
  const entries = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Entry => ({ method, path, operation })),
  );
  const groups = document.tags
    .map((tag) => ({ ...tag, entries: entries.filter(({ operation }) => operation.tags.includes(tag.name)) }))
    // events that no operation manages are in the guide alone
    .filter((group) => group.entries.length > 0);
  const nav = navigation(chapters, groups);
  const body = groups
    .map(
      (
        group,
      ) => `<section class="group" id="${slug(`tag ${group.name}`)}"><h2>${escapeHtml(group.name)}</h2><p>${inline(group.description)}</p>
${group.entries.map((entry) => operationSection({ document, key, ...entry })).join('\n')}</section>`,
    )
    .join('\n');
  return pageOf(
    document.info.title,
    `<details class="menu"><summary>Contents</summary><nav aria-label="Contents">${nav}</nav></details>
<div class="layout"><nav class="side" aria-label="Contents"><a class="brand" href="#top">Trunkline</a>${nav}</nav>
<main id="top"><header class="lead"><h1>${escapeHtml(document.info.title)}</h1><p>${inline(document.info.description)}</p>
<div class="base"><span>Base URL <code>${escapeHtml(url)}</code></span><a href="/openapi/${contract.name}.json">OpenAPI ${document.openapi}</a><a href="/docs">All APIs</a></div></header>
${chapters.length > 0 ? `<section class="group" id="getting-started"><h2>Getting started</h2>${chapters.map(chapterSection).join('\n')}</section>` : ''}
${body}</main></div>`,
  );
}

function navigation(chapters: Chapter[], groups: { name: string; entries: Entry[] }[]): string {
  const start = chapters.map(({ title }) => `<li><a href="#${slug(title)}">${title}</a></li>`).join('');
  const rest = groups.map(({ name, entries }) => {
    const items = entries.map(
      ({ method, operation }) =>
        `<li><a href="#${operation.operationId}"><span class="method ${method}">${method === 'delete' ? 'DEL' : method.toUpperCase()}</span>${escapeHtml(operation.summary)}</a></li>`,
    );
    return `<h2>${escapeHtml(name)}</h2><ul>${items.join('')}</ul>`;
  });
  return `${start && `<h2>Getting started</h2><ul>${start}</ul>`}${rest.join('')}`;
}

export const pageOf = (title: string, body: string): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>\n`;
