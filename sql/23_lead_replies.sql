-- Replies: what a lead answered. Recording one moves a lead that was new or contacted to replied, and is announced as a change of
-- the lead (its reply_count), so a subscriber gets the lead.

create table if not exists app.lead_replies (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  lead_id         uuid           not null,
  message         text           not null,
  channel         text,
  received_at     timestamptz(3) not null default now(),
  created_at      timestamptz(3) not null default now(),
  constraint lead_replies_pkey primary key (organization_id, id),
  constraint lead_replies_lead_fkey foreign key (organization_id, lead_id) references app.leads (organization_id, id) on delete cascade,
  constraint lead_replies_message  check (message ~ '\S' and length(message) <= 10000),
  constraint lead_replies_channel  check (length(channel) between 1 and 50)
);

-- the foreign key, and a lead's replies, newest first
create index if not exists lead_replies_of_lead on app.lead_replies (organization_id, lead_id, received_at desc, id desc);

comment on table  app.lead_replies                 is 'What leads answered.';
comment on column app.lead_replies.organization_id is 'Organization (business) of the lead.';
comment on column app.lead_replies.id              is 'Reply id.';
comment on column app.lead_replies.lead_id         is 'Lead that replied.';
comment on column app.lead_replies.message         is 'What it said.';
comment on column app.lead_replies.channel         is 'How: email, sms, reddit ….';
comment on column app.lead_replies.received_at     is 'When it came in.';
comment on column app.lead_replies.created_at      is 'When it was recorded.';
comment on constraint lead_replies_message on app.lead_replies is 'message: must not be blank, at most 10000 characters';
comment on constraint lead_replies_channel on app.lead_replies is 'channel: 1 to 50 characters';

create or replace function app.note_reply() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.leads as l
     set reply_count    = l.reply_count + 1,
         last_reply_at  = greatest(l.last_reply_at, new.received_at),
         pipeline_stage = case when l.pipeline_stage in ('new', 'contacted') then 'replied' else l.pipeline_stage end
   where l.organization_id = new.organization_id and l.id = new.lead_id;
  return null;
end
$$;

comment on function app.note_reply is 'Trigger: a reply counts on its lead, and moves a new or contacted lead to replied.';

create or replace trigger _500_record after insert or update or delete on app.lead_replies
  for each row execute function audit.record('lead_reply');
create or replace trigger _600_note after insert on app.lead_replies for each row execute function app.note_reply();

alter table app.lead_replies enable row level security;
alter table app.lead_replies force row level security;
drop policy if exists "the core's own functions reach every reply" on app.lead_replies;
create policy "the core's own functions reach every reply" on app.lead_replies to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees the replies to its organization" on app.lead_replies;
create policy "a key sees the replies to its organization" on app.lead_replies for select to tenant
  using (organization_id = (select private.readable('leads')));
drop policy if exists "a key that may write records replies to its organization" on app.lead_replies;
create policy "a key that may write records replies to its organization" on app.lead_replies for insert to tenant
  with check (organization_id = (select private.writable('leads')));
drop policy if exists "a workspace key sees the replies to every business" on app.lead_replies;
create policy "a workspace key sees the replies to every business" on app.lead_replies for select to workspace
  using (organization_id = any ((select private.businesses('leads'))::uuid[]));
drop policy if exists "a workspace key that may write records replies" on app.lead_replies;
create policy "a workspace key that may write records replies" on app.lead_replies for insert to workspace
  with check (organization_id = any ((select private.businesses('leads', 'write'))::uuid[]));
drop policy if exists "a database login sees the replies to its organization" on app.lead_replies;
create policy "a database login sees the replies to its organization" on app.lead_replies for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every reply" on app.lead_replies;
create policy "a login for all sees every reply" on app.lead_replies for select to analyst_all using (true);

create or replace view api.lead_replies with (security_invoker = true) as
select organization_id, id, lead_id, message, channel, received_at, created_at from app.lead_replies;

alter view api.lead_replies alter column organization_id set default private.tenant();
comment on view api.lead_replies is 'What your leads answered. A row added here counts on its lead, and moves a new or contacted lead to replied.';
select private.describe_columns('api.lead_replies', 'app.lead_replies');

grant select (organization_id, id, lead_id, message, channel, received_at, created_at) on app.lead_replies to tenant, workspace, analyst, analyst_all;
grant insert (organization_id, lead_id, message, channel, received_at) on app.lead_replies to tenant, workspace;
grant select on api.lead_replies to tenant, workspace, analyst, analyst_all;
grant insert (lead_id, message, channel, received_at) on api.lead_replies to tenant;
