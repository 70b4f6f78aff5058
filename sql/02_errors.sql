-- Errors. The database states the HTTP status: SQLSTATE PTxyz is status xyz to PostgREST and to the gateway alike.

-- Raises an error that every door shows to its caller.
--   status   HTTP status, 400–599
--   code     stable machine-readable code (invalid_request, not_found, conflict …); travels in HINT
--   message  one sentence for a person
--   detail   {"field": …, "reason": …} or null; travels in DETAIL as JSON
create or replace function app.fail(status integer, code text, message text, detail jsonb default null)
returns void
language plpgsql volatile
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || status,
    message = fail.message,
    detail  = coalesce(fail.detail::text, ''),
    hint    = fail.code;
end
$$;

comment on function app.fail is
  'Raises an error that every door shows to its caller: SQLSTATE PT<status>, HINT = code, DETAIL = {"field","reason"}.';
grant execute on function app.fail to anon, tenant, workspace, gateway, worker;
