import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { documentOf } from './documents.ts';

// Where a document lists the words that a value may be, a constraint lists them too: the same knowledge in two languages.

let db: TestDatabase;
beforeAll(async () => {
  db = await createDatabase();
});
afterAll(() => db.drop());

/** Where words stand in a document, the constraint that has them, and what may be asked for besides. */
const WORDS: [contract: string, where: RegExp, constraint: string, besides?: string[]][] = [
  ['eal', /^[Ll]ead.*\.pipeline_stage$/, 'leads_pipeline_stage'],
  ['eal', /^Lead.*\.crm_sync\.status$/, 'crm_records_state'],
  ['eal', /^calls\.list\.status$/, 'calls_status'],
  ['eal', /^calls\.list\.classification$/, 'calls_intent', ['sales', 'junk']],
  ['eal', /^Call.*(\.classification|\.intent)$/, 'calls_intent'],
  ['eal', /^Call.*\.urgency$/, 'calls_urgency'],
  ['eal', /^[Cc]all.*(\.dispatch_decision|\.action)$/, 'calls_dispatch_action'],
  ['eal', /^Call.*\.direction$/, 'calls_direction'],
  ['eal', /ispatch.*\.qualified_intents$/i, 'dispatch_settings_intents'],
  ['eal', /Grant.*\.scopes$/, 'grants_scopes'],
  ['eal', /^(webhooks\.deliveries|Delivery).*\.status$/, 'delivery_attempts_status'],
  ['eal', /^(audit_log|AuditEntry).*\.source$/, 'platform_events_source'],
  ['eal', /^ApiKey.*\.environment$/, 'api_keys_environment'],
  ['ai93', /^(scrapers\.runs|ScraperRun).*\.status$/, 'scraper_runs_status'],
];

/** Every list of words in a document, by where it stands: calls.list.status, Call.classification.intent. */
function listsOf(contract: string): [string, string[]][] {
  const lists: [string, string[]][] = [];
  const collect = (schema: object, where: string): void => {
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'enum') lists.push([where, value]);
      else if (key === 'properties')
        for (const [name, inner] of Object.entries(value)) collect(inner as object, `${where}.${name}`);
      else if (typeof value === 'object' && value !== null && !key.startsWith('example')) collect(value, where);
    }
  };
  const { document, named, parametersOf } = documentOf(contract);
  for (const [name, schema] of Object.entries(document.components.schemas)) collect(schema, name);
  for (const [id, { operation }] of named) {
    for (const one of parametersOf(operation)) if ('name' in one) collect(one.schema, `${id}.${one.name}`);
  }
  return lists;
}

test.each(WORDS)('%s: %s are the words of %s', async (contract, where, constraint, besides = []) => {
  const { rows } = await db.admin.query(
    `select array(select w[1] from regexp_matches(pg_get_constraintdef(oid), '''([a-z0-9_.,{}]+)''::text', 'g') as w) as words
       from pg_constraint where conname = $1 and coninhcount = 0`,
    [constraint],
  );
  // one by one, or an array: {water,fire}
  const words: string[] = rows.flatMap((row) =>
    row.words.flatMap((text: string) => text.replaceAll(/[{}]/g, '').split(',')),
  );
  const known = [...words, ...besides].sort();
  const lists = listsOf(contract).filter(([name]) => where.test(name));
  expect(lists).not.toEqual([]);
  for (const [name, listed] of lists) expect([name, listed.toSorted()]).toEqual([name, known]);
});
