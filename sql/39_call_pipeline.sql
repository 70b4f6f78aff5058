-- The way of a call: what comes in is classified, what is classified is dispatched. Both are tasks, asked for in the transaction of the
-- change, so a call that was added in psql goes the way of one that a tracker told of.
--
--   came in, or what was said changed ──► classify_call ──► classified ──► dispatch_call
--
-- Calls that went out are neither: whoever made them knows what they were about.

create or replace function app.follow_call() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  due timestamptz;
begin
  if new.direction <> 'inbound' then return null; end if;

  if new.classified_by is distinct from 'person'
     and (tg_op = 'INSERT' and new.classified_at is null
          or tg_op = 'UPDATE' and (new.transcript, new.caller_number, new.direction, new.answered, new.voicemail, new.duration_seconds)
                        is distinct from (old.transcript, old.caller_number, old.direction, old.answered, old.voicemail, old.duration_seconds)) then
    -- where somebody spoke, and no word of it is here yet, the tracker may still tell
    if new.transcript is null and new.duration_seconds > 0 then
      select new.created_at + make_interval(secs => s.transcript_wait_seconds) into due
        from app.dispatch_settings as s where s.organization_id = new.organization_id;
    -- a call that rings, or is talked in, is about nothing yet: its tracker tells how it ended, and that is waited for
    elsif new.external_id is not null and new.transcript is null and new.answered is distinct from false and not new.voicemail
          and new.recording_source_url is null then
      due := new.received_at + interval '30 minutes';
    end if;
    perform app.add_task(new.organization_id, 'classify_call', new.id, 10, greatest(now(), due));
  end if;

  if new.classified_at is not null
     and (tg_op = 'INSERT'
          or (new.classified_at, new.intent, new.confidence, new.urgency, new.qualified)
             is distinct from (old.classified_at, old.intent, old.confidence, old.urgency, old.qualified)
          -- what was decided without knowing where; what was not decided yet has its task, or is from before there was dispatch
          or new.dispatch_action is not null
             and (new.caller_postal_code, new.caller_city, new.caller_state) is distinct from (old.caller_postal_code, old.caller_city, old.caller_state))
     and new.dispatched_by is distinct from 'person' and coalesce(new.dispatch_action, 'none') not in ('auto_dispatch', 'callback') then
    perform app.add_task(new.organization_id, 'dispatch_call', new.id, 10);
  end if;
  return null;
end
$$;

comment on function app.follow_call is 'Trigger: asks for the classification of a call that came in or changed, and for the dispatch of one that was classified.';

create or replace trigger _600_follow after insert or update on app.calls for each row execute function app.follow_call();
