import type { TestDatabase } from '../support/database.ts';
import { claimsOf, makeOrganization } from './fixtures.ts';

/** Ten past one on a Monday afternoon in Atlanta. */
export const IN_HOURS = '2026-07-06T17:10:00Z';
export const AFTER_HOURS = '2026-07-07T02:10:00Z';

/** An organization in Marietta that goes 25 miles, works on weekdays and is connected to a CRM. */
export async function restorer(db: TestDatabase, settings: object = {}): Promise<string> {
  const organization = await makeOrganization(db, 'PuroClean of West Cobb');
  await db.admin.query(`update app.organizations set settings = '{"timezone": "America/New_York"}' where id = $1`, [
    organization,
  ]);
  await db.as('tenant', claimsOf(organization), 'select from app.update_dispatch_settings($1)', [
    JSON.stringify({ service_center_postal_code: '30060', service_radius_miles: 25, ...settings }),
  ]);
  await db.as(
    'tenant',
    claimsOf(organization),
    `select from app.save_connection('http-crm', 'default', '{"url": "https://crm.example.com/leads"}', true, '{secret}', array['secret'::bytea], '{secret}', null, null)`,
  );
  return organization;
}

const QUALIFIED = {
  source: 'callrail',
  caller_number: '+14045550173',
  caller_name: 'Sarah Mitchell',
  caller_postal_code: '30060',
  tracking_number: '+17705550199',
  answered: true,
  duration_seconds: 142,
  transcript: 'Caller: Hi, I have water coming through my basement ceiling …',
  received_at: IN_HOURS,
  created_at: IN_HOURS,
  status: 'classified',
  intent: 'water',
  confidence: 0.96,
  urgency: 'high',
  qualified: true,
  classified_by: 'rules',
  classified_at: IN_HOURS,
};

/** A call that was classified, as an administrator in psql adds it; returns its id. */
export async function addCall(db: TestDatabase, organization: string, columns: object = {}): Promise<string> {
  const call = { organization_id: organization, ...QUALIFIED, ...columns };
  const names = Object.keys(call);
  const { rows } = await db.admin.query(
    `insert into app.calls (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')}) returning id`,
    Object.values(call),
  );
  return rows[0].id;
}

/** What was done about a call: its lead, its messages and its jobs in the CRM. */
export async function done(db: TestDatabase, call: string) {
  const { rows } = await db.admin.query(
    `select c.dispatch_action as action, c.dispatch_reason as reason, c.dispatched_by as by, c.status, c.lead_id as lead,
            (select count(*)::integer from app.messages as m where m.call_id = c.id) as messages,
            (select count(*)::integer from app.crm_jobs as j where j.call_id = c.id) as jobs
       from app.calls as c where c.id = $1`,
    [call],
  );
  return rows[0];
}
