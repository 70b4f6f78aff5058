-- Searching leads goes on where a page ended.

drop function if exists app.find_leads(text, text[], text, text, text, timestamptz, uuid, integer);
