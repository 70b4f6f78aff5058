-- Sending messages: whether, when and through what is decided here, at one place and at the last moment.
--
--   begin_message ──► send      state is sending before anything leaves: whoever finds it so later does not know whether it left
--        │ ├────────► wait      quiet hours, too many to one address, a connection that is switched off or was asked for a pause
--        │ └────────► over      suppressed, too old, or done already
--        ▼
--   settle_message: sent | queued (not taken, again) | failed (refused) | unknown (taken, perhaps)
--
-- So a message leaves at most once. (Twilio and SMTP have no key by which they would know a second one.)

-- The connection that a channel is sent through: the one that the settings name, else the oldest; of those that are enabled.
--   vendors  those whose connectors send on the channel
--   paused   there are connections, but none is enabled
create or replace function private.sending_connection(organization uuid, preferred uuid, vendors text[], out connection_id uuid, out paused boolean)
language sql stable
set search_path = ''
as $$
  select (array_agg(c.id order by (c.id = preferred) desc nulls last, c.created_at, c.id) filter (where c.enabled))[1],
         count(*) > 0 and not coalesce(bool_or(c.enabled), false)
    from app.connections as c
   where c.organization_id = organization and c.vendor = any (vendors)
$$;

comment on function private.sending_connection is 'The enabled connection to send through: the preferred, else the oldest of these vendors; whether all of them are switched off.';

-- Why a message may not leave now: reason, and when it may (null: never). No reason: it may.
create or replace function private.hindrance(m app.messages, settings app.message_settings, out reason text, out until timestamptz)
language plpgsql stable
set search_path = ''
as $$
declare
  suppression app.suppressions;
  nth         timestamptz;
begin
  select s.* into suppression from app.suppressions as s
   where s.organization_id = m.organization_id and s.channel = m.channel and s.address_key = m.address_key;
  if suppression.id is not null then
    reason := format('%s is suppressed (%s).', m.to_address, concat_ws(': ', suppression.source, suppression.reason));
    return;
  end if;

  if m.not_before > now() then
    reason := format('Not to be sent before %s.', app.iso(m.not_before));
    until := m.not_before;
    return;
  end if;

  if m.purpose <> all (settings.exempt_purposes) or m.created_at < now() - interval '1 hour' then
    until := app.sending_time(now(), coalesce(m.time_zone, (select o.settings ->> 'timezone' from app.organizations as o where o.id = m.organization_id), 'UTC'),
                              settings.quiet_from, settings.quiet_until, settings.send_days);
    if until > now() then
      reason := format('Quiet hours until %s.', app.iso(until));
      return;
    end if;
  end if;

  -- of the last messages that may have reached the address, the one that leaves the window next
  select coalesce(o.sent_at, o.updated_at) into nth from app.messages as o
   where o.organization_id = m.organization_id and o.channel = m.channel and o.address_key = m.address_key and o.id <> m.id
     and o.state in ('sending', 'sent', 'delivered', 'unknown')
     and coalesce(o.sent_at, o.updated_at) > now() - make_interval(hours => settings.limit_hours)
   order by coalesce(o.sent_at, o.updated_at) desc offset settings.limit_messages - 1 limit 1;
  until := nth + make_interval(hours => settings.limit_hours);
  if nth is not null then
    reason := format('%s messages went to %s within %s hours; the next may from %s on.',
                     settings.limit_messages, m.to_address, settings.limit_hours, app.iso(until));
  end if;
end
$$;

comment on function private.hindrance is 'Why a message may not leave now, and when it may (null: never): suppression, its time, quiet hours, the limit for an address.';

-- Decides about a message whose turn has come. Committed before anything is sent, so that what is found as `sending` was interrupted.
--   senders  {"sms": [vendors whose connectors send it], "email": [...]}
--   verdict  send: with all it takes; no connection means the outbox. wait: for so many seconds. over: there is nothing to send.
create or replace function app.begin_message(organization uuid, message uuid, senders jsonb)
returns table (verdict text, pause double precision, attempt integer, message_id text, channel text, to_address text, subject text, content text,
               organization_name text, connection_id uuid, organization_id uuid, vendor text, name text, settings jsonb, secret_names text[],
               ciphertexts bytea[])
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  m       app.messages;
  rules   app.message_settings;
  obstacle record;
  through record;
begin
  select b.* into m from app.messages as b where b.organization_id = begin_message.organization and b.id = begin_message.message for update;
  if m.state = 'sending' and m.vendor = 'outbox' then
    -- it is written to a file at most, and may be written again
    update app.messages as b set state = 'queued' where b.organization_id = m.organization_id and b.id = m.id returning b.* into m;
  elsif m.state = 'sending' then
    update app.messages as b
       set state = 'unknown', error = 'Sending it was interrupted: it may have been sent. It is not sent again by itself.'
     where b.organization_id = m.organization_id and b.id = m.id;
  end if;
  if m.id is null or m.state <> 'queued' then
    return query select 'over', 0::double precision, m.attempts, null::text, null::text, null::text, null::text, null::text, null::text, null::uuid, null::uuid,
                        null::text, null::text, null::jsonb, null::text[], null::bytea[];
    return;
  end if;

  -- two to one address are judged one after the other
  perform pg_advisory_xact_lock(7264, hashtext(m.organization_id || m.channel || m.address_key));
  insert into app.message_settings (organization_id, channel) values (m.organization_id, m.channel) on conflict do nothing;
  select s.* into strict rules from app.message_settings as s where s.organization_id = m.organization_id and s.channel = m.channel;
  select * into obstacle from private.hindrance(m, rules);
  select * into through from private.sending_connection(m.organization_id, rules.connection_id,
    array(select jsonb_array_elements_text(senders -> m.channel)));
  if obstacle.reason is null and through.paused then
    obstacle.reason := format('The connection for %s is switched off.', m.channel);
    obstacle.until  := now() + interval '5 minutes';
  end if;
  if obstacle.reason is null then
    select format('The service asked for a pause until %s.', app.iso(h.held_until)), h.held_until into obstacle.reason, obstacle.until
      from app.connection_health as h
     where h.organization_id = m.organization_id and h.connection_id = through.connection_id and h.held_until > now();
  end if;

  if obstacle.reason is not null and obstacle.until is null then
    update app.messages as b set state = 'suppressed', reason = obstacle.reason where b.organization_id = m.organization_id and b.id = m.id;
  elsif greatest(m.created_at, m.not_before) + make_interval(hours => rules.expire_hours) < now() then
    update app.messages as b
       set state = 'failed', error = format('It could not be sent within %s hours.', rules.expire_hours), reason = coalesce(obstacle.reason, b.reason)
     where b.organization_id = m.organization_id and b.id = m.id;
  elsif obstacle.reason is not null then
    update app.messages as b set reason = obstacle.reason where b.organization_id = m.organization_id and b.id = m.id;
  else
    update app.messages as b
       set state = 'sending', attempts = b.attempts + 1, reason = null, connection_id = through.connection_id,
           vendor = coalesce((select c.vendor from app.connections as c where c.organization_id = m.organization_id and c.id = through.connection_id), 'outbox')
     where b.organization_id = m.organization_id and b.id = m.id;
  end if;

  return query
  select case b.state when 'sending' then 'send' when 'queued' then 'wait' else 'over' end,
         greatest(1, extract(epoch from obstacle.until - now()))::double precision, b.attempts, app.typeid('msg', b.id), b.channel,
         case b.channel when 'sms' then '+' || b.address_key else b.to_address end,
         case b.channel when 'email' then coalesce(b.subject, 'Message from ' || o.name) end, b.content, o.name, b.connection_id, b.organization_id, b.vendor,
         c.name, c.settings, c.secret_names, c.ciphertexts
    from app.messages as b
    join app.organizations as o on o.id = b.organization_id
    left join private.opened_connections as c on c.organization_id = b.organization_id and c.id = b.connection_id and b.state = 'sending'
   where b.organization_id = m.organization_id and b.id = m.id;
end
$$;

comment on function app.begin_message is 'Decides about a message whose turn has come: send (it is sending from now on), wait, or over.';

-- Settles an attempt that begin_message allowed.
--   outcome    sent | queued (it was certainly not taken; tried again) | failed (refused for good) | unknown (it may have been taken)
--   opted_out  the service knows that the address wants no messages: it is suppressed
create or replace function app.settle_message(
  message uuid, attempt integer, outcome text, external_id text default null, from_address text default null, error text default null,
  opted_out boolean default false
) returns boolean
language plpgsql security definer
set search_path = ''
as $$
#variable_conflict use_column
declare
  tenant  uuid := private.writable('outreach');
  settled app.messages;
begin
  update app.messages as m
     set state        = case m.state when 'delivered' then m.state else settle_message.outcome end,
         external_id  = coalesce(m.external_id, settle_message.external_id),
         from_address = coalesce(left(settle_message.from_address, 320), m.from_address),
         error        = settle_message.error,
         sent_at      = coalesce(m.sent_at, case settle_message.outcome when 'sent' then now() end)
   where m.organization_id = tenant and m.id = settle_message.message and m.attempts = settle_message.attempt
     and (m.state in ('sending', 'unknown') or m.state = 'delivered' and settle_message.outcome = 'sent')
  returning * into settled;
  if settled.id is null then
    return false;
  end if;
  if settled.connection_id is not null then
    perform app.note_connection(tenant, settled.connection_id, false, false, case when settle_message.outcome in ('queued', 'unknown') then settle_message.error end);
  end if;
  if opted_out then
    perform app.suppress(settled.channel, settled.to_address, 'opted_out', settled.vendor);
  end if;
  return true;
end
$$;

comment on function app.settle_message is 'Settles an attempt as sent, queued (tried again), failed or unknown; false when it was settled otherwise meanwhile.';

-- Sends a message again that was not sent, or of which that is not known: for a person who has looked. Raises 404, and 409 for one that
-- was sent.
create or replace function app.requeue_message(message uuid) returns app.messages
language plpgsql security definer
set search_path = ''
as $$
declare
  tenant uuid := private.writable('outreach');
  again  app.messages;
begin
  update app.messages as m set state = 'queued', not_before = greatest(m.not_before, now()), reason = null, error = null
   where m.organization_id = tenant and m.id = message and m.state in ('failed', 'suppressed', 'unknown') and m.content is not null
  returning * into again;
  if again.id is null then
    select m.* into again from app.messages as m where m.organization_id = tenant and m.id = message;
    if again.state in ('failed', 'suppressed', 'unknown') then
      perform app.fail(409, 'conflict', 'The text of the message was removed after its retention.');
    elsif again.id is not null then
      perform app.fail(409, 'conflict', 'The message waits, or was sent.');
    end if;
    perform app.fail(404, 'not_found', 'No such message.');
  end if;
  return again;
end
$$;

comment on function app.requeue_message is 'Sends a message again that failed, was suppressed or may have been sent; 404 for no message, 409 for one that waits, was sent, or has no text any more.';

grant execute on function app.begin_message to worker;
grant execute on function app.settle_message, app.requeue_message, app.sending_time to tenant;
