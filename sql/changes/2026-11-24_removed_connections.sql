-- What went through a connection outlives it, and is not changed when it is removed.

alter table if exists app.crm_records drop constraint if exists crm_records_connection_fkey;
alter table if exists app.messages drop constraint if exists messages_connection_fkey;
drop index if exists app.messages_connection_fkey;
