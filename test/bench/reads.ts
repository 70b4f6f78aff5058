import { listLeads } from '../../src/domain/leads.ts';
import { systemActor } from '../../src/operations/actor.ts';
import type { Services } from '../../src/operations/operation.ts';
import { type Bench, createKeys } from './environment.ts';
import { alternate, has, requestsPerSecond, transactionsPerSecond } from './load.ts';
import { note, report } from './report.ts';
import { organizationId, seedDeepOrganization, seedLeads } from './seed.ts';

const ORGANIZATIONS = 200;
const LEADS = 400_000;
const DEEP = organizationId(10_000);
const PAGES_DEEP = 2_000;
const SECONDS = 5;
const ROUNDS = 5;
const COLUMNS =
  'id,organization_id,name,company,email,source,lead_score,pipeline_stage,industry,company_size,created_at,updated_at';

/** The gateway's own transaction for a page of leads, as a pgbench script over random organizations. */
function pageScript(): string {
  const { text, values } = listLeads.statement({
    input: { limit: 50 },
    actor: systemActor(DEEP, 'api', 'bench'),
    shape: (name) => `eal.${name}`,
    contract: 'eal',
    services: {} as Services,
    local: undefined,
  });
  const statement = text
    .replaceAll(/\$(\d+)/g, (_match, index) => String(values[Number(index) - 1]))
    .replaceAll(/\s+/g, ' ');
  return `\\set n random(1, ${ORGANIZATIONS})
begin read only;
select set_config('role', 'tenant', true), set_config('request.jwt.claims', '{"organization_id":"00000000-0000-7000-8000-' || lpad(to_hex(:n::integer), 12, '0') || '","scopes":["leads.read"],"source":"api","correlation_id":"bench"}', true);
${statement};
commit;
`;
}

/** Lists: against PostgREST and pgbench, deep pages, and ten times the rows. */
export async function benchReads(bench: Bench): Promise<void> {
  const client = await bench.createDatabase('reads');
  const organizations = Array.from({ length: ORGANIZATIONS }, (_, i) => organizationId(i + 1));
  await seedLeads(client, ORGANIZATIONS, LEADS);
  const keys = await createKeys(client, organizations);
  const tokens = await Promise.all(organizations.map((organization) => bench.token(organization)));
  const gateway = await bench.startGateway('reads');
  const postgrest = await bench.startPostgrest('reads');
  const page = { method: 'GET', path: '/api/v1/leads?limit=50', tokens: keys };

  const measures: Record<string, () => Promise<number>> = {
    gateway: () => requestsPerSecond(gateway.url, page, SECONDS),
    postgrest: () =>
      requestsPerSecond(
        postgrest.url,
        { method: 'GET', path: `/leads?select=${COLUMNS}&order=created_at.desc,id.desc&limit=50`, tokens },
        SECONDS,
      ),
  };
  if (has('pgbench')) {
    measures.pgbench = () => transactionsPerSecond(bench.url('reads', 'gateway'), pageScript(), SECONDS);
  }
  const { gateway: rate = 0, postgrest: peer = 0, pgbench } = await alternate(ROUNDS, measures);
  await postgrest.stop();
  report('GET /leads?limit=50 against PostgREST, requests/s', rate / peer, '>=', 1.5);
  if (pgbench) report('GET /leads?limit=50 against pgbench, the same transaction', rate / pgbench, '>=', 0.5);
  else note('pgbench is not installed: no comparison with it');

  await seedDeepOrganization(client, DEEP, PAGES_DEEP * 50 + 100);
  const [deepKey = ''] = await createKeys(client, [DEEP]);
  const cursor = await client.query<{ cursor: string }>(
    'select app.cursor(created_at, id) as cursor from app.leads where organization_id = $1 order by created_at desc, id desc offset $2 limit 1',
    [DEEP, PAGES_DEEP * 50 - 1],
  );
  const depth = await alternate(ROUNDS, {
    first: () => requestsPerSecond(gateway.url, { ...page, tokens: [deepKey] }, SECONDS),
    deep: () =>
      requestsPerSecond(
        gateway.url,
        { ...page, path: `${page.path}&cursor=${cursor.rows[0]?.cursor}`, tokens: [deepKey] },
        SECONDS,
      ),
  });
  report(`page ${PAGES_DEEP} against the first, time per request`, depth.first / depth.deep, '<=', 1.2);

  const small = await bench.createDatabase('reads_tenth');
  await seedLeads(small, ORGANIZATIONS, LEADS / 10);
  const smallKeys = await createKeys(small, organizations);
  const smallGateway = await bench.startGateway('reads_tenth');
  const size = await alternate(ROUNDS, {
    tenth: () => requestsPerSecond(smallGateway.url, { ...page, tokens: smallKeys }, SECONDS),
    full: () => requestsPerSecond(gateway.url, page, SECONDS),
  });
  report('ten times the leads, time per request', size.tenth / size.full, '<=', 1.2);
  await Promise.all([gateway.stop(), smallGateway.stop(), client.end(), small.end()]);
}
