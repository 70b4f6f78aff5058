import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { event as eventShape } from '../../src/contracts/ai93/outputs.ts';
import type { TestDatabase } from '../support/database.ts';
import { claimsOf, relay } from './fixtures.ts';

export const EVENTS = ['lead.created', 'lead.status_changed', 'lead.replied', 'lead.converted', 'lead.handed_off'];

/** Subscribes an organization, to every event of AI93 unless told otherwise; returns the endpoint's id. */
export async function subscribe(
  db: TestDatabase,
  organization: string,
  { contract = 'ai93', events = EVENTS, reach = 'organization' } = {},
): Promise<string> {
  const [row] = await db.as(
    'tenant',
    claimsOf(organization),
    `select (endpoint).id from app.register_webhook($1, $2, $3, null, null, $4, 'x', 'whsec_test', $5)`,
    [contract, `https://example.com/${randomUUID()}`, events, randomUUID(), reach],
  );
  return row?.id;
}

export interface Announced {
  /** name of the endpoint */
  endpoint: string;
  type: string;
  public_id: string;
  body: ReturnType<typeof eventShape.parse>;
}

/** What the changes since the last relay are announced as, and to which of the endpoints. */
export async function announced(db: TestDatabase, endpoints: Record<string, string>): Promise<Announced[]> {
  const due = await relay(db);
  expect(await relay(db), 'a second look finds nothing more').toEqual([]);
  const { rows } = await db.admin.query<Announced & { endpoint_id: string }>(
    `select d.endpoint_id, v.type, v.public_id, app.event_body(e.contract, v)::json as body
       from app.deliveries as d
       join app.events as v on v.organization_id = d.organization_id and v.id = d.event_id
       join app.webhook_endpoints as e on e.organization_id = d.organization_id and e.id = d.endpoint_id
      where d.id = any ($1)`,
    [due.map((one) => one.delivery_id).filter((id) => id !== null)],
  );
  const nameOf = (id: string) => Object.entries(endpoints).find(([, known]) => known === id)?.[0] as string;
  return rows.map((row) => ({ ...row, endpoint: nameOf(row.endpoint_id) }));
}
