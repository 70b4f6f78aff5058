import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { createOrganization, type Reply, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { leadsOf, type Operator, type StoredLead, startOperator } from './fixtures.ts';

// A form of an organization of its own for every test of the file that imports this, and how a visitor sends it.

export let db: TestDatabase;
export let gateway: TestGateway;
let operator: Operator;
export let organization: string;
/** path of the form's hook */
export let hook: string;

beforeAll(async () => {
  db = await createDatabase();
  gateway = await startTestGateway(db);
  operator = await startOperator(db);
});
beforeEach(async () => {
  organization = await createOrganization(db);
  await connect();
});
afterAll(async () => {
  await operator.stop();
  await gateway.stop();
  await db.drop();
});

/** Another form of the organization, to which what is sent goes from then on. Its limits are out of the way unless they are given. */
export async function connect(
  settings: object = {},
  name = `form-${crypto.randomUUID().slice(0, 8)}`,
): Promise<string> {
  hook = await operator.connect(organization, 'public-tool', {
    name,
    settings: { tool: 'estimate', per_address_limit: 1000, per_form_limit: 1000, ...settings },
  });
  return hook;
}

/** Another organization, to which forms and leads belong from then on. */
export async function moveTo(name: string): Promise<void> {
  organization = await createOrganization(db, name);
}

export const BROWSER = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
export const SARAH = { name: 'Sarah Mitchell', email: 'sarah.mitchell@example.com' };

export const sendJson = (body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  gateway.request('POST', hook, { body: typeof body === 'string' ? body : JSON.stringify(body), headers });
export const sendForm = (fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> =>
  gateway.request('POST', hook, { body: new URLSearchParams(fields).toString(), headers: { ...FORM, ...headers } });
/** leads of the organization, oldest first */
export const leads = (): Promise<StoredLead[]> => leadsOf(db, organization);
