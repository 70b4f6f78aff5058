-- Statistics of the calls of a time span, for the organization that the request reads. From the index alone.
--   since  from when on; the counts are of calls that came in since then
-- Raises 403 without the scope, 404 without a grant.
create or replace function app.call_statistics(
  since timestamptz, out total_calls bigint, out qualified bigint, out junk_filtered bigint, out by_intent json, out median_classification_seconds numeric
)
language sql stable
set search_path = ''
as $$
  with counted as (
    select c.intent, count(*) as calls, count(*) filter (where c.qualified) as qualified
      from app.calls as c where c.received_at >= since group by c.intent
  )
  select coalesce(sum(calls), 0),
         coalesce(sum(counted.qualified), 0),
         coalesce(sum(calls) filter (where intent in ('sales_pitch', 'wrong_number')), 0),
         (select json_object_agg(i.intent, coalesce((select x.calls from counted as x where x.intent = i.intent), 0) order by i.position)
            from unnest(array['water', 'fire', 'mold', 'biohazard', 'sales_pitch', 'wrong_number', 'other']) with ordinality as i (intent, position)),
         (select round((percentile_cont(0.5) within group (order by c.classification_ms) / 1000)::numeric, 0)
            from app.calls as c where c.received_at >= since and c.classification_ms is not null)
    from counted
$$;

comment on function app.call_statistics is 'Calls since a time: total, qualified, junk, by intent, and the median seconds until they were classified.';
grant execute on function app.call_statistics to tenant;
