-- Events, deliveries and attempts: what was announced, to whom it must go, and every try.
--
--   held ──(recover, re-registration)──► pending ──2xx──► delivered
--     ▲                                   │   ▲ ▲
--     │ endpoint disabled or deleted      │   │ └── failed attempt: waits for the next time of the schedule
--     └───────────────────────────────────┤   └──── retry by hand, recover
--                                         └─schedule exhausted─► dead_letter

create table if not exists app.events (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  public_id       text           not null,
  type            text           not null,
  resource        text,
  snapshot        jsonb          not null,
  change_id       uuid           not null,
  occurred_at     timestamptz(3) not null,
  constraint events_pkey primary key (organization_id, id),
  constraint events_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade
);

-- retention removes the oldest first
create index if not exists events_oldest on app.events (occurred_at);

comment on table  app.events                 is 'Events that at least one endpoint subscribed to. Kept for 30 days.';
comment on column app.events.organization_id is 'Organization whose data changed.';
comment on column app.events.id              is 'Event id.';
comment on column app.events.public_id       is 'evt_ and 16 hex digits, as receivers see it; the same for every retry.';
comment on column app.events.type            is 'Event type, e.g. lead.created.';
comment on column app.events.resource        is 'Table the row came from; null for a test event, whose snapshot is its data.';
comment on column app.events.snapshot        is 'The row as the change left it.';
comment on column app.events.change_id       is 'Audit entry of the change.';
comment on column app.events.occurred_at     is 'When the change happened.';

create table if not exists app.deliveries (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  endpoint_id     uuid           not null,
  event_id        uuid           not null,
  state           text           not null default 'pending',
  attempts        integer        not null default 0,
  series_attempts integer        not null default 0,
  series_started_at timestamptz(3),
  enqueue         boolean        not null default false,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  ordered         boolean        not null default false,
  waits_for       uuid,
  constraint deliveries_pkey primary key (organization_id, id),
  constraint deliveries_endpoint_fkey foreign key (organization_id, endpoint_id)
    references app.webhook_endpoints (organization_id, id) on delete cascade,
  constraint deliveries_event_fkey foreign key (organization_id, event_id)
    references app.events (organization_id, id) on delete cascade,
  constraint deliveries_state check (state in ('pending', 'held', 'delivered', 'dead_letter', 'discarded'))
) with (fillfactor = 80);

-- by event: the foreign key; by endpoint: what is held or dead, for recovery; to enqueue: what the relay must still queue
create index if not exists deliveries_event    on app.deliveries (organization_id, event_id);
create index if not exists deliveries_endpoint on app.deliveries (organization_id, endpoint_id, state, created_at);
create index if not exists deliveries_enqueue  on app.deliveries (id) where enqueue;
-- who waits for a delivery; whether any is to be sent in its order; the events of a call, to find which of them are still to be sent
create index if not exists deliveries_waiting  on app.deliveries (organization_id, waits_for) where waits_for is not null;
create index if not exists deliveries_ordered  on app.deliveries (organization_id) where ordered and attempts = 0 and state = 'pending';
create index if not exists events_of_call      on app.events (organization_id, (snapshot ->> 'id')) where resource = 'calls';

comment on table  app.deliveries                   is 'One event for one endpoint, and how far it got.';
comment on column app.deliveries.organization_id   is 'Organization.';
comment on column app.deliveries.id                is 'Delivery id.';
comment on column app.deliveries.endpoint_id       is 'Receiver.';
comment on column app.deliveries.event_id          is 'Event.';
comment on column app.deliveries.state             is 'pending | held | delivered | dead_letter | discarded.';
comment on column app.deliveries.attempts          is 'Attempts made.';
comment on column app.deliveries.series_attempts   is 'Attempts made when the current run of the schedule began.';
comment on column app.deliveries.series_started_at is 'When the current run of the schedule began: its first attempt.';
comment on column app.deliveries.enqueue           is 'The relay must still make a job for it.';
comment on column app.deliveries.created_at        is 'When it was made.';
comment on column app.deliveries.updated_at        is 'When it last changed.';
comment on column app.deliveries.ordered           is 'Whether it goes out after the first attempt at the events before it that are about the same row.';
comment on column app.deliveries.waits_for         is 'Delivery whose first attempt it waits for.';

create table if not exists app.delivery_attempts (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  delivery_id     uuid           not null,
  endpoint_id     uuid           not null,
  event_type      text           not null,
  attempt         integer        not null,
  status          text           not null,
  response_status integer,
  latency_ms      integer        not null,
  response_body   text,
  error           text,
  attempted_at    timestamptz(3) not null,
  next_attempt_at timestamptz(3),
  constraint delivery_attempts_pkey primary key (organization_id, id),
  constraint delivery_attempts_once unique (organization_id, delivery_id, attempt),
  constraint delivery_attempts_delivery_fkey foreign key (organization_id, delivery_id)
    references app.deliveries (organization_id, id) on delete cascade,
  constraint delivery_attempts_status check (status in ('delivered', 'failed', 'dead_letter'))
);

-- the delivery log of an endpoint, newest first
create index if not exists delivery_attempts_log on app.delivery_attempts (organization_id, endpoint_id, attempted_at desc, id desc);

comment on table  app.delivery_attempts                 is 'Every try, each its own row.';
comment on column app.delivery_attempts.organization_id is 'Organization.';
comment on column app.delivery_attempts.id              is 'Attempt id; shown as whd_….';
comment on column app.delivery_attempts.delivery_id     is 'Delivery it was a try of.';
comment on column app.delivery_attempts.endpoint_id     is 'Receiver.';
comment on column app.delivery_attempts.event_type      is 'Event type.';
comment on column app.delivery_attempts.attempt         is '1 for the first.';
comment on column app.delivery_attempts.status          is 'delivered | failed (another try follows) | dead_letter (none does).';
comment on column app.delivery_attempts.response_status is 'HTTP status; null when there was no answer.';
comment on column app.delivery_attempts.latency_ms      is 'Milliseconds to the end of the answer: looking up the name and connecting are part of it.';
comment on column app.delivery_attempts.response_body   is 'First 4 KB of the answer.';
comment on column app.delivery_attempts.error           is 'Why there was no answer: timeout, connection_refused, forbidden_address ….';
comment on column app.delivery_attempts.attempted_at    is 'When it was sent.';
comment on column app.delivery_attempts.next_attempt_at is 'When it is tried again; null: not by itself.';

create or replace trigger _100_touch before update on app.deliveries for each row execute function private.touch();

-- After its first attempt (or when it is put on hold), who waits for a delivery is taken up by the relay.
create or replace function app.release_deliveries() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.deliveries as d set waits_for = null, enqueue = true
   where d.organization_id = new.organization_id and d.waits_for = new.id;
  return null;
end
$$;

comment on function app.release_deliveries is 'Trigger: what waited for the first attempt of a delivery is taken up by the relay.';

create or replace trigger _600_release after update on app.deliveries
  for each row when (old.ordered and old.attempts = 0 and old.state = 'pending' and (new.attempts > 0 or new.state <> 'pending'))
  execute function app.release_deliveries();

alter table app.events enable row level security;
alter table app.events force row level security;
alter table app.deliveries enable row level security;
alter table app.deliveries force row level security;
alter table app.delivery_attempts enable row level security;
alter table app.delivery_attempts force row level security;

drop policy if exists "the core's own functions reach every event" on app.events;
create policy "the core's own functions reach every event" on app.events to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's events" on app.events;
create policy "a key sees its organization's events" on app.events for select to tenant using (organization_id = (select private.own('webhooks')));

drop policy if exists "the core's own functions reach every delivery" on app.deliveries;
create policy "the core's own functions reach every delivery" on app.deliveries to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's deliveries" on app.deliveries;
create policy "a key sees its organization's deliveries" on app.deliveries for select to tenant
  using (organization_id = (select private.own('webhooks')));
drop policy if exists "a database login sees its organization's deliveries" on app.deliveries;
create policy "a database login sees its organization's deliveries" on app.deliveries for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every delivery" on app.deliveries;
create policy "a login for all sees every delivery" on app.deliveries for select to analyst_all using (true);

drop policy if exists "the core's own functions log every attempt" on app.delivery_attempts;
create policy "the core's own functions log every attempt" on app.delivery_attempts to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's attempts" on app.delivery_attempts;
create policy "a key sees its organization's attempts" on app.delivery_attempts for select to tenant
  using (organization_id = (select private.own('webhooks')));
drop policy if exists "a database login sees its organization's attempts" on app.delivery_attempts;
create policy "a database login sees its organization's attempts" on app.delivery_attempts for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every attempt" on app.delivery_attempts;
create policy "a login for all sees every attempt" on app.delivery_attempts for select to analyst_all using (true);

grant select (organization_id, id, public_id, type, resource, snapshot, change_id, occurred_at) on app.events to tenant;
grant select (organization_id, id, endpoint_id, event_id, state, attempts, series_attempts, series_started_at, enqueue, created_at, updated_at)
   on app.deliveries to tenant, analyst, analyst_all;
grant select (organization_id, id, delivery_id, endpoint_id, event_type, attempt, status, response_status, latency_ms, response_body, error, attempted_at, next_attempt_at)
   on app.delivery_attempts to tenant;
grant select (organization_id, id, delivery_id, endpoint_id, event_type, attempt, status, response_status, latency_ms, error, attempted_at, next_attempt_at)
   on app.delivery_attempts to analyst, analyst_all;
