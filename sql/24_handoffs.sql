-- Hand-offs: a lead goes to a system downstream. The lead says where it is now; every hand-off stays in the history.

create table if not exists app.lead_handoffs (
  organization_id uuid           not null,
  id              uuid           not null default uuidv7(),
  lead_id         uuid           not null,
  destination     text           not null,
  metadata        jsonb,
  handed_off_at   timestamptz(3) not null,
  constraint lead_handoffs_pkey primary key (organization_id, id),
  constraint lead_handoffs_lead_fkey foreign key (organization_id, lead_id) references app.leads (organization_id, id) on delete cascade
);

-- the foreign key, and a lead's history, newest first
create index if not exists lead_handoffs_of_lead on app.lead_handoffs (organization_id, lead_id, handed_off_at desc, id desc);

comment on table  app.lead_handoffs                 is 'Every hand-off of a lead to a system downstream.';
comment on column app.lead_handoffs.organization_id is 'Organization (business) of the lead.';
comment on column app.lead_handoffs.id              is 'Hand-off id.';
comment on column app.lead_handoffs.lead_id         is 'Lead that was handed off.';
comment on column app.lead_handoffs.destination     is 'System it was handed off to.';
comment on column app.lead_handoffs.metadata        is 'What was said at the hand-off, e.g. its id over there.';
comment on column app.lead_handoffs.handed_off_at   is 'When.';

-- A hand-off is a change of the lead, wherever it is made; the history follows from it.
create or replace function app.keep_handoff() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.lead_handoffs (organization_id, lead_id, destination, metadata, handed_off_at)
  values (new.organization_id, new.id, coalesce(new.handoff_destination, 'unknown'), new.handoff_metadata, new.handed_off_at);
  return null;
end
$$;

comment on function app.keep_handoff is 'Trigger: keeps every hand-off of a lead in the history.';

create or replace trigger _600_keep_handoff after update of handed_off_at, handoff_destination, handoff_metadata on app.leads
  for each row when (new.handed_off_at is not null
                     and (new.handed_off_at, new.handoff_destination, new.handoff_metadata)
                         is distinct from (old.handed_off_at, old.handoff_destination, old.handoff_metadata))
  execute function app.keep_handoff();

alter table app.lead_handoffs enable row level security;
alter table app.lead_handoffs force row level security;
drop policy if exists "the core's own functions keep every hand-off" on app.lead_handoffs;
create policy "the core's own functions keep every hand-off" on app.lead_handoffs to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's hand-offs" on app.lead_handoffs;
create policy "a key sees its organization's hand-offs" on app.lead_handoffs for select to tenant
  using (organization_id = (select private.readable('leads')));
drop policy if exists "a workspace key sees the hand-offs of every business" on app.lead_handoffs;
create policy "a workspace key sees the hand-offs of every business" on app.lead_handoffs for select to workspace
  using (organization_id = any ((select private.businesses('leads'))::uuid[]));
drop policy if exists "a database login sees its organization's hand-offs" on app.lead_handoffs;
create policy "a database login sees its organization's hand-offs" on app.lead_handoffs for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every hand-off" on app.lead_handoffs;
create policy "a login for all sees every hand-off" on app.lead_handoffs for select to analyst_all using (true);

-- Hands a lead off. To where it is already, with the same metadata, changes nothing; anything else is a new hand-off.
-- Raises 403 without the scope leads.handoff, 400 without a destination, 404 when the request does not reach the lead.
create or replace function app.hand_off_lead(lead_id uuid, destination text, metadata jsonb) returns app.leads
language plpgsql security definer
set search_path = ''
as $$
declare
  reached constant uuid[] := case when private.claims() ->> 'reach' = 'workspace' then private.businesses('leads', 'handoff')
                                  else array[private.writable('leads', 'handoff')] end;
  lead    app.leads;
begin
  if destination is null or destination !~ '\S' then
    perform app.fail(400, 'invalid_request', 'A hand-off needs a destination.',
      jsonb_build_object('field', 'destination', 'reason', 'must not be blank'));
  end if;
  select * into lead from app.leads as l where l.organization_id = any (reached) and l.id = lead_id for update;
  if lead.id is null then
    perform app.fail(404, 'not_found', 'No such lead.');
  end if;
  if lead.handed_off_at is not null
     and (lead.handoff_destination, lead.handoff_metadata) is not distinct from (destination, metadata) then
    return lead;
  end if;
  update app.leads as l
     set handed_off_at       = greatest(clock_timestamp(), lead.handed_off_at + interval '1 millisecond'),
         handoff_destination = destination,
         handoff_metadata    = metadata
   where l.organization_id = lead.organization_id and l.id = lead.id
  returning * into lead;
  return lead;
end
$$;

comment on function app.hand_off_lead is 'Hands a lead off to a destination; the same again changes nothing. 403 without the scope leads.handoff, 404 for a lead out of reach.';

create or replace view api.lead_handoffs with (security_invoker = true) as
select organization_id, id, lead_id, destination, metadata, handed_off_at from app.lead_handoffs;

comment on view api.lead_handoffs is 'Every hand-off of your leads to a system downstream.';
select private.describe_columns('api.lead_handoffs', 'app.lead_handoffs');

grant select (organization_id, id, lead_id, destination, metadata, handed_off_at) on app.lead_handoffs to tenant, workspace, analyst, analyst_all;
grant execute on function app.hand_off_lead to tenant, workspace;
grant select on api.lead_handoffs to tenant, workspace, analyst, analyst_all;
