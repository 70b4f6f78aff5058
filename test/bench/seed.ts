import type pg from 'pg';

export const organizationId = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

/** Organizations 1…`organizations` with `leads` leads spread over them. Written without triggers: they are measured elsewhere. */
export async function seedLeads(client: pg.Client, organizations: number, leads: number): Promise<void> {
  await client.query('set session_replication_role = replica');
  await client.query(
    `insert into app.organizations (id, name, slug)
     select ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'Organization ' || i, 'organization-' || i
       from generate_series(1, $1::integer) as i on conflict do nothing`,
    [organizations],
  );
  await client.query(
    `insert into app.leads (organization_id, workspace_id, id, name, email, source, pipeline_stage, lead_score, industry, created_at, updated_at)
     select o.id, o.id, uuidv7(make_interval(secs => -10 * i)),
            'Person ' || i, 'person' || i || '@example.com',
            (array['website', 'google_ads', 'referral', 'reddit'])[1 + i % 4],
            (array['new', 'contacted', 'replied', 'qualified', 'won', 'lost'])[1 + i % 6], i % 101, 'residential',
            now() - make_interval(secs => 10 * i), now() - make_interval(secs => 10 * i)
       from generate_series(1, $2::integer) as i,
            lateral (select ('00000000-0000-7000-8000-' || lpad(to_hex(1 + i % $1::integer), 12, '0'))::uuid as id) as o`,
    [organizations, leads],
  );
  await client.query('set session_replication_role = origin');
  await client.query('vacuum analyze app.leads');
}

/** `leads` more leads for one organization, 10 seconds apart. */
export async function seedDeepOrganization(client: pg.Client, organization: string, leads: number): Promise<void> {
  await client.query('set session_replication_role = replica');
  await client.query(
    "insert into app.organizations (id, name, slug) values ($1, 'Deep', 'deep') on conflict do nothing",
    [organization],
  );
  await client.query(
    `insert into app.leads (organization_id, workspace_id, id, name, email, source, created_at, updated_at)
     select $1::uuid, $1::uuid, uuidv7(make_interval(secs => -10 * i)), 'Person ' || i, 'person' || i || '@example.com', 'website',
            now() - make_interval(secs => 10 * i), now() - make_interval(secs => 10 * i)
       from generate_series(1, $2::integer) as i`,
    [organization, leads],
  );
  await client.query('set session_replication_role = origin');
  await client.query('vacuum analyze app.leads');
}

/** `entries` audit entries of one organization, as PATCH leaves them. */
export async function seedAuditLog(client: pg.Client, organization: string, entries: number): Promise<void> {
  await client.query('set session_replication_role = replica');
  await client.query(
    `insert into audit.platform_events (organization_id, id, action, source, correlation_id, payload, created_at)
     select $1::uuid, id, 'lead.updated', 'api', 'corr_' || i,
            jsonb_build_object('lead_id', id, 'key_id', id, 'diff', jsonb_build_object(
              'pipeline_stage', jsonb_build_object('from', 'qualified', 'to', 'won'),
              'lead_score', jsonb_build_object('from', i % 101, 'to', 92))),
            uuid_extract_timestamp(id)
       from (select i, uuidv7(make_interval(secs => -i * 0.2)) as id from generate_series(1, $2::integer) as i) as seeded`,
    [organization, entries],
  );
  await client.query('set session_replication_role = origin');
  await client.query('vacuum analyze audit.platform_events');
}
