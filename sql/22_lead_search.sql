-- Searching leads. LIKE and @> are not leakproof, so under row-level security PostgreSQL would apply them only after the policy,
-- row by row, never by an index. This function asks for the tenant itself, by the same private.readable and private.workspace as
-- the policies, and searches with the owner's rights.

-- The digits by which a phone number is found in whatever notation: without country code and leading zeros. Null for what is no number
-- as people write numbers, or too short for one.
create or replace function private.searched_digits(written text) returns text
language sql immutable parallel safe
return (
  select case when length(d.national) >= 7 then ltrim(d.national, '0') else d.national end
    from (select case
                   when written ~ '^\s*\(?\+' or digits ~ '^(00|011)[1-9]\d{7}'
                   -- country codes: of one digit, of two, and else of three
                   then regexp_replace(regexp_replace(digits, '^(00|011)(?=[1-9])', ''),
                          '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(2[1-689]|3[578]|42|5[09]|6[7-9]|8[0357-9]|9[679])\d)(?=\d{6})', '')
                   when length(digits) = 11 and digits ~ '^1' then substr(digits, 2)
                   else digits end as national
            from (select regexp_replace(written, '\D', '', 'g') as digits) as all_of_it
           where written ~ '^\s*\(?\+?\s*\(?[0-9][0-9\s()./-]*$' and length(digits) >= 4) as d
);

comment on function private.searched_digits is 'Digits by which a phone number is found in whatever notation; null for what is no number.';

-- The condition under which a lead's search_text matches what somebody typed: every word must occur, in any order.
--   three characters or more   anywhere
--   shorter                    at the beginning of a word (which still is an index look-up)
--   a phone number             in whatever notation, also beside words: what stands together of digits and their signs is one number,
--                              unless it is found as it is written
-- A comma or semicolon behind a word only divides it from the next (Doe, Jane).
-- An address is looked up by what is before its domain, which many share, and then compared whole.
-- SQL over the column "row".search_text, with literals in it; null when nothing was typed. (A folded word holds letters and digits
-- alone, so nothing in it means anything to LIKE.)
create or replace function private.search_condition(q text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
  typed      text;
  words      text;
  digits     text;
  conditions text[] := '{}';
begin
  for typed in
    select distinct string_agg(t.word, ' ' order by t.position)
      from (select w.*, w.position - row_number() over (partition by w.numeric order by w.position) as run
              from (select word, position, word ~ '^[+()0-9./-]+$' as numeric
                      from regexp_split_to_table(translate(normalize(q, NFKD), '‐–—', '---'), '\s+') with ordinality as s (written, position),
                           regexp_replace(written, '(.)[,;]+$', '\1') as word
                     where word <> '') as w) as t
     group by t.numeric, case when t.numeric then t.run else t.position end
  loop
    select string_agg(format('"row".search_text like %L', case when length(word) < 3 then '% ' else '%' end || case when at > 4 then left(word, at) else word end || '%')
                      || case when at > 4 then format(' and strpos("row".search_text, %L) > 0', word) else '' end, ' and ')
      into words
      from (select distinct word, strpos(word, app.fold('@')) as at from string_to_table(app.fold(typed), ' ') as word where word <> '') as folded;
    digits := private.searched_digits(typed);
    conditions := conditions || case when digits <> typed then format('(%s or "row".search_text like %L)', words, '%' || digits || '%') else words end;
  end loop;
  return nullif(array_to_string(conditions, ' and '), '');
end
$$;

comment on function private.search_condition is 'SQL condition under which a lead matches what somebody typed: every word, or the digits of a phone number. Null: nothing was typed.';

-- The newest leads that match: what the request may read, of all its workspace or of one business.
--   q       words to find; null: any
--   tags    labels that all must be there; null: any
--   others  exactly this; null: any
--   count   how many at most
--   before  time and id of the lead that the page before ended with: only what comes after it; null: from the newest on
-- Raises 403 without the scope, 404 for a business that the request does not reach.
--
-- There are two ways to find the newest. Walking from the newest lead on, until enough match, is best for what many have: a
-- frequent name, a tag. The trigram index is best for what few have; for a frequent word it names half of all leads, to be read
-- and sorted. Which way is shorter nobody knows beforehand (PostgreSQL keeps no statistics from those under a policy), so it walks
-- a little, counts, and goes on walking as long as what is left to walk is less than what the index would name. Both are about
-- equal where found² × leads = wanted × walked². Each row is read once by the walk, or by the index behind it.
create or replace function app.find_leads(
  q text, tags text[], stage text, source text, target_type text, since timestamptz, business uuid, count integer,
  before_at timestamptz default null, before_id uuid default null
) returns setof app.leads
language plpgsql stable security definer
set search_path = ''
set work_mem = '32MB'         -- which rows the index names is kept to the row, not to the page
set enable_indexscan = on     -- what is set below ends with the call
set enable_seqscan = on
as $$
declare
  whole     constant boolean := coalesce(private.claims() ->> 'reach' = 'workspace', false);
  reader    constant uuid    := case when whole then private.workspace('leads') else private.readable('leads') end;
  one       constant uuid    := case when not whole and business is null then reader
                                     when business is not null then app.business(business) end;
  words     constant text    := private.search_condition(q);
  labels    constant text[]  := nullif(tags, '{}');
  page      constant text    := ' order by "row".created_at desc, "row".id desc limit ';
  everybody constant real    := (select greatest(c.reltuples, 1) from pg_catalog.pg_class as c where c.oid = 'app.leads'::pg_catalog.regclass);
  workspace uuid;
  -- conditions: what an index keeps together in order of time, and the rest
  together  constant text    := case when one is null then '"row".workspace_id = $1' else '"row".organization_id = $2' end
                             || case when stage is not null then ' and "row".pipeline_stage = $3'
                                     when source is not null then ' and "row".source = $4' else '' end
                             || case when since is not null then ' and "row".created_at >= $6' else '' end;
  rest      constant text    := concat_ws(' and ', 'true', case when stage is not null and source is not null then '"row".source = $4' end,
                                          case when target_type is not null then '"row".target_type = $5' end,
                                          case when labels is not null then '"row".tags @> $7' end, words);
  walked_to record;           -- the last lead walked
  upto      record;
  step      integer := 1000;
  walked    real    := 0;
  found     real    := 0;
  more      integer;
begin
  workspace := case when whole then reader
                    else (select coalesce(o.parent_organization_id, o.id) from app.organizations as o where o.id = reader) end;
  if words is null and labels is null then
    return query execute 'select "row".* from app.leads as "row" where ' || together
                         || case when before_at is not null then ' and ("row".created_at, "row".id) < ($9, $10)' else '' end
                         || ' and ' || rest || page || '$8'
      using workspace, one, stage, source, target_type, since, labels, count, before_at, before_id;
    return;
  end if;
  select coalesce(before_at, 'infinity') as created_at, coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff') as id into walked_to;
  loop
    execute 'select "row".created_at, "row".id from app.leads as "row" where ' || together || ' and ("row".created_at, "row".id) < ($7, $8)'
            || page || '1 offset $9'
       into upto
      using workspace, one, stage, source, target_type, since, walked_to.created_at, walked_to.id, step - 1;
    -- offset 0: the rows come as they are walked, whatever the planner thinks of the words
    return query execute
      'select "row".* from (select "row".* from app.leads as "row" where ' || together
        || ' and ("row".created_at, "row".id) < ($9, $10) and ("row".created_at, "row".id) >= ($11, $12)'
        || page || 'all offset 0) as "row" where ' || rest || page || '$8'
      using workspace, one, stage, source, target_type, since, labels, count - found::integer, walked_to.created_at, walked_to.id,
            coalesce(upto.created_at, '-infinity'), coalesce(upto.id, '00000000-0000-0000-0000-000000000000');
    get diagnostics more = row_count;
    found     := found + more;
    walked    := walked + step;
    walked_to := upto;
    step      := step * 2;
    if found >= count or upto.id is null then
      return;
    end if;
    exit when found * found * everybody < (count - found) * walked * walked;
  end loop;
  perform set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'off', true);
  -- "not": what is older than a lead near the newest is everything, and not worth asking another index for
  return query execute
    'select "row".* from app.leads as "row" where "row".workspace_id = $1 and ' || together
      || ' and not ("row".created_at, "row".id) >= ($9, $10) and ' || rest || page || '$8'
    using workspace, one, stage, source, target_type, since, labels, count - found::integer, walked_to.created_at, walked_to.id;
end
$$;

comment on function app.find_leads is 'The newest leads that match words, tags and fields, of all that the request may read or of one business.';

grant execute on function app.find_leads to tenant, workspace;
