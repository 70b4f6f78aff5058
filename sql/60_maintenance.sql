-- What the worker removes: expired answers, events and hook receipts past their retention, texts of messages past theirs, and what deleted
-- endpoints kept.

-- Removes up to `batch` rows of each kind. Returns how many; call it again while it is not 0.
--   event_retention    of events, and of what hooks brought
--   message_retention  of the texts of messages, out and in: that there was one stays, so that none is sent a second time. Suppressions
--                      and what still waits have none.
create or replace function app.remove_expired(
  batch integer default 5000, event_retention interval default '30 days', message_retention interval default '400 days'
) returns bigint
language plpgsql security definer
set search_path = ''
as $$
declare
  removed bigint;
  total   bigint := 0;
begin
  delete from app.idempotency_keys as k
   using (select organization_id, key_id, idempotency_key from app.idempotency_keys where expires_at <= now() limit batch) as x
   where (k.organization_id, k.key_id, k.idempotency_key) = (x.organization_id, x.key_id, x.idempotency_key);
  get diagnostics removed = row_count;
  total := total + removed;

  -- deliveries and attempts go with their event
  delete from app.events as v
   using (select e.organization_id, e.id from app.events as e
            where e.occurred_at < now() - event_retention
              -- one that is still on its way is not lost to its age
              and not exists (select from app.deliveries as d where d.organization_id = e.organization_id and d.event_id = e.id and d.state = 'pending')
            order by e.occurred_at limit batch) as x
   where (v.organization_id, v.id) = (x.organization_id, x.id);
  get diagnostics removed = row_count;
  total := total + removed;

  delete from app.hook_receipts as r
   using (select h.organization_id, h.id from app.hook_receipts as h
           where h.received_at < now() - event_retention
             -- one that still waits is not lost to its age
             and h.state in ('done', 'dead')
           order by h.received_at limit batch) as x
   where (r.organization_id, r.id) = (x.organization_id, x.id);
  get diagnostics removed = row_count;
  total := total + removed;

  update app.messages as m set content = null
    from (select x.organization_id, x.id from app.messages as x
           where x.content is not null and x.state not in ('queued', 'sending')
             -- (one may have waited long before it was sent)
             and x.created_at < now() - message_retention and coalesce(x.sent_at, x.created_at) < now() - message_retention
           order by x.created_at limit batch for update skip locked) as x
   where m.organization_id = x.organization_id and m.id = x.id;
  get diagnostics removed = row_count;
  total := total + removed;

  update app.deliveries as d set state = 'discarded', enqueue = false
    from (select w.organization_id, w.id from app.webhook_endpoints as e
            join app.deliveries as w on w.organization_id = e.organization_id and w.endpoint_id = e.id and w.state = 'held'
           where e.deleted_at < now() - interval '24 hours' limit batch) as x
   where (d.organization_id, d.id) = (x.organization_id, x.id);
  get diagnostics removed = row_count;
  return total + removed;
end
$$;

comment on function app.remove_expired is 'Removes expired answers, events, hook receipts and texts of messages older than their retention, and what deleted endpoints kept; returns how many rows.';

grant execute on function app.remove_expired to worker;
