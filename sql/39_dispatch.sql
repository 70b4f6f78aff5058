-- Dispatch: what is done about a call that was classified.
--
--   auto_dispatch  a lead, a text message to the caller, a job in the CRM
--   callback       a lead; somebody calls back
--   review         a person decides
--   ignore         nothing
--
-- What was done is done once: a call that was dispatched or is to be called back stays so, however often it is classified again or the
-- task is repeated. What was left to a person, or ignored, is decided anew with what is known later (the transcript, say), until a
-- person has decided.

-- The number that a caller can be reached at, with the country code; null when it is withheld. A network that withholds it spells that
-- out on the keys of a phone: ANONYMOUS is 266696687.
create or replace function app.callable_number(c app.calls) returns text
language sql immutable
return case when length(c.caller_key) between 10 and 15 and c.caller_key !~ '^1?(\d)\1*$'
             and regexp_replace(c.caller_key, '^1(?=\d{10}$)', '') <> all (array['7378742833', '86282452253'])
            then '+' || c.caller_key end;

comment on function app.callable_number is 'The number that a caller can be reached at, with the country code; null when it is withheld.';

-- What is to be done about a call, and why. A null action: not classified, or nothing that came in.
create or replace function app.decide_dispatch(c app.calls, out action text, out reason text)
language plpgsql stable
set search_path = ''
as $$
declare
  settings  app.dispatch_settings;
  open      boolean;
  served    boolean;
  hours     text;
  area      text;
  reachable constant boolean := app.callable_number(c) is not null;
begin
  if c.classified_at is null or c.direction <> 'inbound' then return; end if;
  select s.* into settings from app.dispatch_settings as s where s.organization_id = c.organization_id;
  open  := app.in_business_hours(c.organization_id, c.received_at);
  hours := case when open then 'business_hours' else 'after_hours' end;

  if c.intent in ('sales_pitch', 'wrong_number') and c.confidence >= settings.minimum_confidence then
    action := 'ignore';
    reason := c.intent;
  elsif c.received_at < coalesce(c.created_at, now()) - make_interval(mins => settings.stale_after_minutes) then
    action := 'review';
    reason := 'told_too_late';
  -- a worker that was away, a transcript or a correction that came days later
  elsif c.received_at < c.classified_at - make_interval(mins => settings.stale_after_minutes, secs => settings.transcript_wait_seconds) then
    action := 'review';
    reason := 'classified_too_late';
  -- nobody spoke with the caller, and nobody knows what it was about
  elsif (c.voicemail or not coalesce(c.answered, true)) and coalesce(c.transcript, '') !~ '\S' then
    action := 'callback';
    reason := case when c.voicemail then 'voicemail' else 'missed_call' end || ' + ' || hours;
  elsif c.confidence < settings.minimum_confidence then
    action := 'review';
    reason := 'low_confidence';
  elsif c.qualified is null then
    action := 'review';
    reason := 'qualification_unknown';
  elsif not c.qualified then
    action := 'ignore';
    reason := 'not_qualified';
  elsif c.intent <> all (settings.qualified_intents) then
    action := 'review';
    reason := 'qualified + intent_not_served';
  end if;
  -- whom nobody can call back, a person looks at
  if action = 'callback' and not reachable then
    action := 'review';
    reason := reason || ' + number_withheld';
  end if;
  if action is not null then return; end if;

  -- the city that a network tells is that of the number, which people keep when they move: one elsewhere turns nobody away
  served := case when app.postal_code_key(c.caller_postal_code) is not null then app.in_service_area(c.organization_id, c.caller_postal_code)
                 else nullif(app.city_in_service_area(c.organization_id, c.caller_city, c.caller_state), false) end;
  area := case when settings.service_radius_miles is null and cardinality(settings.service_postal_codes) = 0 then 'service_area_not_set'
               when served then 'in_service_radius'
               when not served then 'out_of_service_radius'
               else 'place_unknown' end;
  if c.urgency = 'high' and settings.urgent_at_any_hour and not open then
    open  := true;
    hours := 'urgent_after_hours';
  end if;
  reason := area || ' + qualified + ' || hours;
  action := case when area = 'out_of_service_radius' then 'ignore'
                 when not open then 'callback'
                 when area <> 'in_service_radius' or not settings.auto_dispatch then 'review'
                 else 'auto_dispatch' end;
  if action = 'review' and area = 'in_service_radius' then
    reason := reason || ' + auto_dispatch_off';
  end if;
  -- nor does a crew go where there is neither a number nor a name
  if not reachable and (action = 'callback' or action = 'auto_dispatch' and coalesce(c.caller_name, '') !~ '\S') then
    action := 'review';
    reason := reason || ' + number_withheld';
  end if;
end
$$;

comment on function app.decide_dispatch is 'What is to be done about a classified call by its organization''s settings, and why: in_service_radius + qualified + business_hours.';

-- The name that a caller can be greeted by, or null. Networks tell names in capitals, and where they know none they tell a kind of
-- line or a place: WIRELESS CALLER, TOLL FREE CALL, ATLANTA GA.
create or replace function private.caller_name(told text) returns text
language sql immutable
set search_path = ''
as $$
  select case when name = '' or name !~ '[[:alpha:]]' or name ~ '[A-Z],? [A-Z]{2}$' and name = upper(name)
                or name ~* '\m(wireless|cell(ular)?|mobile|unknown|anonymous|unavailable|private|restricted|blocked|withheld|toll[ -]?free|call(er)?|number|spam)\M' then null
              when name = upper(name) then initcap(name)
              else name end
    from (select btrim(regexp_replace(coalesce(told, ''), '\s+', ' ', 'g'))) as t (name)
$$;

comment on function private.caller_name is 'The name that a caller can be greeted by; null when a tracker told none that is a name.';

-- The lead that a call becomes: the one that the caller's number is known by, or a new one. Null when neither a number nor a name is
-- known of the caller.
create or replace function private.lead_of_call(c app.calls) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  phone   constant text := case when app.callable_number(c) is not null then c.caller_number end;
  fields  jsonb;
  brought app.leads;
  known   uuid;
begin
  if phone is null and coalesce(c.caller_name, '') !~ '\S' then return null; end if;
  perform private.alone_with_leads(c.organization_id);
  fields := jsonb_build_object(
    'name', c.caller_name, 'phone', phone, 'source', c.source,
    -- without a number it is known by the call alone
    'external_id', case when phone is null then app.typeid('call', c.id) end,
    'pipeline_stage', case when c.qualified then 'qualified' else 'new' end,
    'context', jsonb_build_object('call', jsonb_strip_nulls(jsonb_build_object(
      'id', app.typeid('call', c.id), 'intent', c.intent, 'urgency', c.urgency, 'received_at', app.iso(c.received_at),
      'marketing_source', c.marketing_source, 'tracking_number', c.tracking_number, 'city', c.caller_city, 'state', c.caller_state,
      'postal_code', c.caller_postal_code, 'country', c.caller_country))));
  brought := private.brought_lead(fields);
  known := private.known_lead(c.organization_id, brought);
  -- what a network calls a line does not rename who is known by a name
  if exists (select from app.leads as l where l.organization_id = c.organization_id and l.id = known and private.caller_name(l.name) is not null) then
    brought.name := null;
  end if;
  return (private.place_lead(c.organization_id, brought, known)).lead_id;
end
$$;

comment on function private.lead_of_call is 'Finds or makes the lead that a call becomes; null when nothing is known of the caller.';

-- The first of the names that a caller is greeted by, or null. In capitals without a comma it is a network's word, and networks tell the
-- last name first, but not all of them: better none than the wrong one.
create or replace function private.first_name(told text) returns text
language sql immutable
set search_path = ''
as $$
  select case when name ~ ',' then nullif(split_part(btrim(split_part(name, ',', 2)), ' ', 1), '')
              when btrim(told) = upper(btrim(told)) and name ~ ' ' then null
              else split_part(name, ' ', 1) end
    from private.caller_name(told) as known (name)
$$;

comment on function private.first_name is 'The first name that a caller can be greeted by; null when it is not known which it is.';

-- The text for a caller, from a template.
create or replace function private.text_for_caller(template text, c app.calls) returns text
language sql stable
set search_path = ''
as $$
  -- what a caller is named is filled in last: it is not read as a placeholder
  select replace(replace(replace(replace(
           -- without a name the greeting still reads as one
           regexp_replace(template, '\s*\{(' || concat_ws('|', case when known.first is null then 'first_name' end,
                                                                 case when known.name is null then 'name' end, '-') || ')\}', '', 'g'),
           '{organization}', o.name), '{tracking_number}', coalesce(c.tracking_number, 'our number')),
           '{first_name}', coalesce(known.first, '')), '{name}', coalesce(known.name, ''))
    from app.organizations as o
   cross join (select private.caller_name(c.caller_name) as name, private.first_name(c.caller_name) as first) as known
   where o.id = c.organization_id
$$;

comment on function private.text_for_caller is 'A template of dispatch settings, filled in for a call.';

-- Does what was decided about a call, and notes it. The caller holds the row's lock. Each thing is done at most once: the lead is the
-- call's own from then on, a message carries a key that is unique, and the CRM is asked by the first dispatch.
create or replace function private.carry_out_dispatch(c app.calls, action text, reason text, decided_by text) returns app.calls
language plpgsql
set search_path = ''
as $$
declare
  settings app.dispatch_settings;
  first    constant boolean := c.dispatch_action is distinct from 'auto_dispatch';
  lead     uuid := c.lead_id;
  template text;
  number   constant text := app.callable_number(c);
begin
  select s.* into settings from app.dispatch_settings as s where s.organization_id = c.organization_id;
  if action in ('auto_dispatch', 'callback') then
    lead := coalesce(lead, private.lead_of_call(c));
  end if;
  update app.calls as d
     set status = 'dispatched', dispatch_action = action, dispatch_reason = reason, dispatched_by = decided_by, lead_id = lead,
         dispatched_at = now()
   where d.organization_id = c.organization_id and d.id = c.id
     and (d.status, d.dispatch_action, d.dispatch_reason, d.dispatched_by, d.lead_id)
         is distinct from ('dispatched', action, reason, decided_by, lead);
  template := case when action = 'auto_dispatch' and settings.sms_callback then settings.sms_template
                   when action = 'callback' and settings.sms_on_callback then settings.sms_on_callback_template end;
  if template is not null and number is not null then
    begin
      perform app.queue_message('sms', number, private.text_for_caller(template, c), purpose => 'call_callback',
                                dedupe_key => 'call:' || c.id, lead_id => lead, call_id => c.id);
    exception when check_violation or sqlstate 'PT400' then
      null; -- no number that takes a text; the crew comes all the same
    end;
  end if;
  if action = 'auto_dispatch' and first and settings.crm_push and lead is not null then
    -- (not asked for by whoever may change leads: it follows from what may be decided about calls, as the lead does)
    perform app.push_lead(c.organization_id, lead, c.id);
  end if;
  select d.* into c from app.calls as d where d.organization_id = c.organization_id and d.id = c.id;
  return c;
end
$$;

comment on function private.carry_out_dispatch is 'Does what was decided about a call (lead, text message, job in the CRM: each at most once) and notes it.';

-- Dispatches a call by its organization's settings, in one transaction. A call that was dispatched, or decided by a person, stays as it
-- is, and so does one that was left to a person, or ignored, so long ago that it is stale. Returns the call.
-- Raises 401 when nobody asks, 403 without the scope calls.write, 404 when there is no such call.
create or replace function app.dispatch_call(call_id uuid) returns app.calls
language plpgsql security definer
set search_path = ''
as $$
declare
  organization constant uuid := private.writable('calls');
  c            app.calls;
  decision     record;
begin
  if organization is null then
    perform app.fail(401, 'unauthorized', 'Nobody is asking.');
  end if;
  select d.* into c from app.calls as d where d.organization_id = organization and d.id = call_id for update;
  if c.id is null then
    perform app.fail(404, 'not_found', 'No such call.');
  end if;
  if c.dispatched_by = 'person' or c.dispatch_action in ('auto_dispatch', 'callback')
     or c.dispatched_at < now() - (select make_interval(mins => s.stale_after_minutes) from app.dispatch_settings as s where s.organization_id = organization) then
    return c;
  end if;
  decision := app.decide_dispatch(c);
  if decision.action is null then
    return c;
  end if;
  return private.carry_out_dispatch(c, decision.action, decision.reason, 'settings');
end
$$;

comment on function app.dispatch_call is 'Dispatches a classified call by its organization''s settings, at most once; returns it.';

-- What a person says about a call, which no rule, model or setting overrides.
--   intent, urgency, qualified  what it was about; null: as it is, which for a call that nobody has classified yet is what the rules say.
--                               Without "qualified", what a customer calls about is qualified.
--   action                      what is to be done, which is done at once; null: as the settings say, unless it was done already
-- Raises as app.dispatch_call does.
create or replace function app.correct_call(call_id uuid, intent text default null, urgency text default null, qualified boolean default null, action text default null)
returns app.calls
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_variable
declare
  organization constant uuid := private.writable('calls');
  c            app.calls;
  found_out    record;
  named        constant boolean := intent is not null;
  -- who says no more than how urgent a call is has not said what it was about
  sure         constant boolean := named or qualified is not null;
begin
  if organization is null then
    perform app.fail(401, 'unauthorized', 'Nobody is asking.');
  end if;
  select d.* into c from app.calls as d where d.organization_id = organization and d.id = call_id for update;
  if c.id is null then
    perform app.fail(404, 'not_found', 'No such call.');
  end if;
  if coalesce(intent, urgency, qualified::text) is not null then
    if c.intent is null and not named then
      found_out    := app.classify(c);
      c.intent     := found_out.intent;
      c.urgency    := found_out.urgency;
      c.qualified  := found_out.qualified;
      c.confidence := found_out.confidence;
    end if;
    intent    := coalesce(intent, c.intent);
    qualified := coalesce(qualified, case when intent = c.intent then c.qualified end,
                          case when named then intent not in ('sales_pitch', 'wrong_number', 'other') end);
    update app.calls as d
       set status = case when d.status = 'received' then 'classified' else d.status end,
           intent = correct_call.intent, urgency = coalesce(correct_call.urgency, c.urgency, 'medium'), qualified = correct_call.qualified,
           confidence = case when sure then 1 else c.confidence end, classified_by = 'person', classified_at = now(),
           classification_reasons = 'Corrected by a person.'
     where d.organization_id = organization and d.id = call_id;
    if qualified and c.qualified_at is null then
      update app.calls as d set qualified_at = now() where d.organization_id = organization and d.id = call_id;
    end if;
    select d.* into c from app.calls as d where d.organization_id = organization and d.id = call_id;
  end if;
  if action is not null then
    c := private.carry_out_dispatch(c, action, 'decided_by_person', 'person');
  end if;
  return c;
end
$$;

comment on function app.correct_call is 'Classifies or dispatches a call by hand; what a person says is not overridden.';

grant execute on function app.callable_number, app.decide_dispatch, app.dispatch_call, app.correct_call to tenant;
