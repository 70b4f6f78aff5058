import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { addLead, claimsOf, type DueDelivery, makeOrganization, registerWebhook, relay } from './fixtures.ts';

// An organization whose webhooks nobody else's deliveries come between, for every test of the file that imports this.

export let db: TestDatabase;
export let organization: string;
beforeAll(async () => {
  db = await createDatabase();
});
beforeEach(async () => {
  organization = await makeOrganization(db);
  // what an earlier test left waiting is not this test's
  await db.admin.query('delete from app.outbox; update app.deliveries set enqueue = false where enqueue');
});
afterAll(() => db.drop());

export const ADDRESS = 'https://receiver.example.com/hook';
export const as = (who: string, text: string, values: unknown[] = []) => db.as('tenant', claimsOf(who), text, values);
export const register = (events?: string[], schedule?: string[], url = ADDRESS) =>
  registerWebhook(db, organization, url, events, schedule);
export const remove = (id: string) => as(organization, 'select app.delete_webhook($1)', [id]);
export const change = (id: string, changes: object) =>
  as(organization, 'select * from app.update_webhook($1, $2)', [id, JSON.stringify(changes)]);

export interface Prepared {
  delivery_id: string;
  url: string;
  event_public_id: string;
  event_type: string;
  body: string;
  secret_ids: string[];
  attempt: number;
}
const jobOf = ({ organization_id, delivery_id, attempt }: DueDelivery) => ({
  organization_id,
  delivery_id,
  attempt,
});
export const prepare = (due: DueDelivery[]): Promise<Prepared[]> =>
  db.as('worker', null, 'select * from app.prepare_deliveries($1)', [JSON.stringify(due.map(jobOf))]) as Promise<
    Prepared[]
  >;

interface Result {
  ok?: boolean;
  status?: number | null;
  attempted_at?: string;
  retry_after_seconds?: number;
  event_type?: string;
}
export const record = (
  due: Pick<DueDelivery, 'organization_id' | 'delivery_id' | 'endpoint_id' | 'attempt'>[],
  result: Result,
  schedule = ['1m', '5m', '30m', '2h'],
) =>
  db.as(
    'worker',
    null,
    "select *, to_json(start_after) #>> '{}' as at from app.record_attempts($1, $2::interval[], '5 days')",
    [
      JSON.stringify(
        due.map(({ organization_id, delivery_id, endpoint_id, attempt }) => ({
          ...{ organization_id, delivery_id, endpoint_id, attempt },
          ...{
            event_type: 'lead.created',
            ok: false,
            status: 500,
            latency_ms: 12,
            attempted_at: new Date().toISOString(),
          },
          ...result,
        })),
      ),
      schedule,
    ],
  );
export const deliveryOf = async (id: string) =>
  (await db.admin.query('select * from app.deliveries where id = $1', [id])).rows[0];
export const endpointOf = async (id: string) =>
  (await db.admin.query('select * from app.webhook_endpoints where id = $1', [id])).rows[0];
export const states = async (endpoint: string): Promise<string[]> =>
  (await db.admin.query('select state from app.deliveries where endpoint_id = $1 order by id', [endpoint])).rows.map(
    (row) => row.state,
  );
const START = Date.now() - 3_600_000;
/** Minutes after some recent moment. */
export const at = (minutes: number) => new Date(START + minutes * 60_000).toISOString();

/** An endpoint with one delivery that is due. */
export async function oneDue(schedule?: string[]): Promise<{ id: string; due: DueDelivery }> {
  const { id } = await register(['lead.created'], schedule);
  await addLead(db, organization);
  const [due] = await relay(db);
  if (!due) throw new Error('Nothing is due.');
  return { id, due };
}

/** Another organization, to which endpoints and leads belong from then on. */
export async function moveOn(): Promise<void> {
  organization = await makeOrganization(db);
}
