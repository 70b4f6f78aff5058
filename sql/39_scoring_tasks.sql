-- Scoring by itself: a lead that comes in without a score is scored right after by the worker (a task for each, 14_tasks.sql), and again
-- when what its rules read changes, until it is won or lost. A score that somebody set stays.

-- Whether the rules may score a lead: they did before, or nobody has yet.
create or replace function app.is_rules_to_score(lead app.leads) returns boolean
language sql immutable parallel safe
return lead.scored_at is not null or lead.lead_score = 0 and lead.ai_reasoning is null;

comment on function app.is_rules_to_score is 'Whether a lead''s score is the rules'', or nobody''s yet.';

-- Leads that come one by one are scored before those of an import.
create or replace function app.score_new_leads() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform app.add_tasks(n.organization_id, 'score_lead', n.leads, case when cardinality(n.leads) <= 10 then 5 else 0 end)
     from (select l.organization_id, array_agg(l.id) as leads from made as l
            where app.is_rules_to_score(l) and l.pipeline_stage not in ('won', 'lost')
            group by l.organization_id order by l.organization_id) as n;
  return null;
end
$$;

comment on function app.score_new_leads is 'Trigger: asks for the scores of new leads that came without one.';

create or replace trigger _600_score_new after insert on app.leads
  referencing new table as made for each statement execute function app.score_new_leads();

create or replace function app.score_changed_lead() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform app.add_task(new.organization_id, 'score_lead', new.id);
  return null;
end
$$;

comment on function app.score_changed_lead is 'Trigger: asks for a new score of a lead of which something else is known.';

create or replace trigger _600_score_changed
  after update of name, company, email, phone, source, context, pain_points, timeline, budget_range, notes, industry, company_size, tags,
                  signals, enrichment, pipeline_stage on app.leads
  for each row when (
    (new.name, new.company, new.email, new.phone, new.source, new.context, new.pain_points, new.timeline, new.budget_range, new.notes,
     new.industry, new.company_size, new.tags, new.signals, new.enrichment, new.pipeline_stage)
    is distinct from
    (old.name, old.company, old.email, old.phone, old.source, old.context, old.pain_points, old.timeline, old.budget_range, old.notes,
     old.industry, old.company_size, old.tags, old.signals, old.enrichment, old.pipeline_stage)
    and new.pipeline_stage not in ('won', 'lost') and app.is_rules_to_score(new))
  execute function app.score_changed_lead();

-- Scores leads as the worker does: those whose score somebody has set meanwhile are left alone, and one that comes to the same as before
-- is no change. Returns how many scores were new.
create or replace function app.score_leads(lead_ids uuid[]) returns bigint
language plpgsql
set search_path = ''
as $$
declare
  scored bigint;
begin
  update app.leads as l
     set lead_score                 = s.lead_score,
         ai_reasoning               = s.reasons,
         scored_at                  = greatest(clock_timestamp(), l.scored_at + interval '1 millisecond'),
         qualification_completed_at = coalesce(l.qualification_completed_at, clock_timestamp())
    from (select read.id, score.lead_score, score.reasons
            from app.leads as read cross join lateral app.score(read) as score
           where read.id = any (lead_ids)) as s
   where l.id = s.id and l.id = any (lead_ids)
     and app.is_rules_to_score(l)
     and (l.scored_at is null or (l.lead_score, l.ai_reasoning) is distinct from (s.lead_score, s.reasons));
  get diagnostics scored = row_count;
  return scored;
end
$$;

comment on function app.score_leads is 'Scores leads by the rules, except those whose score somebody set; returns how many scores were new.';

grant execute on function app.score_leads to tenant;
-- the condition of a trigger is asked by whoever changes the lead
grant execute on function app.is_rules_to_score to tenant, workspace;
