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

-- A TypeID: prefix, underscore, and the UUID in 26 Crockford base-32 characters. Lists ask it for every row, so it looks two
-- characters (ten bits) up at a time: in a table of all 1,024 pairs, which is bytes as these are found without counting. It
-- runs as its caller and pins no search_path, which would take as long as all the rest.
do $make$
begin
  execute format($function$
    create or replace function app.typeid(prefix text, id uuid) returns text
    language plpgsql immutable parallel safe
    as $$
    declare
      pairs  constant bytea  := %L;
      hex    constant text   := replace(id::text, '-', '');
      first  constant bigint := ('x' || left(hex, 2))::bit(8)::bigint;
      middle constant bigint := ('x' || substr(hex, 3, 15))::bit(60)::bigint;
      last   constant bigint := ('x' || right(hex, 15))::bit(60)::bigint;
    begin
      return prefix || '_' || encode(%s, 'escape');
    end
    $$
    $function$,
    (select string_agg(a || b, '' order by a collate "C", b collate "C")
       from string_to_table('0123456789abcdefghjkmnpqrstvwxyz', null) as a, string_to_table('0123456789abcdefghjkmnpqrstvwxyz', null) as b),
    'substr(pairs, first::integer * 2 + 1, 2)' || (
      select string_agg(format(' || substr(pairs, (%s >> %s & 1023)::integer * 2 + 1, 2)', part, shift), '' order by part desc, shift desc)
        from unnest(array['middle', 'last']) as part, generate_series(0, 50, 10) as shift));
end
$make$;

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
