import type { IDataObject, ILoadOptionsFunctions, INodeListSearchResult } from 'n8n-workflow';
import { ask } from './request';

// What the editor offers to pick from, page by page.

interface Page {
  data: IDataObject[];
  next_cursor: string | null;
}

const page = async (context: ILoadOptionsFunctions, path: string, query: IDataObject): Promise<Page> =>
  (await ask(context, 'GET', path, { query })) as unknown as Page;

const joined = (...parts: unknown[]): string =>
  parts.filter((part) => part !== null && part !== undefined && part !== '').join(' · ');

/** Leads, newest first; words are searched for by Trunkline. */
export async function getLeads(
  this: ILoadOptionsFunctions,
  filter?: string,
  cursor?: string,
): Promise<INodeListSearchResult> {
  const { data, next_cursor } = await page(this, '/leads', {
    limit: 50,
    ...(filter?.trim() && { q: filter }),
    ...(cursor && { cursor }),
  });
  return {
    results: data.map(({ id, name, company, email, pipeline_stage }) => ({
      name: joined(name ?? company ?? email ?? id, name || company ? email : undefined, pipeline_stage),
      value: id as string,
    })),
    paginationToken: next_cursor ?? undefined,
  };
}

/** How many pages of calls are looked through for one that matches, before the editor is asked to go on. */
const PAGES = 5;

/** Calls, newest first. */
export async function getCalls(
  this: ILoadOptionsFunctions,
  filter?: string,
  cursor?: string,
): Promise<INodeListSearchResult> {
  const words = (filter ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const results: INodeListSearchResult['results'] = [];
  let next = cursor;
  for (let seen = 0; seen < PAGES; seen++) {
    const { data, next_cursor } = await page(this, '/calls', {
      limit: words.length > 0 ? 200 : 50,
      ...(next && { cursor: next }),
    });
    for (const { id, caller_number, classification, received_at } of data) {
      const name = joined(
        caller_number ?? 'unknown number',
        classification,
        String(received_at).slice(0, 16).replace('T', ' '),
      );
      const text = `${name} ${String(caller_number).replaceAll(/\D/g, '')} ${String(id)}`.toLowerCase();
      if (words.every((word) => text.includes(word))) results.push({ name, value: id as string });
    }
    next = next_cursor ?? undefined;
    if (results.length > 0 || !next) break;
  }
  return { results, paginationToken: next };
}

/** Webhooks; there are few. */
export async function getWebhooks(this: ILoadOptionsFunctions, filter?: string): Promise<INodeListSearchResult> {
  const { data } = await page(this, '/webhooks', {});
  const wanted = (filter ?? '').trim().toLowerCase();
  return {
    results: data
      .map(({ id, url, description, enabled }) => ({
        name: joined(url, description, enabled ? undefined : 'disabled'),
        value: id as string,
      }))
      .filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted)),
  };
}
