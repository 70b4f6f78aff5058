-- Lead signals: what can be told of a lead besides what it says. Scoring rules ask for them as $.signals.phone_valid.

-- The postal code of a lead: a field of its context (or of the form in it) that is called so, or what reads like one in an American
-- address ("Marietta, GA 30060", "zip 30060"). Null when it tells none.
create or replace function private.postal_code(context jsonb, notes text) returns text
language sql immutable parallel safe
set search_path = ''
as $$
  select coalesce(
    (select btrim(field.value)
       from (select e.key, e.value, 1 as depth from jsonb_each_text(context) as e
             union all
             select e.key, e.value, 2 from jsonb_each_text(case when jsonb_typeof(context -> 'fields') = 'object' then context -> 'fields' else '{}' end) as e) as field
      where translate(lower(field.key), ' _-', '') in ('postalcode', 'postcode', 'zip', 'zipcode', 'plz')
        and length(btrim(field.value)) between 3 and 12
      order by field.depth, field.key limit 1),
    (regexp_match(left(concat_ws(' ', context ->> 'address', context ->> 'location', notes), 5000),
                  '\m(?:[A-Z]{2},? +|[Zz][Ii][Pp](?: [Cc]ode)?:? +)(\d{5})\M'))[1])
$$;

comment on function private.postal_code is 'Postal code that a lead''s context or notes tell, or null.';

-- Words of a text that say that it cannot wait, each once; a text of many thousand characters is not read to its end.
create or replace function private.urgent_words(said text) returns jsonb
language sql immutable parallel safe
set search_path = ''
as $$
  select coalesce(jsonb_agg(distinct lower(found.word[1])), '[]')
    from regexp_matches(
           -- "not urgent" is not urgent
           regexp_replace(replace(left(said, 5000), '_', ' '),
             '\m(not?|isn.?t|never|without|non)[ -]+(an? |that |very |really |so )?(urgent|emergency|immediate|leak|flood|fire|mold|damage)\w*', '', 'gi'),
           '\m(emergenc(?:y|ies)|urgent(?:ly)?|asap|immediate(?:ly)?|right (?:away|now)|today|tonight|leak(?:s|ed|ing|age)?|flood(?:s|ed|ing)?|burst|'
           'overflow(?:s|ed|ing)?|back(?:ed|ing) up|sewage|fire|smoke|soot|mou?ld|storm|hail|tornado|hurricane|collaps(?:ed?|ing)|water damage|'
           'standing water|no (?:heat|power|water)|gas (?:leak|smell)|emergencia|urgente|fuga|inundaci[oó]n|incendio)\M', 'gi') as found (word)
$$;

comment on function private.urgent_words is 'Words of a text that say that it cannot wait, each once, as a list.';

-- Everything that is told by computing and looking up. It asks as the owner, for any organization: for functions of the core.
create or replace function private.lead_signals(lead app.leads) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
           'phone_valid',       app.phone_valid(lead.phone_key),
           'phone_type',        app.phone_type(lead.phone_key),
           'email_kind',        kind.email,
           'email_valid',       kind.email in ('business', 'free'),
           'email_domain',      lower(substring(lead.email from '[^@]*$')),
           'completeness',      round(num_nonnulls(
                                  case when btrim(lead.name) ~ '\S\s+\S' then true end, lead.email, lead.phone, nullif(told.problem, ''), lead.timeline,
                                  coalesce(lead.budget_range, lead.company), place.postal_code) / 7.0, 2),
           'urgent_words',      urgent.words,
           -- what a lead that called said is not in the lead, but how urgent the call was
           'urgent',            urgent.words <> '[]' or coalesce(lead.context #>> '{call,urgency}' = 'high', false),
           'postal_code',       place.postal_code,
           'in_service_area',   app.in_service_area(lead.organization_id, place.postal_code),
           'calls',             called.calls,
           'repeat_caller',     called.calls > 1,
           'form_seconds',      case when jsonb_typeof(lead.context -> 'form_seconds') = 'number'
                                      and (lead.context ->> 'form_seconds')::numeric between 0 and 86400 then lead.context -> 'form_seconds' end,
           'source_closed',     outcome.closed,
           -- ten leads that came to an end are the least that a source can be judged by
           'source_conversion', case when outcome.closed >= 10 then outcome.conversion end,
           -- against all sources together: 1.5 is half as many again (of thousands, so few may be won that their share rounds to none)
           'source_lift',       case when outcome.closed >= 10 then round(outcome.conversion / nullif(outcome.average, 0), 2) end)
    from (select app.email_kind(lead.email) as email) as kind
   cross join (select concat_ws(' ', lead.pain_points, lead.notes, lead.context ->> 'message') as problem) as told
   cross join lateral (select private.urgent_words(concat_ws(' ', lead.timeline, told.problem)) as words) as urgent
   -- "between k and k, in the order of k" is "equals k" in words that only one index answers without sorting
   cross join (select count(*) as calls, max(c.postal_code) as postal_code
                 from (select c.caller_postal_code as postal_code from app.calls as c
                        where c.organization_id = lead.organization_id and c.caller_key between lead.phone_key and lead.phone_key
                          and c.direction = 'inbound'
                        order by c.caller_key, c.received_at desc limit 100) as c) as called
   cross join lateral (select coalesce(private.postal_code(lead.context, lead.notes), called.postal_code) as postal_code) as place
   cross join (select coalesce(sum(o.total) filter (where o.source = lead.source), 0)              as closed,
                      app.conversion(coalesce(sum(o.won) filter (where o.source = lead.source), 0),
                                     coalesce(sum(o.total) filter (where o.source = lead.source), 0)) as conversion,
                      app.conversion(coalesce(sum(o.won), 0), coalesce(sum(o.total), 0))          as average
                 from app.source_outcomes as o where o.organization_id = lead.organization_id) as outcome
$$;

comment on function private.lead_signals is 'Signals of a lead of any organization, by name. For functions of the core.';

-- Whether whoever asks may be told of an organization by a function that asks as the owner: its own requests, and the operator in psql.
create or replace function private.is_asked_by(organization uuid) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select case when private.claims() is null then pg_has_role(session_user, 'trunkline_owner', 'member') else organization = private.tenant() end
$$;

comment on function private.is_asked_by is 'Whether the request acts for the organization, or the operator asks in a database session.';

-- Signals of a lead, as an object: phone_valid, phone_type, email_kind, email_valid, email_domain, completeness, urgent_words, urgent,
-- postal_code, in_service_area, calls, repeat_caller, form_seconds, source_closed, source_conversion, source_lift. What is not known
-- is null. Raises 404 for a lead of another organization.
create or replace function app.lead_signals(lead app.leads) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if private.is_asked_by(lead.organization_id) is not true then
    perform app.fail(404, 'not_found', 'No such lead.');
  end if;
  return private.lead_signals(lead);
end
$$;

comment on function app.lead_signals is 'What can be told of a lead besides what it says: phone_valid, email_kind, completeness …; what is not known is null. 404 for another organization''s.';

grant execute on function app.lead_signals to tenant;
