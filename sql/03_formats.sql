-- Formats that the documents prescribe: timestamps, cursors and prefixed ids.

-- A timestamp as the documents print it: 2026-04-27T13:22:05.114Z (UTC, milliseconds).
create or replace function app.iso(at timestamptz) returns text
language sql stable parallel safe
return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

comment on function app.iso is 'A timestamp as the documents print it: 2026-04-27T13:22:05.114Z.';

-- An opaque page cursor: base64url of {"created_at":…,"id":…}, as in the Expert AI Labs document.
create or replace function app.cursor(created_at timestamptz, id uuid) returns text
language sql stable parallel safe
return translate(
  encode(convert_to('{"created_at":"' || app.iso(created_at) || '","id":"' || id || '"}', 'UTF8'), 'base64'),
  E'+/=\n', '-_'
);

comment on function app.cursor is 'Page cursor: base64url of {"created_at","id"} of the last row shown.';

-- A TypeID: prefix, underscore, and the UUID in 26 Crockford base-32 characters.
create or replace function app.typeid(prefix text, id uuid) returns text
language sql immutable parallel safe
return prefix || '_' || (
  select string_agg(
           substr('0123456789abcdefghjkmnpqrstvwxyz',
                  substring(b'00' || ('x' || replace(id::text, '-', ''))::bit(128) from i * 5 + 1 for 5)::integer + 1, 1),
           '' order by i)
    from generate_series(0, 25) as i
);

comment on function app.typeid is 'TypeID of a UUID: prefix_ and 26 base-32 characters.';

-- The UUID inside a TypeID; null when the text is no TypeID of that prefix.
create or replace function app.typeid_uuid(prefix text, typeid text) returns uuid
language sql immutable parallel safe
return case
  when typeid ~ ('^' || prefix || '_[0-7][0-9a-hjkmnp-tv-z]{25}$') then (
    select encode(
             decode(lpad(string_agg(lpad(to_hex(nibbles.value::bit(4)::integer), 1, '0'), '' order by nibbles.i), 32, '0'), 'hex'),
             'hex')::uuid
      from (
        select i, substring(bits.value from i * 4 + 3 for 4) as value
          from (
            select string_agg((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(typeid, length(prefix) + 2 + j, 1)) - 1)::bit(5)::text, '' order by j) as value
              from generate_series(0, 25) as j
          ) as bits,
          generate_series(0, 31) as i
      ) as nibbles
  )
end;

comment on function app.typeid_uuid is 'The UUID inside a TypeID; null when the text is no TypeID of that prefix.';

-- The public id of an event: evt_ and 16 hexadecimal digits, stable for one change and one event type.
create or replace function app.event_public_id(change_id uuid, type text) returns text
language sql immutable parallel safe
return 'evt_' || left(encode(sha256(convert_to(change_id || ':' || type, 'UTF8')), 'hex'), 16);

comment on function app.event_public_id is 'Public id of an event: evt_ and 16 hex digits; the same for every retry, so receivers can deduplicate on it.';

-- A duration in one unit, as the API takes it: 30s, 5m, 2h, 1d.
create or replace function app.duration(span interval) returns text
language sql immutable parallel safe
return (
  select case when total % 86400 = 0 then total / 86400 || 'd'
              when total % 3600 = 0  then total / 3600 || 'h'
              when total % 60 = 0    then total / 60 || 'm'
              else total || 's' end
    from (select extract(epoch from span)::bigint as total) as seconds
);

comment on function app.duration is 'A duration in one unit, as the API takes it: 30s, 5m, 2h, 1d.';

-- A cell of a CSV file that a spreadsheet will not run: what begins as a formula does (=, +, -, @, a tab or line break, and the
-- full-width forms of these) gets an apostrophe before it.
create or replace function app.csv_cell(value text) returns text
language sql immutable parallel safe
return case when value ~ '^[=+\-@\t\r\n＝＋－＠]' then '''' || value else value end;

comment on function app.csv_cell is 'A cell of a CSV file that a spreadsheet will not run as a formula: an apostrophe before what begins like one.';

grant execute on function app.duration to anon, tenant, workspace, gateway, worker, analyst, analyst_all;
grant execute on function app.iso, app.cursor, app.typeid, app.typeid_uuid, app.event_public_id to anon, tenant, workspace, gateway, worker, analyst, analyst_all;
grant execute on function app.csv_cell to tenant, workspace;
