-- Messages: every text message and mail, out and in.
--
--   queued ──► sending ──► sent ──► delivered         (delivered: where the service tells)
--    ▲  │         │
--    │  │         ├──► queued      it was not taken, and is tried again
--    │  │         ├──► failed      it was refused, or was too old when its turn came
--    │  │         └──► unknown     it went out and no answer came: never sent again, for a person to look at
--    │  └──► suppressed            whoever it is for wants no messages
--    └─────  by hand: update … set state = 'queued'
--
--   received                       what somebody wrote to us
--
-- A message is a row first: whoever queues it does so in the transaction of what it follows from, and the task send_message takes it
-- from there (37_sending_messages.sql says whether and when).

create table if not exists app.messages (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  direction       text           not null default 'outbound',
  channel         text           not null,
  to_address      text           not null,
  from_address    text,
  subject         text,
  content         text,
  purpose         text           not null default 'other',
  dedupe_key      text,
  lead_id         uuid,
  call_id         uuid,
  time_zone       text,
  -- what became of it
  state           text           not null default 'queued',
  not_before      timestamptz(3),
  reason          text,
  error           text,
  attempts        integer        not null default 0,
  connection_id   uuid,
  vendor          text,
  external_id     text,
  sent_at         timestamptz(3),
  delivered_at    timestamptz(3),
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  -- derived from the others by the trigger _050_derive
  address_key     text,
  constraint messages_pkey primary key (organization_id, id),
  constraint messages_organization_fkey foreign key (organization_id) references app.organizations (id) on delete restrict,
  constraint messages_lead_fkey foreign key (organization_id, lead_id) references app.leads (organization_id, id) on delete set null (lead_id),
  constraint messages_call_fkey foreign key (organization_id, call_id) references app.calls (organization_id, id) on delete set null (call_id),
  constraint messages_direction  check (direction in ('outbound', 'inbound')),
  constraint messages_channel    check (channel in ('sms', 'email')),
  -- a number with its country code (short codes are not written to), or an email address as leads have them
  constraint messages_to_address check (direction = 'inbound' or case channel
    when 'sms'   then length(to_address) <= 40 and coalesce(address_key ~ '^[1-9][0-9]{6,14}$', false)
    else length(to_address) <= 254 and to_address ~ '^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+\.[^\s@<>"(),:;\\]+$' end),
  constraint messages_from_address check (length(from_address) <= 320),
  constraint messages_subject    check (length(subject) <= 500 and subject !~ '[\x01-\x1f\x7f]' and (subject is null or channel = 'email')),
  -- what is settled loses its text after its retention (60_maintenance.sql)
  constraint messages_content    check (
    (content is not null or state not in ('queued', 'sending'))
    and content ~ '\S' and length(content) <= case when channel = 'sms' and direction = 'outbound' then 1600 else 100000 end),
  constraint messages_purpose    check (purpose ~ '^[a-z][a-z0-9_]{0,49}$'),
  constraint messages_dedupe_key check (length(dedupe_key) between 1 and 255),
  constraint messages_time_zone  check (length(time_zone) <= 100),
  constraint messages_state      check (state in ('queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed', 'unknown', 'received')
                                        and (direction = 'inbound') = (state = 'received'))
);

-- the list, newest first
create index if not exists messages_newest on app.messages (organization_id, created_at desc, id desc);
-- what waits, and what a person has to look at
create index if not exists messages_by_state on app.messages (organization_id, state, created_at desc, id desc);
-- retention takes the texts of the oldest first
create index if not exists messages_oldest_text on app.messages (created_at) where content is not null and state not in ('queued', 'sending');
-- one message for what it follows from, however often that is done
create unique index if not exists messages_by_dedupe_key on app.messages (organization_id, dedupe_key) where dedupe_key is not null;
-- what the service tells of a message names its id there; told twice of one that came in, it is one
create unique index if not exists messages_by_external_id on app.messages (organization_id, vendor, external_id) where external_id is not null;
-- how many somebody was sent of late
create index if not exists messages_by_address on app.messages (organization_id, channel, address_key, sent_at desc);
-- the foreign keys
create index if not exists messages_lead_fkey on app.messages (organization_id, lead_id) where lead_id is not null;
create index if not exists messages_call_fkey on app.messages (organization_id, call_id) where call_id is not null;

comment on table  app.messages                 is 'Text messages and mails: what is to be sent, what became of it, and what came in.';
comment on column app.messages.organization_id is 'Organization that writes, or was written to.';
comment on column app.messages.id              is 'Message id; shown as msg_….';
comment on column app.messages.direction       is 'outbound | inbound.';
comment on column app.messages.channel         is 'sms | email.';
comment on column app.messages.to_address      is 'Whom it is for: a phone number or an email address, as given.';
comment on column app.messages.from_address    is 'Whom it is from: of what is sent, as the connection said.';
comment on column app.messages.subject         is 'Subject of a mail; without one, it names the organization.';
comment on column app.messages.content         is 'What it says, as plain text; null when it was removed after its retention.';
comment on column app.messages.purpose         is 'Why it is sent: call_callback, outreach …; some purposes keep no quiet hours.';
comment on column app.messages.dedupe_key      is 'What it follows from; one message for each.';
comment on column app.messages.lead_id         is 'Lead it is about.';
comment on column app.messages.call_id         is 'Call it answers.';
comment on column app.messages.time_zone       is 'IANA time zone of whom it is for, where it is known; otherwise the organization''s counts.';
comment on column app.messages.state           is 'queued | sending | sent | delivered | failed | suppressed | unknown (it may have been sent, and is not sent again) | received.';
comment on column app.messages.not_before      is 'Not sent before this time.';
comment on column app.messages.reason          is 'Why it waits, or is not sent.';
comment on column app.messages.error           is 'What went wrong last, without credentials.';
comment on column app.messages.attempts        is 'How often it was handed over to a service.';
comment on column app.messages.connection_id   is 'Connection that it was sent or came in through; it may have been removed since (no foreign key: that would change every message).';
comment on column app.messages.vendor          is 'Outside service that it was sent or came in through. outbox: nothing is connected for this channel; it is here to be read, and nothing left.';
comment on column app.messages.external_id     is 'Its id at that service.';
comment on column app.messages.sent_at         is 'When the service took it.';
comment on column app.messages.delivered_at    is 'When it arrived, as the service told.';
comment on column app.messages.created_at      is 'When it was queued, or came in.';
comment on column app.messages.updated_at      is 'When it last changed.';
comment on column app.messages.address_key     is 'Who writes or is written to, in one notation: digits with the country code, or lower case. Derived.';
comment on constraint messages_direction    on app.messages is 'direction: must be outbound or inbound';
comment on constraint messages_channel      on app.messages is 'channel: must be sms or email';
comment on constraint messages_to_address   on app.messages is 'to_address: must be a phone number with its country code, or an email address';
comment on constraint messages_from_address on app.messages is 'from_address: at most 320 characters';
comment on constraint messages_subject      on app.messages is 'subject: one line of a mail, at most 500 characters';
comment on constraint messages_content      on app.messages is 'content: must not be blank, at most 1600 characters for sms, 100000 for email';
comment on constraint messages_purpose      on app.messages is 'purpose: lower-case letters, digits and _, at most 50';
comment on constraint messages_dedupe_key   on app.messages is 'dedupe_key: 1 to 255 characters';
comment on constraint messages_time_zone    on app.messages is 'time_zone: at most 100 characters';
comment on constraint messages_state        on app.messages is 'state: must be queued, sending, sent, delivered, failed, suppressed or unknown; of what came in, received';

-- What a channel's addresses are known by: two that reach the same person have one key. A dot may end a domain, and says nothing; the zero
-- in +44 (0)20 7946 0958 is not dialled; <sarah@example.com> and mailto:sarah@example.com are how programs write an address. Null for what
-- is no address.
create or replace function app.address_key(channel text, address text) returns text
language sql immutable parallel safe
return case channel when 'sms' then app.phone_key(regexp_replace(address, '^(\s*\+[ .-]*\d{1,3}[ .-]*)\(0\)', '\1'))
                    else nullif(lower(rtrim(btrim(regexp_replace(btrim(address), '^(<)?(mailto:)?([^<>]*)>?$', '\3', 'i')), '.')), '') end;

comment on function app.address_key is 'What an address is known by on its channel: digits with the country code, or lower case.';

create or replace function app.derive_message() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.address_key := app.address_key(new.channel, case new.direction when 'inbound' then new.from_address else new.to_address end);
  -- infinity is a time to the database, and to nobody else
  if new.not_before not between '2000-01-01' and '9999-12-31' then
    perform app.fail(400, 'invalid_request', 'The time is none at which a message can be sent.',
      jsonb_build_object('field', 'not_before', 'reason', 'must be between the years 2000 and 9999'));
  end if;
  if new.time_zone is not null and (tg_op = 'INSERT' or new.time_zone is distinct from old.time_zone) then
    perform from pg_catalog.pg_timezone_names as z where z.name = new.time_zone;
    if not found then
      perform app.fail(400, 'invalid_request', 'The time zone is not known.',
        jsonb_build_object('field', 'time_zone', 'reason', 'must be an IANA time zone name, e.g. America/New_York'));
    end if;
  end if;
  return new;
end
$$;

comment on function app.derive_message is 'Trigger: fills address_key of a message; refuses a time zone that is not known, and a time that never comes.';

-- Who queues a message asks for its sending, in the same transaction; so does who sets a message back to queued by hand. (From sending it
-- goes back to queued by itself, and its task is still there.)
create or replace function app.ask_to_send() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform app.add_task(new.organization_id, 'send_message', new.id, 10, coalesce(new.not_before, now()));
  return null;
end
$$;

comment on function app.ask_to_send is 'Trigger: asks for a queued message to be sent.';

create or replace function app.note_callback() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.calls as c set sms_callback_sent = true
   where c.organization_id = new.organization_id and c.id = new.call_id and not c.sms_callback_sent;
  return null;
end
$$;

comment on function app.note_callback is 'Trigger: a call knows that its caller was sent a text message.';

create or replace trigger _050_derive before insert or update of channel, direction, to_address, from_address, address_key, time_zone, not_before on app.messages
  for each row execute function app.derive_message();
-- (a text that retention removes is nothing that happened to the message)
create or replace trigger _100_touch before update on app.messages
  for each row when (new.content is not null or old.content is null) execute function private.touch();
-- (what was written is kept here for its retention, and not for seven years beside it)
create or replace trigger _500_record after insert or update or delete on app.messages
  for each row execute function audit.record('message', '', 'connection_id,content', 'address_key');
create or replace trigger _600_send after insert on app.messages
  for each row when (new.state = 'queued') execute function app.ask_to_send();
create or replace trigger _600_send_again after update of state, not_before on app.messages
  for each row when (new.state = 'queued' and (old.state not in ('queued', 'sending') or new.not_before is distinct from old.not_before))
  execute function app.ask_to_send();
create or replace trigger _600_callback after update of state on app.messages
  for each row when (new.state in ('sent', 'delivered') and old.state not in ('sent', 'delivered')
                     and new.channel = 'sms' and new.purpose = 'call_callback' and new.call_id is not null)
  execute function app.note_callback();

alter table app.messages enable row level security;
alter table app.messages force row level security;
drop policy if exists "the core's own functions reach every message" on app.messages;
create policy "the core's own functions reach every message" on app.messages to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's messages" on app.messages;
create policy "a key sees its organization's messages" on app.messages for select to tenant
  using (organization_id = (select private.own('outreach')));
drop policy if exists "a key that may write queues messages of its organization" on app.messages;
create policy "a key that may write queues messages of its organization" on app.messages for insert to tenant
  with check (organization_id = (select private.writable('outreach')));
drop policy if exists "a database login sees its organization's messages" on app.messages;
create policy "a database login sees its organization's messages" on app.messages for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every message" on app.messages;
create policy "a login for all sees every message" on app.messages for select to analyst_all using (true);

-- Queues a message; it is sent when it may be. Of messages with one dedupe_key there is one: queued again, it is the one that is there,
-- as it was. Needs outreach.write; 400 for what cannot be sent.
create or replace function app.queue_message(
  channel text, to_address text, body text, subject text default null, purpose text default 'other', dedupe_key text default null,
  lead_id uuid default null, call_id uuid default null, time_zone text default null, not_before timestamptz default null
) returns app.messages
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  queued app.messages;
begin
  insert into app.messages (channel, to_address, content, subject, purpose, dedupe_key, lead_id, call_id, time_zone, not_before)
  values (queue_message.channel, btrim(queue_message.to_address), body, queue_message.subject, queue_message.purpose, queue_message.dedupe_key,
          queue_message.lead_id, queue_message.call_id, queue_message.time_zone, queue_message.not_before)
  on conflict (organization_id, dedupe_key) where dedupe_key is not null do nothing
  returning * into queued;
  if queued.id is null then
    select m.* into strict queued from app.messages as m
     where m.organization_id = app.tenant() and m.dedupe_key = queue_message.dedupe_key;
  end if;
  return queued;
end
$$;

comment on function app.queue_message is 'Queues a message, once for a dedupe_key; returns it, or the one that was queued before. 400 for an address or a text that cannot be sent.';

create or replace view api.messages with (security_invoker = true) as
select organization_id, id, app.typeid('msg', id) as message_id, direction, channel, to_address, from_address, subject, content, purpose, dedupe_key,
       lead_id, call_id, time_zone, state, not_before, reason, error, attempts, vendor, external_id, sent_at, delivered_at, created_at, updated_at
  from app.messages;

alter view api.messages alter column organization_id set default private.tenant();
comment on view api.messages is 'Text messages and mails, out and in. A row added here is sent when it may be: see reason for why it waits.';
select private.describe_columns('api.messages', 'app.messages');
comment on column api.messages.message_id is 'The id as the API shows it.';

grant select (organization_id, id, direction, channel, to_address, from_address, subject, content, purpose, dedupe_key, lead_id, call_id, time_zone,
              state, not_before, reason, error, attempts, connection_id, vendor, external_id, sent_at, delivered_at, created_at, updated_at,
              address_key) on app.messages to tenant, analyst, analyst_all;
grant insert (organization_id, channel, to_address, subject, content, purpose, dedupe_key, lead_id, call_id, time_zone, not_before)
   on app.messages to tenant;
grant select on api.messages to tenant, analyst, analyst_all;
grant insert (channel, to_address, subject, content, purpose, dedupe_key, lead_id, call_id, time_zone, not_before) on api.messages to tenant;
grant execute on function app.queue_message, app.address_key to tenant;
