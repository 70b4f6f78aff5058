-- Calls: every call that a tracker told of, what it was about, and what was done.
--
--   received ──► classified ──► dispatched          (auto_dispatch | callback | review | ignore)
--
-- A tracker tells of one call several times (it ended, was modified, was transcribed): its id there makes them one row.

create table if not exists app.calls (
  organization_id        uuid           not null default private.tenant(),
  id                     uuid           not null default uuidv7(),
  -- where from
  source                 text           not null,
  external_id            text,
  received_at            timestamptz(3) not null default now(),
  -- who, and how it went
  tracking_number        text,
  caller_number          text,
  caller_name            text,
  caller_city            text,
  caller_state           text,
  caller_postal_code     text,
  caller_country         text,
  direction              text           not null default 'inbound',
  answered               boolean,
  voicemail              boolean        not null default false,
  duration_seconds       integer        not null default 0,
  marketing_source       text,
  extra                  jsonb          not null default '{}',
  -- what was said
  recording_source_url   text,
  recording_key          text,
  recording_type         text,
  recording_bytes        bigint,
  transcript             text,
  -- what it was about
  status                 text           not null default 'received',
  intent                 text,
  confidence             numeric(3, 2),
  urgency                text,
  qualified              boolean,
  classification_reasons text,
  classified_by          text,
  classified_at          timestamptz(3),
  qualified_at           timestamptz(3),
  -- what was done
  dispatch_action        text,
  dispatch_reason        text,
  dispatched_at          timestamptz(3),
  lead_id                uuid,
  sms_callback_sent      boolean        not null default false,
  crm_job_id             text,
  created_at             timestamptz(3) not null default now(),
  updated_at             timestamptz(3) not null default now(),
  -- derived from the others by the trigger _050_derive
  caller_key             text,
  classification_ms      integer,
  -- which of two messages knows better (35_call_messages.sql)
  as_of                  timestamptz(3),
  -- who decided what was done
  dispatched_by          text,
  constraint calls_pkey primary key (organization_id, id),
  constraint calls_organization_fkey foreign key (organization_id) references app.organizations (id) on delete restrict,
  constraint calls_lead_fkey foreign key (organization_id, lead_id) references app.leads (organization_id, id) on delete set null (lead_id),
  constraint calls_source             check (length(source) between 1 and 100),
  constraint calls_external_id        check (length(external_id) between 1 and 255),
  constraint calls_tracking_number    check (length(tracking_number) between 3 and 40),
  constraint calls_caller_number      check (length(caller_number) between 1 and 40),
  constraint calls_caller_name        check (length(caller_name) between 1 and 200),
  constraint calls_direction          check (direction in ('inbound', 'outbound')),
  constraint calls_duration_seconds   check (duration_seconds between 0 and 86400),
  constraint calls_marketing_source   check (length(marketing_source) <= 200),
  constraint calls_extra              check (jsonb_typeof(extra) = 'object'),
  constraint calls_recording          check (length(recording_source_url) <= 2048),
  constraint calls_transcript         check (length(transcript) <= 200000),
  constraint calls_status             check (status in ('received', 'classified', 'dispatched')),
  constraint calls_intent             check (intent in ('water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other')),
  constraint calls_confidence         check (confidence between 0 and 1),
  constraint calls_urgency            check (urgency in ('high', 'medium', 'low')),
  constraint calls_dispatch_action    check (dispatch_action in ('auto_dispatch', 'callback', 'review', 'ignore')),
  constraint calls_dispatched_by      check (dispatched_by in ('settings', 'person'))
);

-- Keyset pages, newest first: all calls, one status, one intent, the qualified ones, one decision (what waits for a person).
create index if not exists calls_newest      on app.calls (organization_id, received_at desc, id desc);
create index if not exists calls_by_status   on app.calls (organization_id, status, received_at desc, id desc);
create index if not exists calls_by_intent   on app.calls (organization_id, intent, received_at desc, id desc);
create index if not exists calls_qualified   on app.calls (organization_id, qualified, received_at desc, id desc);
create index if not exists calls_by_decision on app.calls (organization_id, dispatch_action, received_at desc, id desc);
-- statistics of a window, from the index alone
create index if not exists calls_statistics  on app.calls (organization_id, received_at) include (intent, qualified, classification_ms);
-- a tracker that tells of a call twice makes one call
create unique index if not exists calls_by_external_id on app.calls (organization_id, source, external_id) where external_id is not null;
-- has this caller called before?
create index if not exists calls_by_caller   on app.calls (organization_id, caller_key, received_at desc) where caller_key is not null;
-- the foreign key
create index if not exists calls_lead_fkey   on app.calls (organization_id, lead_id);

comment on table  app.calls                        is 'Calls that a tracker told of: who, what was said, what it was about, and what was done.';
comment on column app.calls.organization_id        is 'Organization that was called.';
comment on column app.calls.id                     is 'Call id; shown as call_….';
comment on column app.calls.source                 is 'Who told of it: callrail, api ….';
comment on column app.calls.external_id            is 'Id of the call at its source; one call per source and id.';
comment on column app.calls.received_at            is 'When it came in.';
comment on column app.calls.tracking_number        is 'Number that was called.';
comment on column app.calls.caller_number          is 'Number of the caller.';
comment on column app.calls.caller_name            is 'Name of the caller, as the tracker knows it.';
comment on column app.calls.caller_city            is 'City of the caller.';
comment on column app.calls.caller_state           is 'State or province of the caller.';
comment on column app.calls.caller_postal_code     is 'Postal code of the caller.';
comment on column app.calls.caller_country         is 'Country of the caller.';
comment on column app.calls.direction              is 'inbound | outbound.';
comment on column app.calls.answered               is 'Whether somebody answered; null: not known.';
comment on column app.calls.voicemail              is 'Whether it went to voicemail.';
comment on column app.calls.duration_seconds       is 'Length in seconds.';
comment on column app.calls.marketing_source       is 'Campaign or channel that led to the call, as the tracker knows it.';
comment on column app.calls.extra                  is 'What else the tracker told.';
comment on column app.calls.recording_source_url   is 'Where the tracker keeps the recording.';
comment on column app.calls.recording_key          is 'Where our copy of the recording is, in the storage.';
comment on column app.calls.recording_type         is 'Media type of the recording.';
comment on column app.calls.recording_bytes        is 'Size of the recording in bytes.';
comment on column app.calls.transcript             is 'What was said.';
comment on column app.calls.status                 is 'received | classified | dispatched.';
comment on column app.calls.intent                 is 'water | fire | mold | biohazard | sales_pitch | wrong_number | other.';
comment on column app.calls.confidence             is 'How sure the classification is, 0 to 1.';
comment on column app.calls.urgency                is 'high | medium | low.';
comment on column app.calls.qualified              is 'Whether somebody who may become a customer called.';
comment on column app.calls.classification_reasons is 'Why: the rules that spoke, heaviest first, or the words of the model.';
comment on column app.calls.classified_by          is 'rules, the name of the language model that decided, or person.';
comment on column app.calls.classified_at          is 'When it was classified.';
comment on column app.calls.qualified_at           is 'When it was found to be a qualified lead.';
comment on column app.calls.dispatch_action        is 'auto_dispatch | callback | review | ignore.';
comment on column app.calls.dispatch_reason        is 'Why: in_service_radius + qualified + business_hours.';
comment on column app.calls.dispatched_at          is 'When that was decided.';
comment on column app.calls.lead_id                is 'Lead that the call became.';
comment on column app.calls.sms_callback_sent      is 'Whether the caller got a text message back.';
comment on column app.calls.crm_job_id             is 'Job that was made for it in the CRM.';
comment on column app.calls.created_at             is 'When it was recorded here.';
comment on column app.calls.updated_at             is 'When it last changed.';
comment on column app.calls.caller_key             is 'Number of the caller as digits with the country code, to look it up by. Derived.';
comment on column app.calls.classification_ms      is 'Milliseconds from its coming in to its first classification. Derived.';
comment on column app.calls.as_of                  is 'As of when the facts of its tracker are; an older message only fills gaps.';
comment on column app.calls.dispatched_by          is 'settings, or person: what a person decided stays.';

comment on constraint calls_source           on app.calls is 'source: 1 to 100 characters';
comment on constraint calls_external_id      on app.calls is 'external_id: 1 to 255 characters';
comment on constraint calls_tracking_number  on app.calls is 'tracking_number: 3 to 40 characters';
comment on constraint calls_caller_number    on app.calls is 'caller_number: 1 to 40 characters';
comment on constraint calls_caller_name      on app.calls is 'caller_name: 1 to 200 characters';
comment on constraint calls_direction        on app.calls is 'direction: must be inbound or outbound';
comment on constraint calls_duration_seconds on app.calls is 'duration_seconds: from 0 to 86400';
comment on constraint calls_marketing_source on app.calls is 'marketing_source: at most 200 characters';
comment on constraint calls_extra            on app.calls is 'extra: must be an object';
comment on constraint calls_recording        on app.calls is 'recording_source_url: at most 2048 characters';
comment on constraint calls_transcript       on app.calls is 'transcript: at most 200000 characters';
comment on constraint calls_status           on app.calls is 'status: must be one of received, classified, dispatched';
comment on constraint calls_intent           on app.calls is 'intent: must be one of water, fire, mold, biohazard, sales_pitch, wrong_number, other';
comment on constraint calls_confidence       on app.calls is 'confidence: must be from 0 to 1';
comment on constraint calls_urgency          on app.calls is 'urgency: must be one of high, medium, low';
comment on constraint calls_dispatch_action  on app.calls is 'dispatch_action: must be one of auto_dispatch, callback, review, ignore';
comment on constraint calls_dispatched_by    on app.calls is 'dispatched_by: must be settings or person';

create or replace function app.derive_call() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- infinity is a time to the database, and to nobody else
  if new.received_at not between '1900-01-01' and '9999-12-31' then
    perform app.fail(400, 'invalid_request', 'The time is none at which a call can come in.',
      jsonb_build_object('field', 'received_at', 'reason', 'must be between the years 1900 and 9999'));
  end if;
  new.caller_key        := app.phone_key(new.caller_number);
  -- (least() would overlook a null); a tracker whose clock is ahead tells of calls that are yet to come in
  new.classification_ms := case
    when new.classified_at is null then null
    -- classified again, by a person or because more was told: how long it took the first time
    when tg_op = 'UPDATE' and old.classified_at is not null
    then greatest(0, least(2000000000, old.classification_ms + extract(epoch from old.received_at - new.received_at) * 1000))
    else greatest(0, least(2000000000, extract(epoch from new.classified_at - new.received_at) * 1000)) end;
  return new;
end
$$;

comment on function app.derive_call is 'Trigger: fills caller_key and classification_ms of a call; refuses a time at which none can come in.';

create or replace trigger _050_derive before insert or update of caller_number, caller_key, classified_at, received_at, classification_ms on app.calls
  for each row execute function app.derive_call();
create or replace trigger _100_touch before update on app.calls for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.calls
  for each row execute function audit.record('call', '', '', 'caller_key,classification_ms,as_of');

alter table app.calls enable row level security;
alter table app.calls force row level security;
drop policy if exists "the core's own functions reach every call" on app.calls;
create policy "the core's own functions reach every call" on app.calls to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's calls, or a child's by grant" on app.calls;
create policy "a key sees its organization's calls, or a child's by grant" on app.calls for select to tenant
  using (organization_id = (select private.readable('calls')));
drop policy if exists "a key that may write adds calls to its organization" on app.calls;
create policy "a key that may write adds calls to its organization" on app.calls for insert to tenant
  with check (organization_id = (select private.writable('calls')));
drop policy if exists "a key that may write changes its organization's calls" on app.calls;
create policy "a key that may write changes its organization's calls" on app.calls for update to tenant
  using (organization_id = (select private.writable('calls')));
drop policy if exists "a database login sees its organization's calls" on app.calls;
create policy "a database login sees its organization's calls" on app.calls for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every call" on app.calls;
create policy "a login for all sees every call" on app.calls for select to analyst_all using (true);

create or replace view api.calls with (security_invoker = true) as
select organization_id, id, source, external_id, received_at, tracking_number, caller_number, caller_name, caller_city, caller_state,
       caller_postal_code, caller_country, direction, answered, voicemail, duration_seconds, marketing_source, extra, transcript, status,
       intent, confidence, urgency, qualified, classification_reasons, classified_by, classified_at, qualified_at, dispatch_action,
       dispatch_reason, dispatched_at, lead_id, sms_callback_sent, crm_job_id, created_at, updated_at, dispatched_by
  from app.calls;

alter view api.calls alter column organization_id set default private.tenant();
comment on view api.calls is 'Your calls. A row added here is classified and dispatched like one that a tracker told of.';

select private.describe_columns('api.calls', 'app.calls');

-- What the calls of an hour of the day were about. Days and hours are those of the organization's own clock: whoever is to know when to
-- have people at the telephone thinks in no other. Its time zone is looked up once for an organization, not for a call (offset 0), and calls
-- are found by the organization, as ever. (The parent that reads a child's calls under a grant sees the child, and so its time zone.)
create or replace view api.call_outcomes with (security_invoker = true) as
select c.organization_id,
       (c.received_at at time zone z.time_zone)::date                       as day,
       extract(hour from c.received_at at time zone z.time_zone)::integer   as hour,
       coalesce(c.intent, 'unclassified')                                   as intent,
       count(*)                                                             as calls,
       count(*) filter (where c.qualified)                                  as qualified,
       count(*) filter (where c.dispatch_action = 'auto_dispatch')          as dispatched,
       count(*) filter (where c.lead_id is not null)                        as leads,
       round(avg(c.duration_seconds))::integer                              as average_seconds,
       z.time_zone
  from app.calls as c
  join (select o.id, coalesce(o.settings ->> 'timezone', 'UTC') as time_zone from app.organizations as o offset 0) as z on z.id = c.organization_id
 group by c.organization_id, (c.received_at at time zone z.time_zone)::date, extract(hour from c.received_at at time zone z.time_zone),
          coalesce(c.intent, 'unclassified'), z.time_zone;

comment on view   api.call_outcomes                 is 'What became of calls, by day, hour of the day and intent, by the clock of the organization (its setting timezone; UTC where none is set).';
comment on column api.call_outcomes.organization_id is 'Organization.';
comment on column api.call_outcomes.day             is 'Day, in time_zone.';
comment on column api.call_outcomes.hour            is 'Hour of the day, 0 to 23, in time_zone. When clocks are put back, the hour that comes twice is one.';
comment on column api.call_outcomes.time_zone       is 'Time zone of day and hour: the organization''s, else UTC.';
comment on column api.call_outcomes.intent          is 'What they were about, or unclassified.';
comment on column api.call_outcomes.calls           is 'Number of calls.';
comment on column api.call_outcomes.qualified       is 'Of these, from somebody who may become a customer.';
comment on column api.call_outcomes.dispatched      is 'Of these, dispatched without a person.';
comment on column api.call_outcomes.leads           is 'Of these, that became a lead.';
comment on column api.call_outcomes.average_seconds is 'Average length in seconds.';

grant select (organization_id, id, source, external_id, received_at, tracking_number, caller_number, caller_name, caller_city, caller_state,
              caller_postal_code, caller_country, direction, answered, voicemail, duration_seconds, marketing_source, extra,
              recording_source_url, recording_key, recording_type, recording_bytes, transcript, status, intent, confidence, urgency,
              qualified, classification_reasons, classified_by, classified_at, qualified_at, dispatch_action, dispatch_reason,
              dispatched_at, lead_id, sms_callback_sent, crm_job_id, created_at, updated_at, caller_key, classification_ms, as_of,
              dispatched_by)
   on app.calls to tenant, analyst, analyst_all;
grant insert (organization_id, source, external_id, received_at, tracking_number, caller_number, caller_name, caller_city, caller_state,
              caller_postal_code, caller_country, direction, answered, voicemail, duration_seconds, marketing_source, extra,
              recording_source_url, transcript, as_of),
      update (received_at, tracking_number, caller_number, caller_name, caller_city, caller_state, caller_postal_code, caller_country,
              direction, answered, voicemail, duration_seconds, marketing_source, extra, recording_source_url, recording_key, recording_type,
              recording_bytes, transcript, status, intent, confidence, urgency, qualified, classification_reasons, classified_by,
              classified_at, qualified_at, dispatch_action, dispatch_reason, dispatched_at, lead_id, sms_callback_sent, crm_job_id,
              as_of, dispatched_by)
   on app.calls to tenant;
grant select on api.calls, api.call_outcomes to tenant, analyst, analyst_all;
grant insert (source, external_id, received_at, tracking_number, caller_number, caller_name, caller_city, caller_state, caller_postal_code,
              caller_country, direction, answered, voicemail, duration_seconds, marketing_source, extra, transcript) on api.calls to tenant;
