-- Source outcomes: of each source's leads that came to an end, how many were won. Counted as leads end, not when it is asked: scoring
-- asks for every lead.

create table if not exists app.source_outcomes (
  organization_id uuid   not null,
  source          text   not null,
  won             bigint not null default 0,
  lost            bigint not null default 0,
  total           bigint not null generated always as (won + lost) stored,
  constraint source_outcomes_pkey primary key (organization_id, source),
  constraint source_outcomes_organization_fkey foreign key (organization_id) references app.organizations (id) on delete cascade
);

comment on table  app.source_outcomes                 is 'Leads of each source that were won and lost. Kept by the leads themselves.';
comment on column app.source_outcomes.organization_id is 'Organization of the leads.';
comment on column app.source_outcomes.source          is 'Source of the leads, as they name it.';
comment on column app.source_outcomes.won             is 'Leads that are won.';
comment on column app.source_outcomes.lost            is 'Leads that are lost.';
comment on column app.source_outcomes.total           is 'Leads that are won or lost.';

-- Only a lead that ends, or is opened again, changes a count: a lead that comes in or moves on meets nobody here. The rows of a statement
-- are summed up first, so an import of thousands of old leads writes each source once, and in one order, whoever else does.
create or replace function app.count_outcomes() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into app.source_outcomes as o (organization_id, source, won, lost)
    select l.organization_id, l.source, count(*) filter (where l.pipeline_stage = 'won'), count(*) filter (where l.pipeline_stage = 'lost')
      from made as l
     where l.source is not null and l.pipeline_stage in ('won', 'lost')
     group by l.organization_id, l.source
     order by l.organization_id, l.source
    on conflict (organization_id, source) do update set won = o.won + excluded.won, lost = o.lost + excluded.lost;
  elsif tg_op = 'UPDATE' then
    insert into app.source_outcomes as o (organization_id, source, won, lost)
    select l.organization_id, l.source, sum(l.won), sum(l.lost)
      from (select n.organization_id, n.source, (n.pipeline_stage = 'won')::integer as won, (n.pipeline_stage = 'lost')::integer as lost
              from made as n where n.source is not null and n.pipeline_stage in ('won', 'lost')
             union all
            select p.organization_id, p.source, -(p.pipeline_stage = 'won')::integer, -(p.pipeline_stage = 'lost')::integer
              from gone as p where p.source is not null and p.pipeline_stage in ('won', 'lost')) as l
     group by l.organization_id, l.source
    having sum(l.won) <> 0 or sum(l.lost) <> 0
     order by l.organization_id, l.source
    on conflict (organization_id, source) do update set won = o.won + excluded.won, lost = o.lost + excluded.lost;
  else
    update app.source_outcomes as o set won = o.won - l.won, lost = o.lost - l.lost
      from (select p.organization_id, p.source, count(*) filter (where p.pipeline_stage = 'won') as won,
                   count(*) filter (where p.pipeline_stage = 'lost') as lost
              from gone as p where p.source is not null and p.pipeline_stage in ('won', 'lost')
             group by p.organization_id, p.source) as l
     where o.organization_id = l.organization_id and o.source = l.source;
  end if;
  return null;
end
$$;

comment on function app.count_outcomes is 'Trigger: counts leads that are won or lost, by source.';

-- (a trigger that sees all rows of its statement is for one kind of statement)
create or replace trigger _600_count_outcomes_of_new after insert on app.leads
  referencing new table as made for each statement execute function app.count_outcomes();
create or replace trigger _600_count_outcomes after update on app.leads
  referencing old table as gone new table as made for each statement execute function app.count_outcomes();
create or replace trigger _600_count_outcomes_of_deleted after delete on app.leads
  referencing old table as gone for each statement execute function app.count_outcomes();

alter table app.source_outcomes enable row level security;
alter table app.source_outcomes force row level security;
drop policy if exists "the core's own functions count outcomes" on app.source_outcomes;
create policy "the core's own functions count outcomes" on app.source_outcomes to trunkline_owner using (true) with check (true);
drop policy if exists "a key sees its organization's outcomes, or a child's by grant" on app.source_outcomes;
create policy "a key sees its organization's outcomes, or a child's by grant" on app.source_outcomes for select to tenant
  using (organization_id = (select private.readable('leads')));
drop policy if exists "a database login sees its organization's outcomes" on app.source_outcomes;
create policy "a database login sees its organization's outcomes" on app.source_outcomes for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every outcome" on app.source_outcomes;
create policy "a login for all sees every outcome" on app.source_outcomes for select to analyst_all using (true);

-- What share of a source's leads can be expected to be won: Laplace's rule of succession, so that one lead is not the whole truth.
create or replace function app.conversion(won numeric, total numeric) returns numeric
language sql immutable parallel safe
return round((won + 1) / (total + 2), 3);

comment on function app.conversion is 'Share that can be expected to be won, of which so many were: (won + 1) / (total + 2).';

grant select (organization_id, source, won, lost, total) on app.source_outcomes to tenant, analyst, analyst_all;
grant execute on function app.conversion to tenant, analyst, analyst_all;

create or replace view api.source_outcomes with (security_invoker = true) as
select organization_id, source, won, lost, total, app.conversion(won, total) as conversion from app.source_outcomes;

comment on view   api.source_outcomes                 is 'What became of your leads, by source. Scoring learns from it.';
comment on column api.source_outcomes.organization_id is 'Organization of the leads.';
comment on column api.source_outcomes.source          is 'Source of the leads.';
comment on column api.source_outcomes.won             is 'Leads that are won.';
comment on column api.source_outcomes.lost            is 'Leads that are lost.';
comment on column api.source_outcomes.total           is 'Leads that are won or lost.';
comment on column api.source_outcomes.conversion      is 'Share of its leads that can be expected to be won, 0 to 1.';
grant select on api.source_outcomes to tenant, analyst, analyst_all;
