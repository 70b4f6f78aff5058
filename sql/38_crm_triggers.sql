-- What is pushed without anybody asking: by stage, with a qualified call, and again when a connection is mended.

-- Stages at which a connection pushes by itself: the setting push_when, a list of stages.
create or replace function app.crm_pushes_at(settings jsonb, stage text) returns boolean
language sql immutable parallel safe
return coalesce(settings -> 'push_when' ? stage, false);

comment on function app.crm_pushes_at is 'Whether a connection with these settings pushes leads of a stage by itself.';

-- A lead that is made in a stage at which it is pushed by itself. By statement: most organizations have no CRM, and an import
-- brings thousands.
create or replace function app.push_made_leads() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  organization uuid;
  settings     jsonb;
  lead         uuid;
begin
  for organization in select distinct m.organization_id from made as m order by m.organization_id loop
    settings := (app.crm_connection(organization)).settings;
    continue when settings -> 'push_when' is null;
    for lead in
      select m.id from made as m
       where m.organization_id = organization and app.crm_pushes_at(settings, m.pipeline_stage)
       order by m.id
    loop
      perform app.push_lead(organization, lead);
    end loop;
  end loop;
  return null;
end
$$;

comment on function app.push_made_leads is 'Trigger: a lead that is made in a stage at which leads are pushed is pushed to the CRM.';

create or replace trigger _600_push_to_crm after insert on app.leads
  referencing new table as made for each statement execute function app.push_made_leads();

create or replace function app.push_moved_lead() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if app.crm_pushes_at((app.crm_connection(new.organization_id)).settings, new.pipeline_stage) then
    perform app.push_lead(new.organization_id, new.id);
  end if;
  return null;
end
$$;

comment on function app.push_moved_lead is 'Trigger: a lead that comes to a stage at which leads are pushed is pushed to the CRM.';

create or replace trigger _600_push_moved after update of pipeline_stage on app.leads
  for each row when (new.pipeline_stage <> old.pipeline_stage) execute function app.push_moved_lead();

create or replace function app.push_caller() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if app.crm_pushes_at((app.crm_connection(new.organization_id)).settings, 'qualified') then
    perform app.push_lead(new.organization_id, new.lead_id);
  end if;
  return null;
end
$$;

comment on function app.push_caller is 'Trigger: whoever made a qualified call is pushed to the CRM, where qualified leads are.';

create or replace trigger _600_push_caller after insert or update of qualified, lead_id on app.calls
  for each row when (new.qualified and new.lead_id is not null) execute function app.push_caller();

-- A connection that is saved, with other credentials or other settings, is tried again with all that failed or waits.
create or replace function app.resume_crm() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform app.add_tasks(new.organization_id, 'push_to_crm', array(
    select r.id from app.crm_records as r
     where r.organization_id = new.organization_id and r.connection_id = new.id and r.state in ('failed', 'pending')));
  return null;
end
$$;

comment on function app.resume_crm is 'Trigger: a CRM''s connection that is saved is tried again with what failed or waits.';

create or replace trigger _600_resume_crm after update on app.connections
  for each row when (new.enabled) execute function app.resume_crm();
