-- Connections that tell of calls: what a receipt told of, and which of two messages about a call knows better.

alter table app.hook_receipts add column call_ids uuid[] not null default '{}';
alter table app.connection_health add column last_call_at timestamptz(3);
alter table app.calls add column as_of timestamptz(3);

-- its name and what it takes change
drop function app.note_hook_leads(uuid, uuid, uuid[]);
