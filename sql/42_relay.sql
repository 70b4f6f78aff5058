-- The relay: from the outbox to deliveries that need a job. Both functions handle a batch in one statement or a few, and run
-- across tenants; only the worker may call them.

-- One batch of the relay, in one statement. One row of it has no delivery: it says how many changes were claimed.
create or replace function private.relay_batch(batch integer)
returns table (delivery_id uuid, organization_id uuid, endpoint_id uuid, attempt integer, suspect boolean, ahead integer, claimed integer)
language sql
set search_path = ''
as $$
  with locked as materialized (
    select c.organization_id, c.id, case when c.resource = 'calls' then c.snapshot ->> 'id' end as call
      from app.outbox as c order by c.id limit batch for update skip locked
  ),
  -- a change of a call stays while another relay is at the one before it, so that its deliveries find those of that one
  claimed as (
    select l.organization_id, l.id from locked as l
     where l.call is null or not exists (
             select from app.outbox as b
              where b.organization_id = l.organization_id and b.resource = 'calls' and b.snapshot ->> 'id' = l.call and b.id < l.id
                and not exists (select from locked as k where k.id = b.id))
  ),
  change as (
    delete from app.outbox as o
     using claimed as c
     where o.organization_id = c.organization_id and o.id = c.id
    returning o.*
  ),
  matching as materialized (
    select e.organization_id, c.id as change_id, c.resource, c.snapshot, c.occurred_at, t.type, e.id as endpoint_id,
           e.enabled and e.deleted_at is null as open
      from change as c
      left join app.organizations as o on o.id = c.organization_id
      -- who subscribes to all of a workspace gets its businesses' events as its own
      join app.webhook_endpoints as e
        on e.organization_id = any (array[c.organization_id, o.parent_organization_id])
       and (e.organization_id = c.organization_id or e.reach = 'workspace')
      join app.event_types as t on t.contract = e.contract and t.type = any (e.events) and coalesce(t.action, c.action) = c.action
       and (t.changed is null or t.changed && c.changed)
       and (t.condition is null or c.snapshot @@ t.condition)
     where (e.deleted_at is null or e.deleted_at > now() - interval '24 hours')
       and c.occurred_at >= e.created_at
     order by c.id, t.type, e.id
  ),
  -- ids are in the order of the changes, so that what happened first is sent first
  named as materialized (
    select m.*, uuidv7() as id from matching as m
  ),
  -- One event for a change, a type and a subscribing organization. Its id is chosen here, because joining the deliveries to the events
  -- that were just made takes the square of the batch: the planner knows nothing of their number.
  subscribed as materialized (
    select m.*, first_value(m.id) over (partition by m.organization_id, m.change_id, m.type order by m.id) as event_id
      from named as m
  ),
  event as (
    insert into app.events (organization_id, id, public_id, type, resource, snapshot, change_id, occurred_at)
    select s.organization_id, s.event_id, app.event_public_id(s.change_id, s.type), s.type, s.resource, s.snapshot, s.change_id, s.occurred_at
      from subscribed as s
     where s.id = s.event_id
  ),
  made as (
    insert into app.deliveries (organization_id, endpoint_id, event_id, state, ordered)
    select s.organization_id, s.endpoint_id, s.event_id, case when s.open then 'pending' else 'held' end, s.resource = 'calls'
      from subscribed as s
    returning organization_id, id, endpoint_id, state, attempts
  ),
  asked_for as materialized (
    select w.organization_id, w.id from app.deliveries as w where w.enqueue order by w.id limit batch for update skip locked
  ),
  waiting as (
    update app.deliveries as d set enqueue = false
      from asked_for as w
     where d.organization_id = w.organization_id and d.id = w.id
    returning d.organization_id, d.id, d.endpoint_id, d.state, d.attempts
  ),
  due as (
    select * from made where state = 'pending'
    union all
    select * from waiting where state = 'pending'
  ),
  numbered as (
    select d.*, row_number() over (partition by d.organization_id, d.endpoint_id order by d.id)::integer as number from due as d
  ),
  -- Who waits already is asked once for each endpoint. The deliveries that this statement makes are not to be seen in it yet.
  line as (
    select n.*,
           case when n.number = 1 then (
             select count(*)::integer
               from (select from app.deliveries as w
                      where w.organization_id = n.organization_id and w.endpoint_id = n.endpoint_id and w.state = 'pending' limit 1000) as w
           ) end as length,
           case when n.number = 1 then exists (
             select from app.webhook_health as h
              where h.organization_id = n.organization_id and h.endpoint_id = n.endpoint_id and h.failing_since is not null
           ) end as suspect
      from numbered as n
  )
  (select null::uuid, null::uuid, null::uuid, null::integer, null::boolean, null::integer, (select count(*)::integer from change))
  union all
  (select l.id, l.organization_id, l.endpoint_id, l.attempts + 1,
          bool_or(l.suspect) over (partition by l.organization_id, l.endpoint_id),
          max(l.length) over (partition by l.organization_id, l.endpoint_id) + l.number - 1,
          (select count(*)::integer from change)
     from line as l
    order by l.id)
$$;

comment on function private.relay_batch is 'One batch of app.relay_outbox.';

-- Turns up to `batch` changes of the outbox into events and deliveries, and takes up deliveries that wait for a job
-- (retried by hand, recovered, resumed). Returns the deliveries that need a job now; the caller makes the jobs in the same
-- transaction. Several relays share the work: a claimed row is skipped by the others.
--   suspect  the endpoint has been failing, so it gets few places in the queue
--   ahead    how many deliveries of the endpoint wait before this one (counted to about 1,000): a long line gets a lane of its
--            own, so that it does not hold up other endpoints
--   claimed  how many changes were taken from the outbox
-- Most changes concern no endpoint. They are passed over here, up to 20 batches of them, so that no row means: nothing waits.
create or replace function app.relay_outbox(batch integer)
returns table (delivery_id uuid, organization_id uuid, endpoint_id uuid, attempt integer, suspect boolean, ahead integer, claimed integer)
language plpgsql security definer
set search_path = ''
as $$
declare
  taken  integer;
  anyone boolean := false;
begin
  -- the relay asks ten times a second, and mostly for nothing: planning the batch costs more than these two looks
  perform from app.outbox as o order by o.id limit 1;
  if not found then
    perform from app.deliveries as d where d.enqueue order by d.id limit 1;
    if not found then return; end if;
  end if;

  -- an endpoint that comes back after its deletion waits for the relays under way (app.register_webhook)
  perform pg_advisory_xact_lock_shared(7262, 0);
  for round in 1 .. 20 loop
    for delivery_id, organization_id, endpoint_id, attempt, suspect, ahead, claimed in select * from private.relay_batch(batch) loop
      if delivery_id is null then
        taken := claimed;
      else
        anyone := true;
        return next;
      end if;
    end loop;
    exit when anyone or taken < batch;
  end loop;
end
$$;

comment on function app.relay_outbox is 'Turns a batch of outbox rows into events and deliveries; returns the deliveries that need a job, to be made in the same transaction.';

-- How far behind the relay is, for metrics.
create or replace function app.outbox_backlog(out outbox_rows bigint, out outbox_age_seconds numeric)
language sql stable security definer
set search_path = ''
as $$
  select (select count(*) from (select from app.outbox limit 100000) as o),
         (select extract(epoch from now() - min(occurred_at)) from (select occurred_at from app.outbox order by id limit 1) as o)
$$;

comment on function app.outbox_backlog is 'Outbox rows waiting (counted to 100,000) and the age of the oldest in seconds.';

grant execute on function app.relay_outbox, app.outbox_backlog to worker;
