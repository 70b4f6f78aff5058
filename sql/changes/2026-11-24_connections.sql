-- Whoever saves a connection may leave its settings as they are, and remove a credential.

drop function if exists app.save_connection(text, text, jsonb, boolean, text[], bytea[], text[], bytea, text, jsonb);
