-- What a tracker tells of one call, several times and in any order: that it rings, ended, was transcribed, was modified; by a hook, by
-- an answer to a poll. Each message has the facts as of some time. What is newer replaces; what is older only fills gaps, however late
-- it comes; and what tells nothing new writes nothing, so that polling a day of calls again leaves no trace.

-- Records what a tracker told of a call. What a message leaves out stays. A call that is told anew with another transcript is
-- classified anew.
-- Raises 400 for a call that is more than a day ahead: it would be the newest of all, and in every window, until that day.
--   told  columns of app.calls by name; as_of: now unless it is told; extra is merged. And spare_recording_url: an address of the
--         recording that is worth less than any other, as it takes credentials to fetch.
create or replace function app.record_call(told jsonb) returns table (call app.calls, created boolean)
language plpgsql
set search_path = ''
as $$
declare
  columns constant text[] := '{received_at,tracking_number,caller_number,caller_name,caller_city,caller_state,caller_postal_code,'
                             'caller_country,direction,answered,voicemail,duration_seconds,marketing_source,recording_source_url,transcript}';
  given  app.calls := jsonb_populate_record(null::app.calls, told);
  known  app.calls;
  merged app.calls;
  newer  boolean;
begin
  if given.received_at > now() + interval '1 day' then
    perform app.fail(400, 'invalid_request', 'The call would be yet to come in.',
      jsonb_build_object('field', 'received_at', 'reason', 'must not be more than a day ahead'));
  end if;
  given.as_of := coalesce(given.as_of, now());
  given.extra := coalesce(given.extra, '{}');
  given.recording_source_url := coalesce(given.recording_source_url, told ->> 'spare_recording_url');
  insert into app.calls as c (source, external_id, received_at, tracking_number, caller_number, caller_name, caller_city, caller_state,
                              caller_postal_code, caller_country, direction, answered, voicemail, duration_seconds, marketing_source,
                              extra, recording_source_url, transcript, as_of)
  values (given.source, given.external_id, coalesce(given.received_at, now()), given.tracking_number, given.caller_number, given.caller_name,
          given.caller_city, given.caller_state, given.caller_postal_code, given.caller_country, coalesce(given.direction, 'inbound'),
          given.answered, coalesce(given.voicemail, false), coalesce(given.duration_seconds, 0), given.marketing_source,
          given.extra, given.recording_source_url, given.transcript, given.as_of)
  on conflict (organization_id, source, external_id) where external_id is not null do nothing
  returning c.* into call;
  created := found;
  if created then
    return next;
    return;
  end if;

  select c.* into strict known from app.calls as c
   where c.organization_id = app.tenant() and c.source = given.source and c.external_id = given.external_id
     for update;
  newer := given.as_of >= coalesce(known.as_of, '-infinity');
  -- (a length of 0 says nothing that a length would contradict)
  merged := jsonb_populate_record(known, (
    select coalesce(jsonb_object_agg(t.key, t.value), '{}') from jsonb_each(told) as t
     where t.key = any (columns) and t.value <> 'null' and (newer or to_jsonb(known) -> t.key in ('null', '0'))));
  merged.recording_source_url := coalesce(merged.recording_source_url, given.recording_source_url);
  merged.extra := case when newer then known.extra || given.extra else given.extra || known.extra end;
  call := known;
  if merged *<> known then
    update app.calls as c
       set received_at = merged.received_at, tracking_number = merged.tracking_number, caller_number = merged.caller_number,
           caller_name = merged.caller_name, caller_city = merged.caller_city, caller_state = merged.caller_state,
           caller_postal_code = merged.caller_postal_code, caller_country = merged.caller_country, direction = merged.direction,
           answered = merged.answered, voicemail = merged.voicemail, duration_seconds = merged.duration_seconds,
           marketing_source = merged.marketing_source, extra = merged.extra, recording_source_url = merged.recording_source_url,
           transcript = merged.transcript, as_of = greatest(known.as_of, given.as_of)
     where c.organization_id = known.organization_id and c.id = known.id
    returning c.* into call;
  end if;
  return next;
end
$$;

comment on function app.record_call is 'Records what a tracker told of a call; told again under the same id, newer facts replace, older ones fill gaps, and the same write nothing.';

grant execute on function app.record_call to tenant;
