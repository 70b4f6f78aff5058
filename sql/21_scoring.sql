-- Scoring rules are data: a rule is a label, a jsonpath predicate over the lead and its signals, and a weight. What they bring a lead is
-- in 39_scoring.sql.

create table if not exists app.scoring_rules (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  label           text           not null,
  predicate       jsonpath       not null,
  weight          numeric(4, 2)  not null,
  enabled         boolean        not null default true,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  disabled_reason text,
  constraint scoring_rules_pkey primary key (organization_id, id),
  constraint scoring_rules_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint scoring_rules_label  check (label ~ '\S' and length(label) <= 200),
  constraint scoring_rules_weight check (weight between -1 and 1)
);

comment on table  app.scoring_rules                 is 'What makes a lead a good one: label, predicate over the lead, weight.';
comment on column app.scoring_rules.organization_id is 'Organization the rule scores for.';
comment on column app.scoring_rules.id              is 'Rule id.';
comment on column app.scoring_rules.label           is 'The reason, as it is printed: phone validated (+0.10).';
comment on column app.scoring_rules.predicate       is 'jsonpath over the lead as JSON, with its signals: $.signals.phone_valid ? (@ == true). The rule counts when it finds something.';
comment on column app.scoring_rules.weight          is 'Part of the score it adds or takes, from -1 to 1 (1 is the whole score of 100).';
comment on column app.scoring_rules.enabled         is 'Whether it counts.';
comment on column app.scoring_rules.created_at      is 'When it was made.';
comment on column app.scoring_rules.updated_at      is 'When it last changed.';
comment on column app.scoring_rules.disabled_reason is 'Why it was switched off by itself: it did not come to an end. Null when it was not; enabling it clears this.';
comment on constraint scoring_rules_label  on app.scoring_rules is 'label: must not be blank, at most 200 characters';
comment on constraint scoring_rules_weight on app.scoring_rules is 'weight: must be from -1 to 1';

-- Who enables a rule that was switched off by itself has seen why.
create or replace function app.forget_disabled_reason() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.disabled_reason := null;
  return new;
end
$$;

comment on function app.forget_disabled_reason is 'Trigger: a rule that is enabled again was not switched off by itself any more.';

create or replace trigger _060_forget_reason before update of enabled on app.scoring_rules
  for each row when (new.enabled) execute function app.forget_disabled_reason();
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

-- The rules an organization starts with, which read the lead and its signals (38_lead_signals.sql). Together they may bring more than 100;
-- a score ends there.
create or replace function private.default_scoring_rules() returns table (label text, predicate jsonpath, weight numeric)
language sql immutable
set search_path = ''
as $$
  select label, predicate::jsonpath, weight
    from (values
      ('In the service area',                    '$.signals.in_service_area ? (@ == true)',               0.18),
      ('Outside of the service area',            '$.signals.in_service_area ? (@ == false)',             -0.30),
      ('Needs it now',                           '$.timeline ? (@ like_regex "now|today|asap|immediate|urgent|emergency|this[_ ]week|24" flag "i")', 0.15),
      ('Urgent problem',                         '$.signals.urgent ? (@ == true)',                        0.15),
      ('Replied',                                '$.pipeline_stage ? (@ == "replied" || @ == "qualified")', 0.15),
      ('Phone validated',                        '$.signals.phone_valid ? (@ == true)',                   0.10),
      ('Phone number that cannot exist',         '$.signals.phone_valid ? (@ == false)',                 -0.10),
      ('Repeat caller',                          '$.signals.repeat_caller ? (@ == true)',                 0.10),
      ('Source that converts well',              '$.signals.source_lift ? (@ >= 1.25)',                   0.10),
      ('Source that seldom converts',            '$.signals.source_lift ? (@ <= 0.5)',                   -0.10),
      ('Came by referral',                       '$.source ? (@ like_regex "referral|partner" flag "i")', 0.10),
      ('Fast form completion',                   '$.signals.form_seconds ? (@ >= 3 && @ <= 90)',          0.08),
      ('Form filled in faster than people type', '$.signals.form_seconds ? (@ < 3)',                     -0.20),
      ('Complete details',                       '$.signals.completeness ? (@ >= 0.7)',                   0.08),
      ('Budget named',                           '$.budget_range ? (@ != null)',                          0.07),
      ('Email address validated',                '$.signals.email_valid ? (@ == true)',                   0.05),
      ('Business email',                         '$.signals.email_kind ? (@ == "business")',              0.05),
      ('Disposable email address',               '$.signals.email_kind ? (@ == "disposable")',           -0.40),
      ('Email address that cannot exist',        '$.signals.email_kind ? (@ == "impossible")',           -0.10),
      ('Mistyped email address',                 '$.signals.email_kind ? (@ == "mistyped")',             -0.05),
      ('Describes the problem',                  '$.pain_points ? (@ like_regex "\\S")',                  0.05)
    ) as defaults (label, predicate, weight)
$$;

comment on function private.default_scoring_rules is 'Rules that a new organization starts with.';

-- They are its own from then on.
create or replace function app.add_default_rules() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  insert into app.scoring_rules (organization_id, label, predicate, weight)
  select new.id, d.label, d.predicate, d.weight from private.default_scoring_rules() as d;
  return null;
end
$$;

comment on function app.add_default_rules is 'Trigger: gives a new organization the rules it starts with.';

create or replace trigger _600_default_rules after insert on app.organizations for each row execute function app.add_default_rules();

grant select (organization_id, id, label, predicate, weight, enabled, created_at, updated_at, disabled_reason) on app.scoring_rules to tenant, analyst, analyst_all;
grant insert (organization_id, label, predicate, weight, enabled), update (label, predicate, weight, enabled), delete on app.scoring_rules to tenant;

create or replace view api.scoring_rules with (security_invoker = true) as
select organization_id, id, label, predicate, weight, enabled, created_at, updated_at, disabled_reason from app.scoring_rules;

alter view api.scoring_rules alter column organization_id set default private.tenant();
comment on view   api.scoring_rules                 is 'Your scoring rules. An admin key may add, change and remove them.';
comment on column api.scoring_rules.organization_id is 'Organization the rule scores for.';
comment on column api.scoring_rules.id              is 'Rule id.';
comment on column api.scoring_rules.label           is 'The reason, as it is printed: phone validated (+0.10).';
comment on column api.scoring_rules.predicate       is 'jsonpath over the lead as JSON, with its signals: $.signals.phone_valid ? (@ == true). The rule counts when it finds something.';
comment on column api.scoring_rules.weight          is 'Part of the score it adds or takes, from -1 to 1.';
comment on column api.scoring_rules.enabled         is 'Whether it counts.';
comment on column api.scoring_rules.created_at      is 'When it was made.';
comment on column api.scoring_rules.updated_at      is 'When it last changed.';
comment on column api.scoring_rules.disabled_reason is 'Why it was switched off by itself: it did not come to an end. Null when it was not; enabling it clears this.';
grant select on api.scoring_rules to tenant, analyst, analyst_all;
grant insert (label, predicate, weight, enabled), update (label, predicate, weight, enabled), delete on api.scoring_rules to tenant;
