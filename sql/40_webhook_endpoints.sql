-- Webhook endpoints: where an organization wants its events sent, and the secrets they are signed with.

-- Event types are data: which change of which resource is announced under which name in which contract.
create table if not exists app.event_types (
  contract    text  not null,
  type        text  not null,
  action      text,
  sample      jsonb not null,
  description text  not null,
  changed     text[],
  condition   jsonpath,
  constraint event_types_pkey primary key (contract, type)
);

comment on table  app.event_types             is 'Event names of each contract. The same for all, so it belongs to no organization.';
comment on column app.event_types.contract    is 'eal | ai93 | leadscraper.';
comment on column app.event_types.type        is 'Event name, as subscribed to.';
comment on column app.event_types.action      is 'Audit action that fires it; null: every action.';
comment on column app.event_types.sample      is 'Data of a test event, when the organization has no such row yet.';
comment on column app.event_types.description is 'When it fires.';
comment on column app.event_types.changed     is 'Fires only when one of these columns changed; null: whatever changed.';
comment on column app.event_types.condition   is 'Fires only when this holds of the row as the change left it; null: always.';

create table if not exists app.webhook_endpoints (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  contract        text           not null,
  url             text           not null,
  events          text[]         not null,
  description     text,
  enabled         boolean        not null default true,
  disabled_at     timestamptz(3),
  disabled_reason text,
  retry_schedule  interval[],
  deleted_at      timestamptz(3),
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  reach           text           not null default 'organization',
  constraint webhook_endpoints_pkey primary key (organization_id, id),
  -- registering is idempotent by URL; a deleted endpoint keeps its row, and is resumed when its URL registers again
  constraint webhook_endpoints_url_key unique (organization_id, contract, url),
  constraint webhook_endpoints_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint webhook_endpoints_url         check (url ~ '^https?://' and length(url) <= 2048),
  constraint webhook_endpoints_events      check (cardinality(events) > 0 and array_position(events, null) is null),
  constraint webhook_endpoints_description check (length(description) <= 500),
  constraint webhook_endpoints_schedule    check (cardinality(retry_schedule) <= 24 and array_position(retry_schedule, null) is null),
  constraint webhook_endpoints_reach       check (reach = 'organization' or reach = 'workspace' and contract = 'ai93')
);

comment on table  app.webhook_endpoints                 is 'Where an organization wants its events sent.';
comment on column app.webhook_endpoints.organization_id is 'Organization whose events are sent.';
comment on column app.webhook_endpoints.id              is 'Endpoint id.';
comment on column app.webhook_endpoints.contract        is 'Contract in whose shape and signature the events are sent.';
comment on column app.webhook_endpoints.url             is 'Address of the receiver.';
comment on column app.webhook_endpoints.events          is 'Event types subscribed to.';
comment on column app.webhook_endpoints.description     is 'What it is for.';
comment on column app.webhook_endpoints.enabled         is 'Whether events are sent; while it is not, they are kept.';
comment on column app.webhook_endpoints.disabled_at     is 'When the platform disabled it.';
comment on column app.webhook_endpoints.disabled_reason is 'Why the platform disabled it.';
comment on column app.webhook_endpoints.retry_schedule  is 'Times of the retries, counted from the first attempt; null: the platform''s schedule.';
comment on column app.webhook_endpoints.deleted_at      is 'When it was deleted; its events are kept for 24 hours more.';
comment on column app.webhook_endpoints.created_at      is 'When it was registered.';
comment on column app.webhook_endpoints.updated_at      is 'When it last changed.';
comment on column app.webhook_endpoints.reach           is 'organization: its own events · workspace: those of its children too.';
comment on constraint webhook_endpoints_url         on app.webhook_endpoints is 'url: must be an HTTPS address of at most 2048 characters';
comment on constraint webhook_endpoints_url_key     on app.webhook_endpoints is 'url: another endpoint of this organization has this address';
comment on constraint webhook_endpoints_events      on app.webhook_endpoints is 'events: at least one event type';
comment on constraint webhook_endpoints_description on app.webhook_endpoints is 'description: at most 500 characters';
comment on constraint webhook_endpoints_reach       on app.webhook_endpoints is 'reach: organization, or for an endpoint of ai93 also workspace';
comment on constraint webhook_endpoints_schedule    on app.webhook_endpoints is 'retry_schedule: at most 24 retries';

-- What deliveries leave behind. Apart from the endpoint, because every batch of deliveries writes it and nobody audits it.
create table if not exists app.webhook_health (
  organization_id      uuid           not null,
  endpoint_id          uuid           not null,
  last_delivery_at     timestamptz(3),
  last_delivery_status integer,
  failing_since        timestamptz(3),
  constraint webhook_health_pkey primary key (organization_id, endpoint_id),
  constraint webhook_health_endpoint_fkey foreign key (organization_id, endpoint_id)
    references app.webhook_endpoints (organization_id, id) on delete cascade
) with (fillfactor = 50);

comment on table  app.webhook_health                      is 'How an endpoint has been doing.';
comment on column app.webhook_health.organization_id      is 'Organization.';
comment on column app.webhook_health.endpoint_id          is 'Endpoint.';
comment on column app.webhook_health.last_delivery_at     is 'When it was last tried.';
comment on column app.webhook_health.last_delivery_status is 'HTTP status of the last attempt; null when there was no answer.';
comment on column app.webhook_health.failing_since        is 'First failure since the last success; null while it works.';

-- Signing secrets, encrypted with a key that the database never sees (AES-256-GCM; the secret's id is authenticated too, so a
-- ciphertext copied to another row does not decrypt).
create table if not exists app.webhook_secrets (
  organization_id uuid           not null,
  id              uuid           not null,
  endpoint_id     uuid           not null,
  ciphertext      bytea          not null,
  prefix          text           not null,
  expires_at      timestamptz(3),
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint webhook_secrets_pkey primary key (organization_id, id),
  constraint webhook_secrets_endpoint_fkey foreign key (organization_id, endpoint_id)
    references app.webhook_endpoints (organization_id, id) on delete cascade
);

-- the newest secret of an endpoint, and the one before it
create index if not exists webhook_secrets_endpoint on app.webhook_secrets (organization_id, endpoint_id, created_at desc, id desc);

comment on table  app.webhook_secrets                 is 'Signing secrets, encrypted. The newest signs; one that was rotated out signs too until it expires.';
comment on column app.webhook_secrets.organization_id is 'Organization.';
comment on column app.webhook_secrets.id              is 'Secret id.';
comment on column app.webhook_secrets.endpoint_id     is 'Endpoint whose deliveries it signs.';
comment on column app.webhook_secrets.ciphertext      is 'The secret, encrypted.';
comment on column app.webhook_secrets.prefix          is 'Its first characters, to recognise it by.';
comment on column app.webhook_secrets.expires_at      is 'When it stops signing; null for the newest.';
comment on column app.webhook_secrets.created_at      is 'When it was made.';
comment on column app.webhook_secrets.updated_at      is 'When it last changed.';

-- Refuses event names that the endpoint's contract does not have.
create or replace function app.check_events() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  unknown text;
begin
  select e into unknown from unnest(new.events) as e
   where not exists (select from app.event_types t where t.contract = new.contract and t.type = e) limit 1;
  if unknown is not null then
    perform app.fail(400, 'invalid_request', format('Unknown event: %s.', unknown), jsonb_build_object(
      'field', 'events',
      'reason', 'valid event names are ' || (select string_agg(t.type, ', ' order by t.type) from app.event_types t where t.contract = new.contract)));
  end if;
  -- as they were given: the document answers a registration with the list it came with
  new.events := array(select e from unnest(new.events) with ordinality as given (e, position) group by e order by min(position));
  return new;
end
$$;

comment on function app.check_events is 'Trigger: refuses event names that the endpoint''s contract does not have; keeps each once, in the order given.';

create or replace trigger _100_touch before update on app.webhook_endpoints for each row execute function private.touch();
create or replace trigger _200_check_reach before insert or update of reach, organization_id on app.webhook_endpoints
  for each row execute function app.check_reach();
create or replace trigger _200_check_events before insert or update of events, contract on app.webhook_endpoints
  for each row execute function app.check_events();
create or replace trigger _500_record after insert or update or delete on app.webhook_endpoints
  for each row execute function audit.record('webhook');
create or replace trigger _100_touch before update on app.webhook_secrets for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.webhook_secrets
  for each row execute function audit.record('webhook_secret', 'ciphertext');

alter table app.event_types enable row level security;
alter table app.event_types force row level security;
alter table app.webhook_endpoints enable row level security;
alter table app.webhook_endpoints force row level security;
alter table app.webhook_health enable row level security;
alter table app.webhook_health force row level security;
alter table app.webhook_secrets enable row level security;
alter table app.webhook_secrets force row level security;

drop policy if exists "the core defines event types" on app.event_types;
create policy "the core defines event types" on app.event_types to trunkline_owner using (true) with check (true);
drop policy if exists "everybody may know which event types exist" on app.event_types;
create policy "everybody may know which event types exist" on app.event_types for select using (true);

drop policy if exists "the core's own functions reach every endpoint" on app.webhook_endpoints;
create policy "the core's own functions reach every endpoint" on app.webhook_endpoints to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's endpoints" on app.webhook_endpoints;
create policy "a key sees its organization's endpoints" on app.webhook_endpoints for select to tenant
  using (organization_id = (select private.own('webhooks')));
drop policy if exists "a database login sees its organization's endpoints" on app.webhook_endpoints;
create policy "a database login sees its organization's endpoints" on app.webhook_endpoints for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every endpoint" on app.webhook_endpoints;
create policy "a login for all sees every endpoint" on app.webhook_endpoints for select to analyst_all using (true);

drop policy if exists "the core's own functions keep every endpoint's health" on app.webhook_health;
create policy "the core's own functions keep every endpoint's health" on app.webhook_health to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its endpoints' health" on app.webhook_health;
create policy "a key sees its endpoints' health" on app.webhook_health for select to tenant
  using (organization_id = (select private.own('webhooks')));
drop policy if exists "a database login sees its endpoints' health" on app.webhook_health;
create policy "a database login sees its endpoints' health" on app.webhook_health for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every endpoint's health" on app.webhook_health;
create policy "a login for all sees every endpoint's health" on app.webhook_health for select to analyst_all using (true);

drop policy if exists "the core's own functions reach every secret" on app.webhook_secrets;
create policy "the core's own functions reach every secret" on app.webhook_secrets to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's secrets" on app.webhook_secrets;
create policy "a key sees its organization's secrets" on app.webhook_secrets for select to tenant
  using (organization_id = (select private.own('webhooks')));
grant select (contract, type, action, sample, description, changed, condition) on app.event_types to tenant, analyst, analyst_all;
grant select (organization_id, id, contract, url, events, description, enabled, disabled_at, disabled_reason, retry_schedule, deleted_at, created_at, updated_at, reach)
   on app.webhook_endpoints to tenant, analyst, analyst_all;
grant select (organization_id, endpoint_id, last_delivery_at, last_delivery_status, failing_since)
   on app.webhook_health to tenant, analyst, analyst_all;
-- the ciphertext is written and read only by named functions
grant select (organization_id, id, endpoint_id, prefix, expires_at, created_at) on app.webhook_secrets to tenant;
