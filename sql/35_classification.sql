-- Classification: what a call was about. What speaks for what is data: rules, an organization's own, and words, the same for all.
--
--   transcript ──► words, by whom ─┐
--   facts ─────────────────────────┴─► evidence for each intent, urgency, qualified ──► heaviest wins, reasons kept
--
-- Weights are log-odds: with 1 more, the odds of an outcome are 2.7 times what they were. The shipped ones are fitted to labelled
-- transcripts (36_classification_defaults.sql).

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

-- The words of a transcript, marked with who said them: A the caller, D whoever answered. A line that begins with "Agent:" (or another
-- word for whoever works here) is ours, any other line the caller's; a line without a name belongs to the one before. Some trackers write
-- all of it on one line: the usual words for who speaks begin one of their own. Later than 20,000 characters nobody says what they
-- called for.
create or replace function app.said(transcript text) returns tsvector
language plpgsql immutable parallel safe
set search_path = ''
as $$
begin
  return (
  with line as (
    select l.number, l.text, (regexp_match(l.text, '^\s*([[:alpha:]][[:alnum:] ]{0,23}):'))[1] as speaker
      from regexp_split_to_table(
             regexp_replace(left(transcript, 20000),
                            '\s(agent|operator|rep|representative|receptionist|dispatcher|caller|customer|client|speaker)( \d)?:', E'\n\\1\\2:', 'gi'),
             E'\n') with ordinality as l (text, number)
  ),
  turn as (
    select number, speaker, count(speaker) over (order by number) as turn,
           case when speaker is null then text else substr(text, strpos(text, ':') + 1) end as text
      from line
  ),
  told as (
    select number, text,
           coalesce(first_value(speaker) over (partition by turn order by number)
                    ~* '^(agent|operator|rep|representative|receptionist|dispatch|dispatcher|csr|staff|employee|business|office|company)\M', false) as ours
      from turn
  )
  select setweight(to_tsvector('app.spoken', coalesce(string_agg(text, E'\n' order by number) filter (where not ours), '')), 'A')
      || to_tsvector('app.spoken', coalesce(string_agg(text, E'\n' order by number) filter (where ours), ''))
    from told);
end
$$;

comment on function app.said is 'Words of a transcript, marked with who said them: A the caller, D whoever answered.';

-- What predicates of rules are asked of: the call's columns, without what was said and what was found, and
--   words          number of different words in the transcript
--   earlier_calls  calls of the same number in the 90 days before (counted to 20)
create or replace function app.call_facts(call app.calls) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return to_jsonb(call) - array['transcript', 'status', 'intent', 'confidence', 'urgency', 'qualified', 'classification_reasons', 'classified_by',
                                'classified_at', 'qualified_at', 'dispatch_action', 'dispatch_reason', 'dispatched_at', 'classification_ms',
                                'recording_source_url', 'recording_key', 'sms_callback_sent', 'crm_job_id', 'lead_id', 'updated_at']
      || jsonb_build_object(
           'words', coalesce(length(app.said(call.transcript)), 0),
           'earlier_calls', (
             select count(*)
               from (select from app.calls as c
                      where c.organization_id = call.organization_id and c.caller_key = call.caller_key and c.id <> call.id
                        and c.received_at < call.received_at and c.received_at > call.received_at - interval '90 days'
                      limit 20) as earlier));
end
$$;

comment on function app.call_facts is 'What predicates of classification rules are asked of: the call''s columns, words, earlier_calls.';

-- What a call was about by its organization's rules as they are now. Changes nothing. (In PL/pgSQL, like what it calls, because that keeps
-- plans from one statement to the next: planning takes longer than classifying.)
--   intent      what most speaks for; other when nothing does
--   confidence  its share of the odds, fitted so that of calls at 0.80 four in five are right
--   urgency     low for who is no customer; else what most speaks for, and medium when nothing does
--   qualified   a loss that we can help with; null when nothing was said, because then nobody knows
--   reasons     what spoke for and against it, heaviest first: "Burst pipe (+2.10 water); Says "basement" (+0.31 water)"
create or replace function app.classify(call app.calls, out intent text, out confidence numeric, out urgency text, out qualified boolean, out reasons text)
language plpgsql stable
set search_path = ''
as $$
#variable_conflict use_column
begin
  with heard as materialized (
    select app.said(call.transcript) as words, app.call_facts(call) as facts
  ),
  term as (
    select quote_literal(l.lexeme) || ':' || w.by as term, case w.by when 'A' then 'Says' else 'Is told' end || format(' "%s"', l.lexeme) as label
      from heard, unnest(heard.words) as l cross join lateral unnest(l.weights) as w (by)
     group by l.lexeme, w.by
  ),
  known as materialized (
    select w.*, t.label, 3 / sqrt(count(*) over ()) as share
      from term as t join app.classification_words as w on w.term = t.term
     where not exists (select from app.classification_rules as r
                        where r.organization_id = call.organization_id and r.enabled
                          and case when numnode(r.terms) = 1 then r.terms::text end = t.term)
    union all
    select w.*, null, 1 from app.classification_words as w, heard where w.term = '' and length(heard.words) > 0
  ),
  evidence as materialized (
    select r.subject, r.value, r.label, r.weight::float8 as weight
      from app.classification_rules as r, heard
     where r.organization_id = call.organization_id and r.enabled
       and (r.terms is null or heard.words @@ r.terms)
       and (r.predicate is null or jsonb_path_exists(heard.facts, r.predicate, silent => true))
    union all
    select o.subject, o.value, k.label, o.weight::float8 * k.share
      from known as k
     cross join lateral (values
       ('intent', 'water', k.water), ('intent', 'fire', k.fire), ('intent', 'mold', k.mold), ('intent', 'biohazard', k.biohazard),
       ('intent', 'sales_pitch', k.sales_pitch), ('intent', 'wrong_number', k.wrong_number), ('intent', 'other', k.other),
       ('urgency', 'high', k.high), ('urgency', 'medium', k.medium), ('urgency', 'low', k.low), ('qualified', 'true', k.qualified)
     ) as o (subject, value, weight)
  ),
  weighed as (
    select o.subject, o.value, o.position, coalesce(sum(e.weight), 0) as weight
      from (values ('intent', 'other', 1), ('intent', 'water', 2), ('intent', 'fire', 3), ('intent', 'mold', 4), ('intent', 'biohazard', 5),
                   ('intent', 'sales_pitch', 6), ('intent', 'wrong_number', 7), ('urgency', 'medium', 1), ('urgency', 'high', 2),
                   ('urgency', 'low', 3), ('qualified', 'true', 1)) as o (subject, value, position)
      left join evidence as e on e.subject = o.subject and e.value = o.value
     group by o.subject, o.value, o.position
  ),
  decided as (
    select won.value as intent, won.share,
           case when length(heard.words) > 0
                then won.value in ('water', 'fire', 'mold', 'biohazard') and (select w.weight > 0 from weighed as w where w.subject = 'qualified')
           end as qualified,
           (select w.value from weighed as w where w.subject = 'urgency' order by w.weight desc, w.position limit 1) as urgency
      from heard,
           (select w.value, exp(w.weight - max(w.weight) over ()) / sum(exp(w.weight - (select max(x.weight) from weighed as x where x.subject = 'intent'))) over () as share
              from weighed as w where w.subject = 'intent' order by w.weight desc, w.position limit 1) as won
  )
  select d.intent, least(0.99, greatest(0.01, round(d.share::numeric, 2))),
         case when d.qualified is false then 'low' else d.urgency end,
         d.qualified,
         coalesce((
           select string_agg(format('%s (%s %s)', r.label, to_char(r.weight, 'FMS990.00'), case r.subject when 'qualified' then r.subject else r.value end),
                             '; ' order by abs(r.weight) desc, r.label)
             from (select e.label, e.subject, e.value, e.weight
                     from evidence as e
                    where e.label is not null and abs(e.weight) >= 0.05
                      and (e.subject = 'intent' and e.value = d.intent
                           or e.subject = 'urgency' and e.value = d.urgency and d.qualified is not false
                           or e.subject = 'qualified' and d.intent in ('water', 'fire', 'mold', 'biohazard'))
                    order by abs(e.weight) desc, e.label limit 10) as r
         ), 'Nothing spoke for anything')
    into intent, confidence, urgency, qualified, reasons
    from decided as d;
end
$$;

comment on function app.classify is 'What a call was about by its organization''s rules: intent, confidence, urgency, qualified, and the reasons, heaviest first.';

-- Keeps what was decided about a call, whoever decided. The same decision again changes nothing, and announces nothing. Raises 404 when
-- there is no such call, and 400 when the result lacks something.
--   result  intent, confidence, urgency, qualified (null: not known), reasons
create or replace function app.record_classification(call_id uuid, result jsonb, decided_by text) returns app.calls
language plpgsql
set search_path = ''
as $$
declare
  kept    app.calls;
  missing text := case when jsonb_typeof(result) is distinct from 'object' then 'result'
                       when result ->> 'intent' is null then 'intent'
                       when result ->> 'confidence' is null then 'confidence'
                       when result ->> 'urgency' is null then 'urgency'
                       when coalesce(decided_by, '') !~ '\S' then 'decided_by' end;
begin
  if missing is not null then
    perform app.fail(400, 'invalid_request', format('A classification needs %s.', missing), jsonb_build_object('field', missing, 'reason', 'is required'));
  end if;
  select * into kept from app.calls as c where c.id = call_id for no key update;
  if kept.id is null then
    perform app.fail(404, 'not_found', 'No such call.');
  end if;
  if (kept.intent, kept.confidence, kept.urgency, kept.qualified, kept.classification_reasons, kept.classified_by)
     is not distinct from (result ->> 'intent', (result ->> 'confidence')::numeric(3, 2), result ->> 'urgency', (result ->> 'qualified')::boolean,
                           result ->> 'reasons', decided_by) then
    return kept;
  end if;
  update app.calls as c
     set intent = result ->> 'intent', confidence = (result ->> 'confidence')::numeric(3, 2), urgency = result ->> 'urgency',
         qualified = (result ->> 'qualified')::boolean, classification_reasons = result ->> 'reasons', classified_by = decided_by,
         classified_at = clock_timestamp(), status = case c.status when 'received' then 'classified' else c.status end
   where c.id = call_id
  returning * into kept;
  -- a change of its own, so that call.qualified is announced after call.classified
  if kept.qualified and kept.qualified_at is null then
    update app.calls as c set qualified_at = c.classified_at where c.id = call_id returning * into kept;
  end if;
  return kept;
end
$$;

comment on function app.record_classification is 'Keeps what was decided about a call, whoever decided; the same again changes nothing.';

-- Classifies a call by its organization's rules and keeps the result. Raises 404 when there is no such call.
create or replace function app.classify_call(call_id uuid) returns app.calls
language plpgsql
set search_path = ''
as $$
declare
  found_out jsonb;
begin
  select to_jsonb(d) into found_out from app.calls as c, app.classify(c) as d where c.id = call_id;
  if found_out is null then
    perform app.fail(404, 'not_found', 'No such call.');
  end if;
  return app.record_classification(call_id, found_out, 'rules');
end
$$;

comment on function app.classify_call is 'Classifies a call by its organization''s rules and keeps the result; 404 when there is no such call.';

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
grant execute on function app.said, app.call_facts, app.classify, app.record_classification, app.classify_call to tenant;
grant select on api.classification_rules, api.classification_words to tenant, analyst, analyst_all;
grant insert (label, subject, value, terms, predicate, weight, enabled), update (label, subject, value, terms, predicate, weight, enabled), delete
   on api.classification_rules to tenant;
