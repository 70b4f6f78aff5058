-- Sending: what goes out for a job, and what becomes of it. Each function handles a batch and runs across tenants; only the
-- worker may call them.

-- The events of one call go out in the order in which they happened, to each endpoint: a delivery waits until the first attempt at the
-- one before it has been answered, or was given up. (Not until it was delivered: a receiver that fails holds up nothing for hours.)
-- What waits gives its job up, and the relay makes it another when its time has come.
--
-- One worker at a time does so, in a moment, and only where there are events of calls. A delivery that is locked is being settled: its
-- attempt was made. Of one change, call.classified comes before call.qualified, as in the alphabet.
create or replace function private.queue_behind(jobs jsonb) returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  next   record;
  before uuid;
begin
  -- mostly there is none, and this is asked for every batch
  perform from app.deliveries as d where d.ordered and d.attempts = 0 and d.state = 'pending' limit 1;
  if not found then return; end if;
  for next in
    select j.organization_id, j.delivery_id, d.endpoint_id, d.change_id, d.type, d.call
      from (select distinct r.* from jsonb_to_recordset(jobs) as r (organization_id uuid, delivery_id uuid)) as j
     cross join lateral (
       select p.endpoint_id, p.event_id from app.deliveries as p
        where p.organization_id = j.organization_id and p.id = j.delivery_id and p.ordered and p.attempts = 0 and p.state = 'pending' offset 0) as p
     cross join lateral (
       select p.endpoint_id, v.change_id, v.type, v.snapshot ->> 'id' as call from app.events as v
        where v.organization_id = j.organization_id and v.id = p.event_id offset 0) as d
  loop
    perform pg_advisory_xact_lock(7265, 0);
    select d.id into before
      from app.events as v
      join app.deliveries as d on d.organization_id = v.organization_id and d.event_id = v.id
     where v.organization_id = next.organization_id and v.resource = 'calls' and v.snapshot ->> 'id' = next.call
       and (v.change_id, v.type) < (next.change_id, next.type)
       and d.endpoint_id = next.endpoint_id and d.state = 'pending' and d.attempts = 0
     order by v.change_id desc, v.type desc limit 1
       for share of d skip locked;
    if before is not null then
      update app.deliveries as d set waits_for = before where d.organization_id = next.organization_id and d.id = next.delivery_id;
    end if;
  end loop;
end
$$;

comment on function private.queue_behind is 'Makes deliveries of a call''s events wait for the first attempt at the event before them.';

-- What to send for each job, or nothing for a job that time has overtaken (delivered or retried meanwhile). Deliveries of an
-- endpoint that was disabled or deleted meanwhile are put on hold.
--   jobs        [{"organization_id", "delivery_id", "attempt"}]
--   attempt_id  the id under which this attempt is to be recorded, so that the receiver is told the id that the log will show
create or replace function app.prepare_deliveries(jobs jsonb)
returns table (organization_id uuid, delivery_id uuid, endpoint_id uuid, attempt integer, contract text, url text,
               event_public_id text, event_type text, body text, secret_ids uuid[], secrets bytea[],
               attempt_id uuid, attempt_public_id text)
language plpgsql security definer
set search_path = ''
-- Every row here is looked up by its key: lateral and offset 0 leave the planner no other way. Statistics are always behind a
-- queue, and a plan made for an empty table would read a full one from end to end.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  shape text;
begin
  perform private.queue_behind(jobs);

  update app.deliveries as d set state = 'held'
    from (
      select j.organization_id, j.delivery_id
        from jsonb_to_recordset(jobs) as j (organization_id uuid, delivery_id uuid)
       cross join lateral (
         select p.endpoint_id from app.deliveries as p
          where p.organization_id = j.organization_id and p.id = j.delivery_id and p.state = 'pending' offset 0) as p
       cross join lateral (
         select from app.webhook_endpoints as e
          where e.organization_id = j.organization_id and e.id = p.endpoint_id and (not e.enabled or e.deleted_at is not null) offset 0) as e
      offset 0) as closed
   where d.organization_id = closed.organization_id and d.id = closed.delivery_id and d.state = 'pending';

  -- one statement for each contract in the batch: planning <contract>.event_body for every row would take longer than running it
  for shape in
    select distinct e.contract
      from jsonb_to_recordset(jobs) as j (organization_id uuid, delivery_id uuid)
     cross join lateral (
       select d.endpoint_id from app.deliveries as d where d.organization_id = j.organization_id and d.id = j.delivery_id offset 0) as d
     cross join lateral (
       select e.contract from app.webhook_endpoints as e where e.organization_id = j.organization_id and e.id = d.endpoint_id offset 0) as e
  loop
    return query execute format($statement$
      select j.organization_id, j.delivery_id, d.endpoint_id, j.attempt, e.contract, e.url, v.public_id, v.type,
             %I.event_body(v)::text, s.ids, s.ciphertexts, a.id, app.typeid('whd', a.id)
        -- two jobs of one batch for the same attempt (retried by hand while it waited) send once
        from (select distinct r.* from jsonb_to_recordset($1) as r (organization_id uuid, delivery_id uuid, attempt integer)) as j
       cross join lateral (
         select d.* from app.deliveries as d
          where d.organization_id = j.organization_id and d.id = j.delivery_id
            and d.state = 'pending' and d.attempts + 1 = j.attempt and d.waits_for is null offset 0) as d
       cross join lateral (
         select e.* from app.webhook_endpoints as e
          where e.organization_id = j.organization_id and e.id = d.endpoint_id and e.contract = $2 offset 0) as e
        join app.events as v on v.organization_id = j.organization_id and v.id = d.event_id
       cross join lateral (
         select array_agg(w.id order by w.created_at desc, w.id desc) as ids,
                array_agg(w.ciphertext order by w.created_at desc, w.id desc) as ciphertexts
           from app.webhook_secrets as w
          where w.organization_id = j.organization_id and w.endpoint_id = d.endpoint_id
            and (w.expires_at is null or w.expires_at > now())
       ) as s
       -- of this row, so that it is made once for each
       cross join lateral (select uuidv7() as id where d.id is not null offset 0) as a
    $statement$, shape) using jobs, shape;
  end loop;
end
$$;

comment on function app.prepare_deliveries is 'What to send for each job [{"organization_id","delivery_id","attempt"}]; jobs that were overtaken are left out.';

-- The body of an event in a contract's shape. Each contract brings <contract>.event_body(app.events) returns json.
create or replace function app.event_body(contract text, event app.events) returns text
language plpgsql stable
set search_path = ''
as $$
declare
  body text;
begin
  execute format('select %I.event_body($1)::text', contract) into body using event;
  return body;
end
$$;

comment on function app.event_body is 'The JSON body of an event, as the contract''s document writes it.';

-- Records a batch of attempts: the log, the state of each delivery, the health of each endpoint, and whether a failing one
-- is disabled. Returns the deliveries that are to be tried again, and when.
--   results        [{"id", "organization_id", "delivery_id", "endpoint_id", "event_type", "attempt", "ok", "status", "latency_ms",
--                    "response_body", "error", "retry_after_seconds", "attempted_at"}]; id: attempt_id of prepare_deliveries
--   schedule       times of the retries, counted from the first attempt, for endpoints without a schedule of their own
--   disable_after  how long an endpoint may fail before it is disabled
create or replace function app.record_attempts(results jsonb, schedule interval[], disable_after interval)
returns table (organization_id uuid, delivery_id uuid, endpoint_id uuid, attempt integer, start_after timestamptz)
language plpgsql security definer
set search_path = ''
-- as in prepare_deliveries
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
begin
  return query
  with result as (
    select r.*, d.series_started_at, d.series_attempts,
           coalesce(e.retry_schedule, schedule) as times,
           -- AI93's document has every answer but 2xx tried again, this one too
           r.status = 410 and e.contract <> 'ai93' as gone
      -- One result per delivery and batch: the latest, as a job for it came of the record of those before it. A worker that did not hear
      -- of its own commit brings both.
      from (select distinct on (organization_id, delivery_id) *
              from jsonb_to_recordset(results) as reported (
                     id uuid, organization_id uuid, delivery_id uuid, endpoint_id uuid, event_type text, attempt integer, ok boolean, status integer,
                     latency_ms integer, response_body text, error text, retry_after_seconds integer, attempted_at timestamptz)
             order by organization_id, delivery_id, attempt desc, ok desc) as r
      join app.deliveries as d on d.organization_id = r.organization_id and d.id = r.delivery_id
      join app.webhook_endpoints as e on e.organization_id = r.organization_id and e.id = r.endpoint_id
       -- a result that another worker recorded already (its job had expired) changes nothing
     where d.attempts < r.attempt
       for update of d
  ),
  judged as (
    select r.*,
           -- A schedule that has no time for this attempt is exhausted (and greatest() would overlook its null). The receiver may
           -- ask for more patience, up to a day.
           case when r.ok or r.gone or r.times[r.attempt - r.series_attempts] is null then null
                else greatest(coalesce(r.series_started_at, r.attempted_at) + r.times[r.attempt - r.series_attempts],
                              r.attempted_at + make_interval(secs => least(coalesce(r.retry_after_seconds, 0), 86400))) end as next_attempt_at
      from result as r
  ),
  logged as (
    insert into app.delivery_attempts (organization_id, id, delivery_id, endpoint_id, event_type, attempt, status, response_status,
                                       latency_ms, response_body, error, attempted_at, next_attempt_at)
    select organization_id, coalesce(id, uuidv7()), delivery_id, endpoint_id, event_type, attempt,
           case when ok then 'delivered' when next_attempt_at is null then 'dead_letter' else 'failed' end,
           status, latency_ms, response_body, error, attempted_at, next_attempt_at
      from judged
  ),
  advanced as (
    update app.deliveries as d
       set attempts = j.attempt,
           series_started_at = coalesce(d.series_started_at, j.attempted_at),
           state = case when j.ok then 'delivered'
                        when j.gone then 'held'
                        when j.next_attempt_at is null then 'dead_letter'
                        else 'pending' end
      from judged as j
     where d.organization_id = j.organization_id and d.id = j.delivery_id
  ),
  -- one write per endpoint and batch, in a fixed order, so that workers never wait for each other in a circle
  health as (
    insert into app.webhook_health as h (organization_id, endpoint_id, last_delivery_at, last_delivery_status, failing_since)
    select organization_id, endpoint_id, max(attempted_at), (array_agg(status order by attempted_at desc))[1],
           case when bool_or(ok) then null else min(attempted_at) end
      from judged group by organization_id, endpoint_id order by organization_id, endpoint_id
    on conflict on constraint webhook_health_pkey do update
       set last_delivery_at = excluded.last_delivery_at,
           last_delivery_status = excluded.last_delivery_status,
           failing_since = case when excluded.failing_since is null then null
                                else coalesce(h.failing_since, excluded.failing_since) end
    returning h.organization_id, h.endpoint_id, h.failing_since
  ),
  disabled as (
    update app.webhook_endpoints as e
       set enabled = false, disabled_at = now(),
           disabled_reason = case when gone.organization_id is not null then 'the receiver answered 410 Gone'
                                  else 'every attempt failed since ' || app.iso(h.failing_since) end
      from health as h
      left join (select distinct organization_id, endpoint_id from judged where gone) as gone
        on gone.organization_id = h.organization_id and gone.endpoint_id = h.endpoint_id
     where e.organization_id = h.organization_id and e.id = h.endpoint_id and e.enabled
       and (gone.organization_id is not null or h.failing_since < now() - disable_after)
  )
  select j.organization_id, j.delivery_id, j.endpoint_id, j.attempt + 1, j.next_attempt_at
    from judged as j
   where j.next_attempt_at is not null;
end
$$;

comment on function app.record_attempts is 'Records a batch of attempts (log, delivery state, endpoint health, disabling) and returns what is to be tried again, and when.';

grant execute on function app.prepare_deliveries, app.record_attempts to worker;
grant execute on function app.event_body to tenant;
