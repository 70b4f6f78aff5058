-- Seals: what makes tampering visible. A row changed, added or removed after its hour was sealed changes the hour's hash;
-- a seal changed or removed breaks the chain.
--
-- An entry is written under a shared lock on its hour and the sealer takes that lock alone, so an hour is never
-- sealed while a transaction that wrote into it is still open (see audit.record).

create or replace function audit.hour_number(at timestamptz) returns integer
language sql stable
return floor(extract(epoch from at) / 3600)::integer;

create or replace function audit.entry_hash(entry audit.platform_events) returns bytea
language sql stable
return sha256(convert_to(
  (entry).id || '|' || (entry).organization_id || '|' || (entry).action || '|' || (entry).source || '|' ||
  (entry).correlation_id || '|' || extract(epoch from (entry).created_at) || '|' || (entry).payload::text, 'UTF8'));

-- Count and hash of one hour's entries.
create or replace function audit.hash_hour(hour timestamptz, out entries bigint, out entries_hash bytea)
language sql stable
begin atomic
  select count(*), sha256(coalesce(string_agg(audit.entry_hash(e), ''::bytea order by e.id), ''::bytea))
    from audit.platform_events as e
   where e.created_at >= hash_hour.hour and e.created_at < hash_hour.hour + interval '1 hour';
end;

create or replace function audit.seal_of(previous bytea, hour timestamptz, entries bigint, entries_hash bytea) returns bytea
language sql stable
return sha256(coalesce(previous, ''::bytea) || convert_to(extract(epoch from hour) || '|' || entries || '|', 'UTF8') || entries_hash);

-- Seals closed hours that have entries and no seal, oldest first, up to 1,000 of them: each holds a lock until the
-- transaction ends, and the lock table has an end. `grace` is how long after its end an hour stays open.
-- Returns how many hours it sealed; call it again while it is not 0. Must run under read committed: what a writer left
-- behind while we waited for its lock is seen only by a new snapshot.
create or replace function audit.seal_closed_hours(grace interval default '1 minute') returns integer
language plpgsql security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  previous audit.seals;
  next_hour timestamptz;
  hashed record;
  sealed integer := 0;
  busy_hour timestamptz;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'Hours are sealed under read committed, not %.', current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state';
  end if;
  -- one sealer at a time
  if not pg_try_advisory_xact_lock(hashtext('trunkline.audit.seal')) then return 0; end if;
  select * into previous from audit.seals order by hour desc limit 1;
  select coalesce(previous.hour + interval '1 hour', (select date_trunc('hour', min(created_at)) from audit.platform_events))
    into next_hour;

  while sealed < 1000 and next_hour + interval '1 hour' + grace <= now() loop
    perform pg_advisory_xact_lock(7261, audit.hour_number(next_hour));
    select * into hashed from audit.hash_hour(next_hour);
    if hashed.entries > 0 then
      insert into audit.seals (hour, entries, entries_hash, seal)
      values (next_hour, hashed.entries, hashed.entries_hash,
              audit.seal_of(previous.seal, next_hour, hashed.entries, hashed.entries_hash))
      returning * into previous;
      sealed := sealed + 1;
      next_hour := next_hour + interval '1 hour';
    else
      -- Nights and weeks without an entry are passed over in one step: to the first hour that a transaction still writes
      -- into, or that has entries. In this order, as what commits between the two is seen by the second.
      select to_timestamp(min(l.objid::bigint) * 3600) into busy_hour
        from pg_catalog.pg_locks as l
       where l.locktype = 'advisory' and l.classid = 7261 and l.objsubid = 2 and l.mode = 'ShareLock'
         and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
         and l.objid::bigint > audit.hour_number(next_hour);
      select least(date_trunc('hour', min(e.created_at)), busy_hour) into next_hour
        from audit.platform_events as e where e.created_at >= next_hour + interval '1 hour';
    end if;
  end loop;
  return sealed;
end
$$;

comment on function audit.seal_closed_hours is 'Seals closed hours that have entries and no seal, up to 1,000 a call; returns how many.';

-- Compares every seal with the entries as they are now. One row per hour that is not as it was sealed; none: nothing was touched.
--   head  a seal noted earlier (hex): checked to be still part of the chain
create or replace function audit.verify(head text default null)
returns table (hour timestamptz, problem text)
language plpgsql stable security definer
set search_path = ''
set timezone = 'UTC'
as $$
declare
  current_seal audit.seals;
  previous audit.seals;
  hashed record;
begin
  for current_seal in select * from audit.seals s order by s.hour loop
    if current_seal.seal <> audit.seal_of(previous.seal, current_seal.hour, current_seal.entries, current_seal.entries_hash) then
      hour := current_seal.hour; problem := 'the chain is broken: this seal or the one before it was changed or removed';
      return next;
    end if;
    -- entries whose partition retention has dropped can't be hashed again; their seals stay as links of the chain
    if date_trunc('month', current_seal.hour) + interval '1 month' > now() - interval '7 years'
       or to_regclass('audit.platform_events_' || to_char(current_seal.hour, 'YYYY_MM')) is not null then
      select * into hashed from audit.hash_hour(current_seal.hour);
      if hashed.entries <> current_seal.entries then
        hour := current_seal.hour;
        problem := format('%s entries were sealed, %s are there', current_seal.entries, hashed.entries);
        return next;
      elsif hashed.entries_hash <> current_seal.entries_hash then
        hour := current_seal.hour; problem := 'an entry was changed';
        return next;
      end if;
    end if;
    previous := current_seal;
  end loop;

  return query
    select date_trunc('hour', e.created_at), format('%s entries lie in an hour that was closed without them', count(*))
      from audit.platform_events as e
     where e.created_at < previous.hour
       and not exists (select from audit.seals s where s.hour = date_trunc('hour', e.created_at))
     group by 1 order by 1;

  if head is not null and not exists (select from audit.seals s where encode(s.seal, 'hex') = lower(head)) then
    hour := null; problem := 'the given seal is not part of the chain';
    return next;
  end if;
end
$$;

comment on function audit.verify is 'Compares every seal with the entries as they are now: one row per hour that was tampered with.';

-- The newest seal, to be noted somewhere outside of this database, and how much the chain covers.
create or replace function audit.head() returns table (hour timestamptz, seal text, hours bigint, entries numeric)
language sql stable security definer
set search_path = ''
as $$
  select s.hour, encode(s.seal, 'hex'), (select count(*) from audit.seals), (select sum(t.entries) from audit.seals t)
    from audit.seals s order by s.hour desc limit 1
$$;

comment on function audit.head is 'The newest seal (hex) and how many hours and entries the chain covers.';

comment on function audit.hour_number is 'Hours since 1970: the key of an hour''s advisory lock.';
comment on function audit.entry_hash  is 'SHA-256 of an entry.';
comment on function audit.hash_hour   is 'Number of entries of an hour, and SHA-256 over their hashes in order of id.';
comment on function audit.seal_of     is 'SHA-256 of the previous seal, the hour, the count and the entries'' hash.';

grant execute on function audit.seal_closed_hours, audit.verify, audit.head to worker;
