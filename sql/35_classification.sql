-- Classification: what a call was about. What speaks for what is data (34_classification_rules.sql): rules, an
-- organization's own, and words, the same for all.
--
--   transcript ──► words, by whom ─┐
--   facts ─────────────────────────┴─► evidence for each intent, urgency, qualified ──► heaviest wins, reasons kept
--
-- Weights are log-odds: with 1 more, the odds of an outcome are 2.7 times what they were. The shipped ones are fitted to labelled
-- transcripts (36_classification_defaults.sql).

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

grant execute on function app.said, app.call_facts, app.classify, app.record_classification, app.classify_call to tenant;
