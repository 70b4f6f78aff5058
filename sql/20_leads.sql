-- Leads: one row per person or company that may become a customer, with every field that the three documents give a lead.
-- Whichever contract created it, each contract lists it in its own shape, under its own id.
--
--   pipeline_stage:   new → contacted → replied → qualified → won
--                      └────────┴──────────┴──────────┴────→ lost        (any move is allowed; people correct themselves)

create table if not exists app.leads (
  organization_id            uuid           not null,
  id                         uuid           not null default uuidv7(),
  -- who
  name                       text,
  company                    text,
  email                      text,
  phone                      text,
  handle                     text,
  job_title                  text,
  -- where from
  source                     text,
  source_url                 text,
  target_type                text           not null default 'customer_lead',
  context                    jsonb          not null default '{}',
  job_id                     uuid,
  -- where it stands
  pipeline_stage             text           not null default 'new',
  lead_score                 smallint       not null default 0,
  scored_at                  timestamptz(3),
  tags                       text[]         not null default '{}',
  notes                      text,
  -- what is known
  industry                   text,
  company_size               text,
  pain_points                text,
  timeline                   text,
  budget_range               text,
  ai_reasoning               text,
  qualification_completed_at timestamptz(3),
  signals                    text[]         not null default '{}',
  enrichment                 jsonb          not null default '{}',
  enriched_at                timestamptz(3),
  linkedin_url               text,
  twitter_url                text,
  facebook_url               text,
  -- where it went
  handed_off_at              timestamptz(3),
  handoff_destination        text,
  handoff_metadata           jsonb,
  crm_vendor                 text,
  crm_external_id            text,
  crm_status                 text,
  crm_last_synced_at         timestamptz(3),
  created_at                 timestamptz(3) not null default now(),
  updated_at                 timestamptz(3) not null default now(),
  external_id                text,
  last_reply_at              timestamptz(3),
  reply_count                integer        not null default 0,
  -- derived from the others by the trigger _050_derive
  workspace_id               uuid           not null,
  email_key                  text,
  phone_key                  text,
  search_text                text           not null default '',
  constraint leads_pkey primary key (organization_id, id),
  constraint leads_organization_fkey foreign key (organization_id) references app.organizations (id) on delete restrict,
  constraint leads_identifiable   check (num_nonnulls(name, company, email, phone, handle) > 0),
  constraint leads_name           check (length(name) between 1 and 200),
  constraint leads_company        check (length(company) between 1 and 200),
  constraint leads_email          check (email ~ '^[^\s@]+@[^\s@]+\.[^\s@]+$' and length(email) <= 254),
  constraint leads_phone          check (length(phone) between 3 and 40),
  constraint leads_handle         check (length(handle) between 1 and 200),
  constraint leads_source         check (length(source) between 1 and 100),
  constraint leads_source_url     check (length(source_url) <= 2048),
  constraint leads_context        check (jsonb_typeof(context) = 'object'),
  constraint leads_pipeline_stage check (pipeline_stage in ('new', 'contacted', 'replied', 'qualified', 'won', 'lost')),
  constraint leads_lead_score     check (lead_score between 0 and 100),
  constraint leads_industry       check (length(industry) between 1 and 100),
  constraint leads_company_size   check (length(company_size) between 1 and 100),
  constraint leads_pain_points    check (length(pain_points) <= 10000),
  constraint leads_timeline       check (length(timeline) between 1 and 200),
  constraint leads_budget_range   check (length(budget_range) between 1 and 200),
  constraint leads_ai_reasoning   check (length(ai_reasoning) <= 10000),
  constraint leads_notes          check (length(notes) <= 10000),
  constraint leads_tags           check (cardinality(tags) <= 100 and array_position(tags, null) is null),
  constraint leads_enrichment     check (jsonb_typeof(enrichment) = 'object'),
  constraint leads_target_type    check (length(target_type) between 1 and 100),
  constraint leads_external_id    check (external_id is null or length(external_id) between 1 and 255 and source is not null),
  constraint leads_handoff        check (length(handoff_destination) between 1 and 200 and (handoff_metadata is null or jsonb_typeof(handoff_metadata) = 'object'))
);

-- Keyset pages, newest first: all leads, one stage, one source. An index an equality short of these would have to sort.
create index if not exists leads_newest       on app.leads (organization_id, created_at desc, id desc);
create index if not exists leads_by_stage     on app.leads (organization_id, pipeline_stage, created_at desc, id desc);
create index if not exists leads_by_source    on app.leads (organization_id, source, created_at desc, id desc);
-- the same pages of a whole workspace
create index if not exists leads_workspace_newest on app.leads (workspace_id, created_at desc, id desc);
create index if not exists leads_workspace_stage  on app.leads (workspace_id, pipeline_stage, created_at desc, id desc);
create index if not exists leads_workspace_source on app.leads (workspace_id, source, created_at desc, id desc);
create index if not exists leads_workspace_id     on app.leads (workspace_id, id);
-- the pages of a kind of target other than the usual one, which would be found by reading all
create index if not exists leads_by_type          on app.leads (organization_id, target_type, created_at desc, id desc) where target_type <> 'customer_lead';
create index if not exists leads_workspace_type   on app.leads (workspace_id, target_type, created_at desc, id desc) where target_type <> 'customer_lead';
-- a business is of one workspace: without knowing that, the planner takes a page of one business of it for the rarest of things
create statistics if not exists app.leads_business (dependencies) on organization_id, workspace_id from app.leads;
-- "do we know this person?": connectors and imports look a lead up by what a caller or a form gives
create index if not exists leads_by_email     on app.leads (organization_id, email_key) where email_key is not null;
create index if not exists leads_by_phone     on app.leads (organization_id, phone_key) where phone_key is not null;
-- a source that tells of a lead twice makes one lead
create unique index if not exists leads_by_external_id on app.leads (organization_id, source, external_id) where external_id is not null;
-- words anywhere in names, addresses, numbers and notes; tags. Writers append to its pending list,
-- which vacuum sorts in (or the writer who finds it full, in a tenth of a second); a search reads both.
do $$
begin
  execute format('create index if not exists leads_search on app.leads using gin (workspace_id, tags, search_text %I.gin_trgm_ops)',
                 (select n.nspname from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'pg_trgm'));
end
$$;

-- room for a changed row beside the old one: a score, a reply's count or an enrichment then touches none of the indexes above
alter table app.leads set (fillfactor = 90);

comment on table  app.leads                            is 'Leads, with every field that the three contracts give one.';
comment on column app.leads.organization_id            is 'Organization (business) the lead belongs to.';
comment on column app.leads.id                         is 'Lead id.';
comment on column app.leads.name                       is 'Name of the person, or how the source displays them.';
comment on column app.leads.company                    is 'Company name.';
comment on column app.leads.email                      is 'Email address, as given.';
comment on column app.leads.phone                      is 'Phone number, as given.';
comment on column app.leads.handle                     is 'Account name on the source, e.g. u/some_redditor.';
comment on column app.leads.job_title                  is 'Position in the company.';
comment on column app.leads.source                     is 'Where the lead came from, e.g. google_ads, website, reddit.';
comment on column app.leads.source_url                 is 'Page the lead was found on.';
comment on column app.leads.target_type                is 'Kind of target, e.g. customer_lead.';
comment on column app.leads.context                    is 'What the source told besides: an object whose fields depend on the source.';
comment on column app.leads.job_id                     is 'Scraping job that found it.';
comment on column app.leads.pipeline_stage             is 'new | contacted | replied | qualified | won | lost.';
comment on column app.leads.lead_score                 is 'Score from 0 to 100.';
comment on column app.leads.scored_at                  is 'When the score was last computed.';
comment on column app.leads.tags                       is 'Free labels.';
comment on column app.leads.notes                      is 'Free notes.';
comment on column app.leads.industry                   is 'Line of business, or residential.';
comment on column app.leads.company_size               is 'Number of people, as a range.';
comment on column app.leads.pain_points                is 'What troubles them.';
comment on column app.leads.timeline                   is 'How soon they need it, e.g. this_week.';
comment on column app.leads.budget_range               is 'What they mean to spend.';
comment on column app.leads.ai_reasoning               is 'Why the score is what it is.';
comment on column app.leads.qualification_completed_at is 'When qualification was completed.';
comment on column app.leads.signals                    is 'Signals detected, e.g. hiring.';
comment on column app.leads.enrichment                 is 'Facts added by enrichment: company_size, industry, location, revenue_estimate, confidence_score.';
comment on column app.leads.enriched_at                is 'When it was enriched.';
comment on column app.leads.linkedin_url               is 'LinkedIn profile.';
comment on column app.leads.twitter_url                is 'Twitter profile.';
comment on column app.leads.facebook_url               is 'Facebook profile.';
comment on column app.leads.handed_off_at              is 'When it was handed off.';
comment on column app.leads.handoff_destination        is 'System it was handed off to.';
comment on column app.leads.handoff_metadata           is 'What was said at the hand-off.';
comment on column app.leads.crm_vendor                 is 'CRM it was pushed to.';
comment on column app.leads.crm_external_id            is 'Its id in that CRM.';
comment on column app.leads.crm_status                 is 'ok | pending | failed.';
comment on column app.leads.crm_last_synced_at         is 'When it was last pushed.';
comment on column app.leads.created_at                 is 'When it was created.';
comment on column app.leads.updated_at                 is 'When it last changed.';
comment on column app.leads.external_id                is 'Id of the lead at its source; one lead per source and id.';
comment on column app.leads.last_reply_at              is 'When the lead last replied.';
comment on column app.leads.reply_count                is 'Number of replies recorded.';
comment on column app.leads.workspace_id               is 'The organization''s parent, or itself: whose workspace keys see the lead. Derived.';
comment on column app.leads.email_key                  is 'Email address in lower case, to look it up by. Derived.';
comment on column app.leads.phone_key                  is 'Phone number as digits with the country code, to look it up by. Derived.';
comment on column app.leads.search_text                is 'Names, addresses, number and notes as app.fold writes them, to search in. Derived.';

comment on constraint leads_identifiable   on app.leads is 'email: a lead needs at least one of email, phone, name, company or handle';
comment on constraint leads_name           on app.leads is 'name: 1 to 200 characters';
comment on constraint leads_company        on app.leads is 'company: 1 to 200 characters';
comment on constraint leads_email          on app.leads is 'email: must be an email address';
comment on constraint leads_phone          on app.leads is 'phone: 3 to 40 characters';
comment on constraint leads_handle         on app.leads is 'handle: 1 to 200 characters';
comment on constraint leads_source         on app.leads is 'source: 1 to 100 characters';
comment on constraint leads_source_url     on app.leads is 'source_url: at most 2048 characters';
comment on constraint leads_context        on app.leads is 'context: must be an object';
comment on constraint leads_pipeline_stage on app.leads is 'pipeline_stage: must be one of new, contacted, replied, qualified, won, lost';
comment on constraint leads_lead_score     on app.leads is 'lead_score: must be from 0 to 100';
comment on constraint leads_industry       on app.leads is 'industry: 1 to 100 characters';
comment on constraint leads_company_size   on app.leads is 'company_size: 1 to 100 characters';
comment on constraint leads_pain_points    on app.leads is 'pain_points: at most 10000 characters';
comment on constraint leads_timeline       on app.leads is 'timeline: 1 to 200 characters';
comment on constraint leads_budget_range   on app.leads is 'budget_range: 1 to 200 characters';
comment on constraint leads_ai_reasoning   on app.leads is 'ai_reasoning: at most 10000 characters';
comment on constraint leads_notes          on app.leads is 'notes: at most 10000 characters';
comment on constraint leads_tags           on app.leads is 'tags: at most 100, none of them null';
comment on constraint leads_enrichment     on app.leads is 'enrichment: must be an object';
comment on constraint leads_target_type    on app.leads is 'target_type: 1 to 100 characters';
comment on constraint leads_external_id    on app.leads is 'external_id: 1 to 255 characters, and it needs a source';
comment on constraint leads_handoff        on app.leads is 'handoff_destination: 1 to 200 characters, and the metadata must be an object';

-- What look-ups and searches need, from what a lead says. The text begins with a space, and so does each of its words.
create or replace function app.derive_lead() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  -- a business that is getting another parent at this moment is waited for (the foreign key takes the same lock, but later)
  if tg_op = 'INSERT' then
    perform from app.organizations as o where o.id = new.organization_id for key share;
  end if;
  new.workspace_id := coalesce((select coalesce(o.parent_organization_id, o.id) from app.organizations as o where o.id = new.organization_id),
                               new.organization_id);
  new.email_key    := lower(new.email);
  new.phone_key    := app.phone_key(new.phone);
  new.search_text  := app.fold(concat_ws(' ', '', new.name, new.handle, new.company, new.email, new.phone_key, new.notes));
  return new;
end
$$;

comment on function app.derive_lead is 'Trigger: fills workspace_id, email_key, phone_key and search_text of a lead.';

create or replace trigger _050_derive
  before insert or update of organization_id, workspace_id, name, handle, company, email, email_key, phone, phone_key, notes, search_text on app.leads
  for each row execute function app.derive_lead();
create or replace trigger _100_touch before update on app.leads for each row execute function private.touch();
create or replace trigger _500_record after insert or update or delete on app.leads
  for each row execute function audit.record('lead', '', 'crm_vendor,crm_external_id,crm_status,crm_last_synced_at', 'workspace_id,email_key,phone_key,search_text');

-- A business that gets another parent takes its leads along.
create or replace function app.move_leads() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update app.leads set workspace_id = new.id where organization_id = new.id;
  return null;
end
$$;

comment on function app.move_leads is 'Trigger: leads of an organization that gets another parent belong to that workspace.';

create or replace trigger _600_move_leads after update of parent_organization_id on app.organizations
  for each row when (new.parent_organization_id is distinct from old.parent_organization_id) execute function app.move_leads();

alter table app.leads enable row level security;
alter table app.leads force row level security;
drop policy if exists "the core's own functions reach every lead" on app.leads;
create policy "the core's own functions reach every lead" on app.leads to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's leads, or a child's by grant" on app.leads;
create policy "a key sees its organization's leads, or a child's by grant" on app.leads for select to tenant
  using (organization_id = (select private.readable('leads')));
drop policy if exists "a key that may write adds leads to its organization" on app.leads;
create policy "a key that may write adds leads to its organization" on app.leads for insert to tenant
  with check (organization_id = (select private.writable('leads')));
drop policy if exists "a key that may write changes its organization's leads" on app.leads;
create policy "a key that may write changes its organization's leads" on app.leads for update to tenant
  using (organization_id = (select private.writable('leads')));
drop policy if exists "a workspace key sees the leads of every business" on app.leads;
create policy "a workspace key sees the leads of every business" on app.leads for select to workspace
  using (workspace_id = (select private.workspace('leads')));
drop policy if exists "a workspace key that may write adds leads to a business" on app.leads;
create policy "a workspace key that may write adds leads to a business" on app.leads for insert to workspace
  with check (workspace_id = (select private.workspace('leads', 'write')));
drop policy if exists "a workspace key that may write changes leads of a business" on app.leads;
create policy "a workspace key that may write changes leads of a business" on app.leads for update to workspace
  using (workspace_id = (select private.workspace('leads', 'write')));
drop policy if exists "a database login sees its organization's leads" on app.leads;
create policy "a database login sees its organization's leads" on app.leads for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every lead" on app.leads;
create policy "a login for all sees every lead" on app.leads for select to analyst_all using (true);

grant insert (organization_id, name, company, email, phone, handle, job_title, source, source_url, target_type, context,
              pipeline_stage, lead_score, tags, notes, industry, company_size, pain_points, timeline, budget_range,
              ai_reasoning, signals, enrichment, enriched_at, linkedin_url, twitter_url, facebook_url, external_id)
   on app.leads to tenant, workspace;
grant update (name, company, email, phone, handle, job_title, source, source_url, target_type, context,
              pipeline_stage, lead_score, scored_at, tags, notes, industry, company_size, pain_points, timeline, budget_range,
              ai_reasoning, qualification_completed_at, signals, enrichment, enriched_at, linkedin_url, twitter_url, facebook_url)
   on app.leads to tenant, workspace;
grant select (organization_id, id, name, company, email, phone, handle, job_title, source, source_url, target_type, context,
              job_id, pipeline_stage, lead_score, scored_at, tags, notes, industry, company_size, pain_points, timeline,
              budget_range, ai_reasoning, qualification_completed_at, signals, enrichment, enriched_at, linkedin_url,
              twitter_url, facebook_url, handed_off_at, handoff_destination, handoff_metadata, crm_vendor, crm_external_id,
              crm_status, crm_last_synced_at, created_at, updated_at, external_id, last_reply_at, reply_count,
              workspace_id, email_key, phone_key, search_text) on app.leads to tenant, workspace, analyst, analyst_all;

-- The organization of a new row defaults to the request's, so that nobody has to say it.
alter table app.leads alter column organization_id set default private.tenant();

create or replace view api.leads with (security_invoker = true) as
select organization_id, id, name, company, email, phone, handle, job_title, source, source_url, target_type, context,
       pipeline_stage, lead_score, scored_at, tags, notes, industry, company_size, pain_points, timeline, budget_range,
       ai_reasoning, qualification_completed_at, signals, enrichment, enriched_at, linkedin_url, twitter_url, facebook_url,
       handed_off_at, handoff_destination, handoff_metadata, crm_vendor, crm_external_id, crm_status, crm_last_synced_at,
       created_at, updated_at, external_id, last_reply_at, reply_count
  from app.leads;

alter view api.leads alter column organization_id set default private.tenant();
comment on view api.leads is 'Your leads. Rows can be added and changed here; every change is audited and announced like one made over HTTP.';

select private.describe_columns('api.leads', 'app.leads');

grant select on api.leads to tenant, workspace, analyst, analyst_all;
grant insert (name, company, email, phone, handle, job_title, source, source_url, target_type, context,
              pipeline_stage, lead_score, tags, notes, industry, company_size, pain_points, timeline, budget_range,
              ai_reasoning, signals, enrichment, enriched_at, linkedin_url, twitter_url, facebook_url, external_id) on api.leads to tenant, workspace;
grant update (name, company, email, phone, handle, job_title, source, source_url, target_type, context,
              pipeline_stage, lead_score, tags, notes, industry, company_size, pain_points, timeline, budget_range,
              ai_reasoning, signals, enrichment, enriched_at, linkedin_url, twitter_url, facebook_url) on api.leads to tenant, workspace;
