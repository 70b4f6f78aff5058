-- Where the leads of an organization come from, for whoever fills a form in.

-- The sources that leads have, in order of name, at most 500. Raises 403 without a scope for leads.
--
-- Reads one entry of the index for each source, not one for each lead: the next source is the smallest that is greater. Comparing
-- texts is not leakproof, so no index would serve it under a policy, and the function asks for the tenant itself.
create or replace function app.lead_sources() returns setof text
language plpgsql stable security definer
set search_path = ''
as $$
declare
  reader constant uuid := private.readable('leads');
  found_source text;
begin
  for i in 1..500 loop
    select l.source into found_source
      from app.leads as l
     where l.organization_id = reader and l.source > coalesce(found_source, '')
     order by l.source limit 1;
    exit when found_source is null;
    return next found_source;
  end loop;
end
$$;

comment on function app.lead_sources is 'Sources that the leads of the organization have, in order of name, at most 500.';

grant execute on function app.lead_sources to tenant;
