import { expect } from 'vitest';
import { examples } from '../../src/contracts/ai93/examples.ts';
import { ai93 } from '../../src/contracts/ai93/index.ts';
import { createKey, createOrganization } from '../support/gateway.ts';
import type { Stage, World } from './example-world.ts';

/** A business of a workspace, with a lead that replied and was handed off, and a run. */
export async function ai93World({ db, gateway }: Stage): Promise<World> {
  const workspace = await createOrganization(db, 'Krew');
  const business = await createOrganization(db, 'Krew Basements', workspace);
  const { key } = await createKey(db, business, { contract: 'ai93', scopes: Object.keys(ai93.scopes) });

  const post = async (path: string, body: object) => {
    const reply = await gateway.request('POST', `/api/v1${path}`, { key, body });
    expect(reply.status, reply.text).toBeLessThan(300);
    return reply.body;
  };
  const { lead } = await post('/leads', {
    source: 'reddit',
    handle: 'u/some_redditor',
    tags: ['basement'],
    notes: 'Water damage after every storm',
  });
  await post(`/leads/${lead.id}/replies`, { message: 'Yes' });
  await post(`/leads/${lead.id}/handoff`, { destination: 'elsewhere' });
  await db.admin.query(
    "insert into app.scraper_runs (organization_id, source, status, leads_found) values ($1, 'reddit', 'succeeded', 42)",
    [business],
  );
  const shown = examples.lead.response.lead;
  return {
    organizationId: business,
    keyFor: () => key,
    idsFor: () => ({ id: lead.id }),
    bodyFor: (body) => body,
    instead: { [shown.id]: lead.id, [shown.businessId]: lead.businessId },
  };
}
