import { type Bench, createKeys } from './environment.ts';
import { alternate, requestsPerSecond } from './load.ts';
import { report } from './report.ts';
import { organizationId, seedLeads } from './seed.ts';

const COLUMNS =
  'id,organization_id,name,company,email,source,lead_score,pipeline_stage,industry,company_size,created_at,updated_at';
const LEAD = JSON.stringify({
  name: 'Sarah Mitchell',
  email: 'sarah.mitchell@example.com',
  source: 'website',
  industry: 'residential',
  pipeline_stage: 'new',
});

/** POST /leads against PostgREST inserting the same row through the same triggers (audit, outbox). */
export async function benchWrites(bench: Bench): Promise<void> {
  const client = await bench.createDatabase('writes');
  const organizations = Array.from({ length: 200 }, (_, i) => organizationId(i + 1));
  await seedLeads(client, 200, 400_000);
  const keys = await createKeys(client, organizations);
  const tokens = await Promise.all(organizations.map((organization) => bench.token(organization)));
  const gateway = await bench.startGateway('writes');
  const postgrest = await bench.startPostgrest('writes');
  const rates = await alternate(5, {
    gateway: () =>
      requestsPerSecond(gateway.url, { method: 'POST', path: '/api/v1/leads', tokens: keys, body: LEAD }, 5),
    postgrest: () =>
      requestsPerSecond(
        postgrest.url,
        {
          method: 'POST',
          path: `/leads?select=${COLUMNS}`,
          tokens,
          body: LEAD,
          headers: { Prefer: 'return=representation' },
        },
        5,
      ),
  });
  report('POST /leads against PostgREST, requests/s', rates.gateway / rates.postgrest, '>=', 0.8);
  await Promise.all([gateway.stop(), postgrest.stop(), client.end()]);
}
