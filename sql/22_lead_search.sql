-- Searching leads. LIKE and @> are not leakproof, so under row-level security PostgreSQL would apply them only after the policy,
-- row by row, never by an index. This function asks for the tenant itself, by the same private.readable and private.workspace as
-- the policies, and searches with the owner's rights.

-- The condition under which a lead's search_text matches what somebody typed: every word must occur, in any order.
--   three characters or more   anywhere
--   shorter                    at the beginning of a word (which still is an index look-up)
--   a phone number             in whatever notation: its digits, without country code and leading zeros
-- SQL over the column "row".search_text, with literals in it; true when nothing was typed.
create or replace function private.search_condition(q text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
  folded     text := trim(app.fold(regexp_replace(q, '\s+', ' ', 'g')));
  digits     text := regexp_replace(q, '\D', '', 'g');
  conditions text;
begin
  select string_agg(format('"row".search_text like %L',
                           '%' || case when length(word) < 3 then ' ' else '' end || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'), ' and ')
    into conditions
    from regexp_split_to_table(folded, ' ') as word where word <> '';
  if conditions is null then
    return 'true';
  end if;
  -- a number as people write numbers, and long enough to be one
  if folded ~ '^[+(]?[0-9][0-9 ()./+-]*$' and length(digits) >= 4 then
    if folded ~ '^\+' or digits ~ '^00[1-9]\d{7}' then
      digits := regexp_replace(ltrim(digits, '0'), '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(?=\d{6})', '');
    elsif length(digits) = 11 and digits ~ '^1' then
      digits := substr(digits, 2);
    elsif length(digits) >= 7 then
      digits := ltrim(digits, '0');
    end if;
    conditions := format('(%s or "row".search_text like %L)', conditions, '%' || digits || '%');
  end if;
  return conditions;
end
$$;

comment on function private.search_condition is 'SQL condition under which a lead matches what somebody typed: every word, or the digits of a phone number.';

-- The newest leads that match: what the request may read, of all its workspace or of one business.
--   q       words to find; null: any
--   tags    labels that all must be there; null: any
--   others  exactly this; null: any
--   count   how many at most
-- Raises 403 without the scope, 404 for a business that the request does not reach.
create or replace function app.find_leads(
  q text, tags text[], stage text, source text, target_type text, since timestamptz, business uuid, count integer
) returns setof app.leads
language plpgsql stable security definer
set search_path = ''
as $$
declare
  whole      constant boolean := coalesce(private.claims() ->> 'reach' = 'workspace', false);
  reader     constant uuid    := case when whole then private.workspace('leads') else private.readable('leads') end;
  one        constant uuid    := case when not whole and business is null then reader
                                      when business is not null then app.business(business) end;
  workspace  uuid;
begin
  select coalesce(o.parent_organization_id, o.id) into workspace from app.organizations as o where o.id = reader;
  return query execute
    'select "row".* from app.leads as "row" where "row".workspace_id = $1'
      || case when one         is not null then ' and "row".organization_id = $2' else '' end
      || case when stage       is not null then ' and "row".pipeline_stage = $3'  else '' end
      || case when source      is not null then ' and "row".source = $4'          else '' end
      || case when target_type is not null then ' and "row".target_type = $5'     else '' end
      || case when since       is not null then ' and "row".created_at >= $6'     else '' end
      || case when tags        is not null then ' and "row".tags @> $7'           else '' end
      || case when q           is not null then ' and ' || private.search_condition(q) else '' end
      || ' order by "row".created_at desc, "row".id desc limit $8'
    using case when whole then reader else workspace end, one, stage, source, target_type, since, tags, count;
end
$$;

comment on function app.find_leads is 'The newest leads that match words, tags and fields, of all that the request may read or of one business.';

grant execute on function app.find_leads to tenant, workspace;
