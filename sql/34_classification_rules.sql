-- Classification rules and words are data: what speaks for an intent, an urgency, or that a caller is a customer. What they make of a call
-- is in 35_classification.sql.

-- English stems, and no stop words: "not", "you" and "our" say much of who calls. (There is no "create … if not exists" for these.)
do $$
begin
  if not exists (select from pg_catalog.pg_ts_dict where dictname = 'spoken_stem' and dictnamespace = 'app'::regnamespace) then
    create text search dictionary app.spoken_stem (template = pg_catalog.snowball, language = 'english');
    comment on text search dictionary app.spoken_stem is 'English stems, without stop words.';
  end if;
  if not exists (select from pg_catalog.pg_ts_config where cfgname = 'spoken' and cfgnamespace = 'app'::regnamespace) then
    create text search configuration app.spoken (parser = pg_catalog.default);
    alter text search configuration app.spoken
      add mapping for asciiword, word, numword, asciihword, hword, numhword, hword_asciipart, hword_part, hword_numpart, int, uint, float
      with app.spoken_stem;
    comment on text search configuration app.spoken is 'How transcripts are read: English stems, without stop words.';
  end if;
end
$$;

create table if not exists app.classification_rules (
  organization_id uuid           not null default private.tenant(),
  id              uuid           not null default uuidv7(),
  label           text           not null,
  subject         text           not null default 'intent',
  value           text           not null,
  terms           tsquery,
  predicate       jsonpath,
  weight          numeric(5, 2)  not null,
  enabled         boolean        not null default true,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  disabled_reason text,
  constraint classification_rules_pkey primary key (organization_id, id),
  constraint classification_rules_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade,
  constraint classification_rules_label   check (label ~ '\S' and length(label) <= 200),
  constraint classification_rules_subject check (subject in ('intent', 'urgency', 'qualified')),
  constraint classification_rules_value   check (
    subject = 'intent' and value in ('water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other')
    or subject = 'urgency' and value in ('high', 'medium', 'low')
    or subject = 'qualified' and value = 'true'
    or subject not in ('intent', 'urgency', 'qualified')),
  constraint classification_rules_speaks  check (num_nonnulls(terms, predicate) > 0),
  constraint classification_rules_terms   check (length(terms::text) <= 20000),
  constraint classification_rules_weight  check (weight between -20 and 20)
);

comment on table  app.classification_rules                 is 'What tells what a call was about: label, what it speaks for, words or predicate, weight.';
comment on column app.classification_rules.organization_id is 'Organization the rule classifies for.';
comment on column app.classification_rules.id              is 'Rule id.';
comment on column app.classification_rules.label           is 'The reason, as it is printed: Pipe or hose broke (+2.10 water).';
comment on column app.classification_rules.subject         is 'intent | urgency | qualified: what it has a say in.';
comment on column app.classification_rules.value           is 'What it speaks for: an intent, an urgency (high, medium, low), or true.';
comment on column app.classification_rules.terms           is 'tsquery that what was said must match (:A the caller, :D whoever answered; stems are added); null: whatever was said.';
comment on column app.classification_rules.predicate       is 'jsonpath that must find something in the facts of the call (app.call_facts); null: any call.';
comment on column app.classification_rules.weight          is 'How much it speaks for it, as log-odds from -20 to 20; negative: against it.';
comment on column app.classification_rules.enabled         is 'Whether it counts.';
comment on column app.classification_rules.created_at      is 'When it was made.';
comment on column app.classification_rules.updated_at      is 'When it last changed.';
comment on column app.classification_rules.disabled_reason is 'Why it was switched off by itself: it did not come to an end. Null when it was not; enabling it clears this.';
comment on constraint classification_rules_label   on app.classification_rules is 'label: must not be blank, at most 200 characters';
comment on constraint classification_rules_subject on app.classification_rules is 'subject: must be one of intent, urgency, qualified';
comment on constraint classification_rules_value   on app.classification_rules is 'value: must be an intent, an urgency (high, medium, low), or true for qualified';
comment on constraint classification_rules_speaks  on app.classification_rules is 'terms: a rule needs terms or a predicate';
comment on constraint classification_rules_terms   on app.classification_rules is 'terms: at most 20000 characters';
comment on constraint classification_rules_weight  on app.classification_rules is 'weight: must be from -20 to 20';

-- Transcripts are heard as stems, and who writes "leaking" means "leak" too. A term that is a stem already must not be stemmed again
-- ("please" is "pleas", and that "plea"), so what was written stays, and its stems are added: to each term, so that "!leaking" means
-- neither of them.
create or replace function app.stem_terms() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  written constant text := new.terms::text;
begin
  select string_agg(case when stemmed.terms is null or numnode(stemmed.terms) = 0 or stemmed.terms = part.term::tsquery
                              -- (they were added when it was saved before)
                              or strpos(written, part.term || ' | ' || stemmed.terms) > 0 then coalesce(part.term, part.between)
                         else format('(%s | (%s))', part.term, stemmed.terms) end, '' order by part.place)::tsquery
    into new.terms
    from (select bits[1] as term, bits[2] as between, place
            from regexp_matches(written, '(''(?:[^'']|'''')*''(?::[*A-D]+)?)|([^'']+)', 'g') with ordinality as m (bits, place)) as part
   cross join lateral (select to_tsquery('app.spoken', part.term) as terms) as stemmed;
  return new;
end
$$;

comment on function app.stem_terms is 'Trigger: adds the stems of a rule''s terms to them.';

-- (the rules an organization starts with are stems)
create or replace trigger _050_derive before insert or update of terms on app.classification_rules
  for each row when (pg_trigger_depth() = 0) execute function app.stem_terms();
create or replace trigger _060_forget_reason before update of enabled on app.classification_rules
  for each row when (new.enabled) execute function app.forget_disabled_reason();
create or replace trigger _100_touch before update on app.classification_rules for each row execute function private.touch();
-- the rules an organization starts with are part of its creation, not changes of their own
create or replace trigger _500_record after insert or update or delete on app.classification_rules
  for each row when (pg_trigger_depth() = 0) execute function audit.record('classification_rule');

alter table app.classification_rules enable row level security;
alter table app.classification_rules force row level security;
drop policy if exists "the core's own functions reach every rule" on app.classification_rules;
create policy "the core's own functions reach every rule" on app.classification_rules to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's rules" on app.classification_rules;
create policy "a key sees its organization's rules" on app.classification_rules for select to tenant
  using (organization_id = (select private.tenant()));
drop policy if exists "an admin key adds rules to its organization" on app.classification_rules;
create policy "an admin key adds rules to its organization" on app.classification_rules for insert to tenant
  with check (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "an admin key changes its organization's rules" on app.classification_rules;
create policy "an admin key changes its organization's rules" on app.classification_rules for update to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "an admin key removes its organization's rules" on app.classification_rules;
create policy "an admin key removes its organization's rules" on app.classification_rules for delete to tenant
  using (organization_id = (select private.writable('organizations', 'admin')));
drop policy if exists "a database login sees its organization's rules" on app.classification_rules;
create policy "a database login sees its organization's rules" on app.classification_rules for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every rule" on app.classification_rules;
create policy "a login for all sees every rule" on app.classification_rules for select to analyst_all using (true);

-- What single words speak for. Fitted, and the same for all; a rule of exactly one such term takes its place for an organization.
create table if not exists app.classification_words (
  term         text not null,
  water        real not null default 0,
  fire         real not null default 0,
  mold         real not null default 0,
  biohazard    real not null default 0,
  sales_pitch  real not null default 0,
  wrong_number real not null default 0,
  other        real not null default 0,
  high         real not null default 0,
  medium       real not null default 0,
  low          real not null default 0,
  qualified    real not null default 0,
  constraint classification_words_pkey primary key (term)
);

comment on table  app.classification_words              is 'What single words in a transcript speak for. The same for all, so they belong to no organization.';
comment on column app.classification_words.term         is 'Stem and who said it, as a tsquery prints it: ''leak'':A by the caller, :D by whoever answered. Empty: true of any call.';
comment on column app.classification_words.water        is 'Log-odds for water, as all of these before they are divided by the root of the number of words known.';
comment on column app.classification_words.fire         is 'Log-odds for fire.';
comment on column app.classification_words.mold         is 'Log-odds for mold.';
comment on column app.classification_words.biohazard    is 'Log-odds for biohazard.';
comment on column app.classification_words.sales_pitch  is 'Log-odds for sales_pitch.';
comment on column app.classification_words.wrong_number is 'Log-odds for wrong_number.';
comment on column app.classification_words.other        is 'Log-odds for other.';
comment on column app.classification_words.high         is 'Log-odds for high urgency.';
comment on column app.classification_words.medium       is 'Log-odds for medium urgency.';
comment on column app.classification_words.low          is 'Log-odds for low urgency.';
comment on column app.classification_words.qualified    is 'Log-odds for somebody who may become a customer.';

alter table app.classification_words enable row level security;
alter table app.classification_words force row level security;
drop policy if exists "the core knows the words" on app.classification_words;
create policy "the core knows the words" on app.classification_words to trunkline_owner using (true) with check (true);
drop policy if exists "everybody may know what words speak for" on app.classification_words;
create policy "everybody may know what words speak for" on app.classification_words for select using (true);

create or replace view api.classification_rules with (security_invoker = true) as
select organization_id, id, label, subject, value, terms, predicate, weight, enabled, created_at, updated_at, disabled_reason
  from app.classification_rules;

alter view api.classification_rules alter column organization_id set default private.tenant();
comment on view api.classification_rules is 'Your classification rules. An admin key may add, change and remove them.';
select private.describe_columns('api.classification_rules', 'app.classification_rules');

create or replace view api.classification_words with (security_invoker = true) as
select term, water, fire, mold, biohazard, sales_pitch, wrong_number, other, high, medium, low, qualified from app.classification_words;

comment on view api.classification_words is 'What single words speak for. A rule of yours whose terms are exactly one of these takes its place.';
select private.describe_columns('api.classification_words', 'app.classification_words');

grant select (organization_id, id, label, subject, value, terms, predicate, weight, enabled, created_at, updated_at, disabled_reason)
   on app.classification_rules to tenant, analyst, analyst_all;
grant insert (organization_id, label, subject, value, terms, predicate, weight, enabled),
      update (label, subject, value, terms, predicate, weight, enabled), delete
   on app.classification_rules to tenant;
grant select (term, water, fire, mold, biohazard, sales_pitch, wrong_number, other, high, medium, low, qualified)
   on app.classification_words to tenant, analyst, analyst_all;
grant select on api.classification_rules, api.classification_words to tenant, analyst, analyst_all;
grant insert (label, subject, value, terms, predicate, weight, enabled), update (label, subject, value, terms, predicate, weight, enabled), delete
   on api.classification_rules to tenant;
