-- Counters of rate-limiter-flexible, when several gateway processes share one database (RATE_LIMIT_STORE=postgres).
-- The columns are the library's. Unlogged: a crash forgets the last minute's counts, and no write waits for the disk.

create unlogged table if not exists private.rate_limits (
  key    varchar(255) not null,
  points integer      not null default 0,
  expire bigint,
  constraint rate_limits_pkey primary key (key)
);

-- the library removes counters that ended
create index if not exists rate_limits_expire on private.rate_limits (expire);

comment on table  private.rate_limits        is 'Counters of the rate limiter. Named by a key id or an address, not by a tenant.';
comment on column private.rate_limits.key    is 'What is limited.';
comment on column private.rate_limits.points is 'Requests counted.';
comment on column private.rate_limits.expire is 'End of the window, in milliseconds since 1970.';

alter table private.rate_limits enable row level security;
alter table private.rate_limits force row level security;
drop policy if exists "the gateway counts" on private.rate_limits;
create policy "the gateway counts" on private.rate_limits to gateway using (true) with check (true);
grant usage on schema private to gateway;
grant select (key, points, expire), insert (key, points, expire), update (key, points, expire), delete on private.rate_limits to gateway;
