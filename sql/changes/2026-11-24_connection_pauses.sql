-- A service that asks for a pause gets it from everything that goes through the connection.

alter table if exists app.connection_health add column if not exists held_until timestamptz(3);
drop function if exists app.claim_crm_push(uuid, uuid, interval);
