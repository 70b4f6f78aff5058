-- Who reads the audit log. The policies stand here, after the functions they ask.

drop policy if exists "a key sees its organization's entries, or a child's by grant" on audit.platform_events;
create policy "a key sees its organization's entries, or a child's by grant" on audit.platform_events for select to tenant
  using (organization_id = (select private.readable('audit_log')));
drop policy if exists "a database login sees its organization's entries" on audit.platform_events;
create policy "a database login sees its organization's entries" on audit.platform_events for select to analyst
  using (organization_id = (select private.login_organization()));
drop policy if exists "a login for all sees every entry" on audit.platform_events;
create policy "a login for all sees every entry" on audit.platform_events for select to analyst_all using (true);

grant select (organization_id, id, action, source, correlation_id, payload, created_at) on audit.platform_events to tenant, analyst, analyst_all;

-- A diff as a sentence: pipeline_stage: qualified → won; lead_score: 87 → 92
create or replace function app.readable_diff(diff jsonb) returns text
language sql immutable
set search_path = ''
as $$
  select string_agg(format('%s: %s → %s', key, coalesce(value ->> 'from', '∅'), coalesce(value ->> 'to', '∅')), '; ' order by key)
    from jsonb_each(diff)
$$;

comment on function app.readable_diff is 'A per-field diff as a sentence.';
grant execute on function app.readable_diff to tenant, analyst, analyst_all;

create or replace view api.audit_log with (security_invoker = true) as
select organization_id, created_at, id, action, source, correlation_id,
       app.readable_diff(payload -> 'diff') as changes,
       coalesce(payload ->> 'key_id', payload ->> 'database_user') as changed_by,
       payload
  from audit.platform_events;

comment on view   api.audit_log                 is 'Every change, newest last; entries can be neither changed nor removed. Filter by created_at: the log is partitioned by month.';
comment on column api.audit_log.organization_id is 'Organization whose data changed.';
comment on column api.audit_log.created_at      is 'When it happened.';
comment on column api.audit_log.id              is 'Entry id.';
comment on column api.audit_log.action          is 'resource.verb, e.g. lead.updated.';
comment on column api.audit_log.source          is 'api | cron | n8n | worker | system.';
comment on column api.audit_log.correlation_id  is 'Request id.';
comment on column api.audit_log.changes         is 'The diff as a sentence: pipeline_stage: qualified → won.';
comment on column api.audit_log.changed_by      is 'API key id, or the database login.';
comment on column api.audit_log.payload         is 'The diff as JSON.';
grant select on api.audit_log to tenant, analyst, analyst_all;
