-- Dispatch: calls tell who decided what was done, and the events of one call go out in their order.

alter table app.calls add column dispatched_by text,
  add constraint calls_dispatched_by check (dispatched_by in ('settings', 'person'));

alter table app.deliveries add column ordered boolean not null default false, add column waits_for uuid;
