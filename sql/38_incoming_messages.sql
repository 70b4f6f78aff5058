-- What comes back: texts that people write, what services tell of messages that were sent, and unsubscribing.

-- What a text message asks for, as carriers have it: stop, start, or null. The word is the whole message, however it is written: Stop!,
-- S.T.O.P., Opt-out, ARRÊT. Who asks politely asks, too.
create or replace function app.opt_word(content text) returns text
language sql immutable parallel safe
return (
  select case when length(content) > 40 then null
              when word ~ '^(please|pls)?(stop(all|stop|it|now|texting(me)?|messaging(me)?|messages|texts)?|unsubscribe(me)?)(please|pls|thanks|thankyou)?$' then 'stop'
              when word in ('cancel', 'end', 'quit', 'optout', 'optmeout', 'revoke', 'arret') then 'stop'
              when word in ('start', 'unstop', 'yes') then 'start' end
    from (select regexp_replace(lower(translate(normalize(left(content, 41), NFKC), 'ÊêÉé', 'eeee')), '[^a-z0-9]', '', 'g') as word) as said
);

comment on function app.opt_word is 'What a text message asks for: stop (no more messages), start (messages again), or null.';

-- Keeps a message that came in, once for its vendor and external_id. A text that says STOP suppresses its number, START lifts that (and
-- nothing that another way suppressed), whichever of them is processed first: the last word counts. Anything else from a known lead is a
-- reply of the lead.
--   fields  columns of app.messages by name (created_at: when it came; without it, now); opt: stop or start, where the service says so itself
-- Needs outreach.write, and leads.write for replies. Returns null for one that came before.
create or replace function app.receive_message(fields jsonb) returns uuid
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant   uuid := private.writable('outreach');
  brought  app.messages := jsonb_populate_record(null::app.messages, fields);
  received app.messages;
  asked    text;
  lifted   bigint := 0;
  revoked  boolean;
begin
  select l.id into brought.lead_id from app.leads as l
   where l.organization_id = tenant
     and (brought.channel = 'sms' and l.phone_key = app.address_key('sms', brought.from_address)
       or brought.channel = 'email' and l.email_key = app.address_key('email', brought.from_address))
   order by l.created_at desc limit 1;
  insert into app.messages (organization_id, direction, state, channel, to_address, from_address, subject, content, purpose, lead_id, vendor, external_id,
                            created_at)
  values (tenant, 'inbound', 'received', brought.channel, left(brought.to_address, 254), left(brought.from_address, 320), left(brought.subject, 500),
          left(brought.content, 10000), 'reply', brought.lead_id, brought.vendor, brought.external_id, least(coalesce(brought.created_at, now()), now()))
  on conflict (organization_id, vendor, external_id) where external_id is not null do nothing
  returning * into received;
  if received.id is null then
    return null;
  end if;

  asked := case received.channel when 'sms' then coalesce(fields ->> 'opt', app.opt_word(received.content)) end;
  -- one that was kept waiting, by a worker that was away, must not undo what was said since
  revoked := asked is not null and exists (
    select from app.messages as later
     where later.organization_id = tenant and later.channel = 'sms' and later.address_key = received.address_key and later.direction = 'inbound'
       and later.created_at > received.created_at and app.opt_word(later.content) <> asked);
  if asked = 'stop' and not revoked then
    perform app.suppress('sms', received.from_address, 'user_stop', 'stop');
  elsif asked = 'start' and not revoked then
    -- (the service refuses to write to who told it STOP, until it is told START)
    delete from app.suppressions as s
     where s.organization_id = tenant and s.channel = 'sms' and s.address_key = received.address_key
       and (s.source = 'stop' or s.source = received.vendor and s.reason = 'opted_out');
    get diagnostics lifted = row_count;
  end if;
  -- a YES that lifts nothing answers a question
  if received.lead_id is not null and (asked is null or asked = 'start' and lifted = 0 and not revoked) then
    perform private.writable('leads');
    insert into app.lead_replies (organization_id, lead_id, message, channel, received_at)
    values (tenant, received.lead_id, received.content, received.channel, received.created_at);
  end if;
  return received.id;
end
$$;

comment on function app.receive_message is 'Keeps a message that came in, once: STOP suppresses, START lifts that, anything else of a known lead is its reply. Null for one that came before.';

-- Notes what a service tells of a message that was sent: delivered or failed. One whose sending was interrupted is known by its address,
-- if there is only one. What is older than what is known changes nothing. Returns whether there was such a message.
--   report  {"vendor", "external_id", "to_address", "status": delivered | failed, "error", "opted_out"}
create or replace function app.note_message_status(report jsonb) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('outreach');
  vendor text := report ->> 'vendor';
  about  app.messages;
begin
  select m.* into about from app.messages as m
   where m.organization_id = tenant and m.vendor = note_message_status.report ->> 'vendor' and m.external_id = report ->> 'external_id' and m.direction = 'outbound'
     for update;
  if about.id is null then
    select ((array_agg(m))[1]).* into about from app.messages as m
     where m.organization_id = tenant and m.vendor = note_message_status.report ->> 'vendor' and m.external_id is null and m.direction = 'outbound'
       and m.state in ('sending', 'unknown') and m.updated_at > now() - interval '1 day'
       and m.address_key = app.address_key(m.channel, report ->> 'to_address')
    having count(*) = 1;
  end if;
  if about.id is null then
    return false;
  end if;
  update app.messages as m
     set external_id  = coalesce(m.external_id, report ->> 'external_id'),
         state        = case when m.state = 'delivered' then m.state else report ->> 'status' end,
         sent_at      = coalesce(m.sent_at, case report ->> 'status' when 'delivered' then now() end),
         delivered_at = coalesce(m.delivered_at, case report ->> 'status' when 'delivered' then now() end),
         error        = case when m.state <> 'delivered' then left(report ->> 'error', 1000) end
   where m.organization_id = tenant and m.id = about.id;
  if (report ->> 'opted_out')::boolean then
    perform app.suppress(about.channel, about.to_address, 'opted_out', vendor);
  end if;
  return true;
end
$$;

comment on function app.note_message_status is 'Notes what a service tells of a message that was sent: delivered or failed; whether there was such a message.';

-- Whoever was sent this mail wants no more of them. Returns the address and who wrote to it; nothing for no such mail.
--   source  list-unsubscribe-header or unsubscribe-page; null: only says who and what
create or replace function app.unsubscribe(message uuid, source text default null)
returns table (address text, organization_name text, suppressed boolean)
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  tenant uuid := private.writable('outreach');
  sent   app.messages;
begin
  select m.* into sent from app.messages as m
   where m.organization_id = tenant and m.id = unsubscribe.message and m.channel = 'email' and m.direction = 'outbound';
  if sent.id is null then
    return;
  end if;
  if unsubscribe.source is not null then
    perform app.suppress('email', sent.to_address, 'user_unsubscribe', unsubscribe.source);
  end if;
  return query
  select sent.to_address, o.name,
         exists (select from app.suppressions as s where s.organization_id = tenant and s.channel = 'email' and s.address_key = sent.address_key)
    from app.organizations as o where o.id = tenant;
end
$$;

comment on function app.unsubscribe is 'Suppresses the address that a mail was sent to; with no source, only tells who and what. No row for no such mail.';

grant execute on function app.receive_message, app.note_message_status, app.unsubscribe, app.opt_word to tenant;
