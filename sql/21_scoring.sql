-- Scoring: rules are data. A rule is a label, a jsonpath predicate over the lead, and a weight; the reasons are printed.

create table if not exists app.scoring_rules (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  label           text           not null,
  predicate       jsonpath       not null,
  weight          numeric(4, 2)  not null,
  enabled         boolean        not null default true,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  constraint scoring_rules_pkey primary key (organization_id, id),
  constraint scoring_rules_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint scoring_rules_label  check (label ~ '\S' and length(label) <= 200),
  constraint scoring_rules_weight check (weight between -1 and 1)
);

comment on table  app.scoring_rules                 is 'What makes a lead a good one: label, predicate over the lead, weight.';
comment on column app.scoring_rules.organization_id is 'Organization the rule scores for.';
comment on column app.scoring_rules.id              is 'Rule id.';
comment on column app.scoring_rules.label           is 'The reason, as it is printed: Business email (+0.10).';
comment on column app.scoring_rules.predicate       is 'jsonpath over the lead as JSON; the rule counts when it finds something.';
comment on column app.scoring_rules.weight          is 'Part of the score it adds or takes, from -1 to 1 (1 is the whole score of 100).';
comment on column app.scoring_rules.enabled         is 'Whether it counts.';
comment on column app.scoring_rules.created_at      is 'When it was made.';
comment on column app.scoring_rules.updated_at      is 'When it last changed.';
comment on constraint scoring_rules_label  on app.scoring_rules is 'label: must not be blank, at most 200 characters';
comment on constraint scoring_rules_weight on app.scoring_rules is 'weight: must be from -1 to 1';

create or replace trigger _100_touch before update on app.scoring_rules for each row execute function private.touch();
-- the rules an organization starts with are part of its creation, not changes of their own
create or replace trigger _500_record after insert or update or delete on app.scoring_rules
  for each row when (pg_trigger_depth() = 0) execute function audit.record('scoring_rule');

alter table app.scoring_rules enable row level security;
alter table app.scoring_rules force row level security;
drop policy if exists "the core's own functions reach every rule" on app.scoring_rules;
create policy "the core's own functions reach every rule" on app.scoring_rules to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's rules" on app.scoring_rules;
create policy "a key sees its organization's rules" on app.scoring_rules for select to tenant
  using (organization_id = (select private.tenant()));
-- One policy per verb: a policy for all of them would also be asked when a key only reads, and answer 403.
drop policy if exists "an admin key adds rules to its organization" on app.scoring_rules;
create policy "an admin key adds rules to its organization" on app.scoring_rules for insert to tenant
  with check (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "an admin key changes its organization's rules" on app.scoring_rules;
create policy "an admin key changes its organization's rules" on app.scoring_rules for update to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "an admin key removes its organization's rules" on app.scoring_rules;
create policy "an admin key removes its organization's rules" on app.scoring_rules for delete to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "a database login sees its organization's rules" on app.scoring_rules;
create policy "a database login sees its organization's rules" on app.scoring_rules for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every rule" on app.scoring_rules;
create policy "a login for all sees every rule" on app.scoring_rules for select to analyst_all using (true);

-- The rules an organization starts with. They are its own from then on.
create or replace function app.add_default_rules() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.scoring_rules (organization_id, label, predicate, weight)
  select new.id, label, predicate::jsonpath, weight
    from (values
      ('Needs it now',                     '$.timeline ? (@ like_regex "now|today|asap|immediate|urgent|emergency|this[_ ]week|24" flag "i")', 0.20),
      ('Describes an urgent problem',      '$.pain_points ? (@ like_regex "leak|flood|burst|fire|smoke|mold|water|storm|sewage|emergency|damage" flag "i")', 0.20),
      ('Describes the problem',            '$.pain_points ? (@ like_regex "\\S" && !(@ like_regex "leak|flood|burst|fire|smoke|mold|water|storm|sewage|emergency|damage" flag "i"))', 0.08),
      ('Can be phoned',                    '$.phone ? (@ != null)', 0.15),
      ('Email given',                      '$.email ? (@ != null)', 0.10),
      ('Business email',                   '$.email ? (!(@ like_regex "@(gmail|googlemail|yahoo|outlook|hotmail|live|icloud|aol|proton|protonmail|gmx|mail)\\." flag "i"))', 0.05),
      ('Disposable email',                 '$.email ? (@ like_regex "@(mailinator|guerrillamail|10minutemail|tempmail|trashmail|yopmail)\\." flag "i")', -0.40),
      ('Full name given',                  '$.name ? (@ like_regex "\\S+\\s+\\S+")', 0.05),
      ('Company named',                    '$.company ? (@ != null)', 0.05),
      ('Budget named',                     '$.budget_range ? (@ != null)', 0.10),
      ('Came by referral',                 '$.source ? (@ like_regex "referral|partner" flag "i")', 0.15),
      ('Answered an advertisement',        '$.source ? (@ like_regex "ads|facebook_lead_ad|ppc" flag "i")', 0.08),
      ('Came through the website',         '$.source ? (@ like_regex "website|form|public_tool" flag "i")', 0.08),
      ('Replied',                          '$.pipeline_stage ? (@ == "replied" || @ == "qualified")', 0.15)
    ) as defaults (label, predicate, weight);
  return null;
end
$$;

comment on function app.add_default_rules is 'Trigger: gives a new organization the rules it starts with.';

create or replace trigger _600_default_rules after insert on app.organizations for each row execute function app.add_default_rules();

-- The score a lead earns by its organization's rules as they are now, from 0 to 100, and the reasons, heaviest first:
-- "Needs it now (+0.20); Can be phoned (+0.15)". Changes nothing.
create or replace function app.score(lead app.leads, out lead_score integer, out reasons text)
language sql stable
set search_path = ''
as $$
  select greatest(0, least(100, round(100 * coalesce(sum(r.weight), 0))))::integer,
         coalesce(string_agg(format('%s (%s)', r.label, to_char(r.weight, 'FMS0.00')), '; ' order by abs(r.weight) desc, r.label),
                  'No rule found anything')
    from app.scoring_rules as r
   where r.organization_id = lead.organization_id
     and r.enabled
     and jsonb_path_exists(to_jsonb(lead), r.predicate, silent => true)
$$;

comment on function app.score is 'Score (0–100) that a lead earns by its organization''s rules, and the reasons, heaviest first.';

-- Scores a lead anew and keeps the result. Raises 404 when there is no such lead.
create or replace function app.score_lead(lead_id uuid) returns app.leads
language plpgsql
set search_path = ''
as $$
declare
  scored app.leads;
begin
  update app.leads as l
     set (lead_score, ai_reasoning, scored_at, qualification_completed_at) = (
           select s.lead_score, s.reasons, now(), coalesce(l.qualification_completed_at, now()) from app.score(l) as s)
   where l.id = lead_id
  returning * into scored;
  if scored.id is null then
    perform app.fail(404, 'not_found', 'No such lead.');
  end if;
  return scored;
end
$$;

comment on function app.score_lead is 'Scores a lead anew by the rules and keeps score and reasons; 404 when there is no such lead.';

create or replace function api.score_lead(lead_id uuid)
returns table (id uuid, lead_score smallint, ai_reasoning text, scored_at timestamptz)
language sql
set search_path = ''
as $$
  select (s).id, (s).lead_score, (s).ai_reasoning, (s).scored_at from app.score_lead(lead_id) as s
$$;

comment on function api.score_lead is 'Scores one of your leads anew by your scoring rules: the new score (0–100) and the reasons.';

grant select (organization_id, id, label, predicate, weight, enabled, created_at, updated_at) on app.scoring_rules to tenant, analyst, analyst_all;
grant insert (organization_id, label, predicate, weight, enabled), update (label, predicate, weight, enabled), delete on app.scoring_rules to tenant;
grant execute on function app.score, app.score_lead, api.score_lead to tenant;

create or replace view api.scoring_rules with (security_invoker = true) as
select organization_id, id, label, predicate, weight, enabled, created_at, updated_at from app.scoring_rules;

alter view api.scoring_rules alter column organization_id set default private.tenant();
comment on view   api.scoring_rules                 is 'Your scoring rules. An admin key may add, change and remove them.';
comment on column api.scoring_rules.organization_id is 'Organization the rule scores for.';
comment on column api.scoring_rules.id              is 'Rule id.';
comment on column api.scoring_rules.label           is 'The reason, as it is printed: Business email (+0.05).';
comment on column api.scoring_rules.predicate       is 'jsonpath over the lead as JSON; the rule counts when it finds something.';
comment on column api.scoring_rules.weight          is 'Part of the score it adds or takes, from -1 to 1.';
comment on column api.scoring_rules.enabled         is 'Whether it counts.';
comment on column api.scoring_rules.created_at      is 'When it was made.';
comment on column api.scoring_rules.updated_at      is 'When it last changed.';
grant select on api.scoring_rules to tenant, analyst, analyst_all;
grant insert (label, predicate, weight, enabled), update (label, predicate, weight, enabled), delete on api.scoring_rules to tenant;
