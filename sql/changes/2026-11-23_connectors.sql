-- Connections over HTTP: who saves one says which of its settings are addresses that credentials are sent to.

drop function if exists app.save_connection(text, text, jsonb, boolean, text[], bytea[], text[], bytea, text);
