-- Scoring: what an organization's rules bring a lead. Every point is explained.

-- What a rule reads: the lead as JSON, its signals beside what was detected on it, so that $.signals.phone_valid and
-- $.signals ? (@ == "hiring") both find what they name.
create or replace function private.lead_document(lead app.leads) returns jsonb
language sql stable
set search_path = ''
return to_jsonb(lead) || jsonb_build_object('signals', to_jsonb(lead.signals) || jsonb_build_array(private.lead_signals(lead)));

comment on function private.lead_document is 'A lead as scoring rules read it: its columns, and its signals.';

-- Whether a predicate finds something. One that only compares ($.signals.urgent == true) always finds its own answer, so that counts.
create or replace function private.finds(document jsonb, predicate jsonpath) returns boolean
language sql immutable
set search_path = ''
return case when predicate::text ~ '^(strict )?[(!]' and predicate::text !~ '\?\('
            then coalesce(jsonb_path_query_first(document, predicate, silent => true) not in ('false', 'null'), false)
            else coalesce(jsonb_path_exists(document, predicate, silent => true), false) end;

comment on function private.finds is 'Whether a jsonpath predicate finds something, or, when it is a comparison, holds.';

-- What a predicate looks at: what is before its filter. Null when that is not to be told.
create or replace function private.looked_at(document jsonb, predicate jsonpath) returns jsonb
language sql immutable
set search_path = ''
as $$
  select case when pg_input_is_valid(path.text, 'jsonpath') then jsonb_path_query_first(document, path.text::jsonpath, silent => true) end
    from (select split_part(predicate::text, '?(', 1) as text) as path
$$;

comment on function private.looked_at is 'Value that a jsonpath predicate looks at, before its filter.';

-- What each rule brings the lead: a row for every enabled rule of its organization, also for those that found nothing. It asks as the
-- owner, for any organization: callers say whose leads they mean.
--   explain  with what the rule looked at
create or replace function private.score_points(lead app.leads, explain boolean default false)
returns table (rule_id uuid, label text, weight numeric, matched boolean, value jsonb)
language sql stable security definer
set search_path = ''
as $$
  with document as materialized (select private.lead_document(lead) as body)
  select r.id, r.label, r.weight, private.finds(d.body, r.predicate), case when explain then private.looked_at(d.body, r.predicate) end
    from document as d
    join app.scoring_rules as r on r.organization_id = lead.organization_id and r.enabled
$$;

comment on function private.score_points is 'What each enabled rule brings a lead of any organization. For functions of the core.';

-- The score a lead earns by its organization's rules as they are now, from 0 to 100, and the reasons, heaviest first, as one sentence:
-- "In the service area (+0.18); phone validated (+0.10)". Changes nothing. Raises 404 for a lead of another organization.
create or replace function app.score(lead app.leads, out lead_score integer, out reasons text)
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if private.is_asked_by(lead.organization_id) is not true then
    perform app.fail(404, 'not_found', 'No such lead.');
  end if;
  select greatest(0, least(100, round(100 * coalesce(sum(p.weight), 0)))),
         -- (a thousand rules that all speak say more than the column holds)
         left(coalesce(string_agg(format('%s (%s)', p.label, to_char(p.weight, 'FMS0.00')), '; ' order by p.place), 'No rule found anything'), 10000)
    into lead_score, reasons
    from (select m.weight, m.place,
                 case when m.place = 1                                then upper(left(m.label, 1)) || substr(m.label, 2)
                      -- an abbreviation stays one
                      when m.label ~ '^[[:upper:]]([[:lower:]]|\s)'   then lower(left(m.label, 1)) || substr(m.label, 2)
                      else m.label end as label
            from (select p.label, p.weight, row_number() over (order by abs(p.weight) desc, p.label, p.rule_id) as place
                    from private.score_points(lead) as p where p.matched) as m) as p;
end
$$;

comment on function app.score is 'Score (0–100) that a lead earns by its organization''s rules, and the reasons, heaviest first. 404 for another organization''s.';

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
           select s.lead_score, s.reasons, now.at, coalesce(l.qualification_completed_at, now.at)
             from app.score(l) as s
            -- the time moves with every scoring, also in one transaction: it tells a score of the rules from one that was set by hand
            cross join (select greatest(clock_timestamp(), l.scored_at + interval '1 millisecond')::timestamptz(3) as at) as now)
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

-- A score that somebody sets by hand is not the rules' any more: they leave it alone from then on, until they are asked.
create or replace function app.keep_score_by_hand() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.scored_at := null;
  return new;
end
$$;

comment on function app.keep_score_by_hand is 'Trigger: a lead whose score was set by hand was not scored by the rules (scored_at).';

create or replace trigger _060_keep_score_by_hand before update of lead_score on app.leads
  for each row when (new.lead_score <> old.lead_score and old.scored_at is not null and new.scored_at is not distinct from old.scored_at)
  execute function app.keep_score_by_hand();

-- Every point of a lead's score: a row for each rule. (The body is parsed when it is made, so those who cannot name app can call it;
-- leads and rules are those that the caller sees.)
create or replace function api.lead_score_reasons(lead_id uuid)
returns table (rule_id uuid, label text, weight numeric, matched boolean, points numeric, predicate jsonpath, value jsonb)
language sql stable
begin atomic
  select r.id, r.label, r.weight, p.matched, case when p.matched then 100 * r.weight else 0 end, r.predicate, p.value
    from app.leads as l
   cross join lateral private.score_points(l, true) as p
    join app.scoring_rules as r on r.organization_id = l.organization_id and r.id = p.rule_id
   where l.id = lead_id
   order by p.matched desc, abs(r.weight) desc, r.label;
end;

comment on function api.lead_score_reasons is 'Explains every point that a lead would earn now: each of your rules, whether it speaks, its points, and the value that it looked at.';

grant execute on function app.score, app.score_lead, api.score_lead to tenant;
grant execute on function private.score_points, api.lead_score_reasons to tenant, analyst, analyst_all;
