-- Counts and conversion by week of creation, source and stage.
create or replace view api.lead_pipeline with (security_invoker = true) as
select organization_id,
       date_trunc('week', created_at, 'UTC')                                                    as week,
       coalesce(source, 'unknown')                                                              as source,
       pipeline_stage,
       count(*)                                                                                 as leads,
       round(avg(lead_score), 1)                                                                as average_score,
       round(count(*) / sum(count(*)) over cohort, 4)                                           as share,
       round(sum(count(*) filter (where pipeline_stage = 'won')) over cohort
             / sum(count(*)) over cohort, 4)                                                    as conversion_rate
  from app.leads
 group by organization_id, date_trunc('week', created_at, 'UTC'), coalesce(source, 'unknown'), pipeline_stage
window cohort as (partition by organization_id, date_trunc('week', created_at, 'UTC'), coalesce(source, 'unknown'));

comment on view   api.lead_pipeline                 is 'How leads move: counts by week of creation, source and stage, with the share of leads of that week and source that were won.';
comment on column api.lead_pipeline.organization_id is 'Organization.';
comment on column api.lead_pipeline.week            is 'Monday the week begins with (UTC).';
comment on column api.lead_pipeline.source          is 'Source, or unknown.';
comment on column api.lead_pipeline.pipeline_stage  is 'Stage the leads are in now.';
comment on column api.lead_pipeline.leads           is 'Number of leads.';
comment on column api.lead_pipeline.average_score   is 'Average score of these leads.';
comment on column api.lead_pipeline.share           is 'Part of that week''s leads from that source that are in this stage (0–1).';
comment on column api.lead_pipeline.conversion_rate is 'Part of that week''s leads from that source that were won (0–1).';
grant select on api.lead_pipeline to tenant, workspace, analyst, analyst_all;
