-- Where an organization's radius is measured from: somewhere that is known.

-- A radius around a code that nobody knows would hold nobody: every call would be left to people, without a word.
create or replace function app.check_service_center() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.service_radius_miles is not null and new.service_center_latitude is null and new.service_center_postal_code is not null
     and not exists (select from app.postal_codes as p where p.postal_code = app.postal_code_key(new.service_center_postal_code)) then
    perform app.fail(400, 'invalid_request', 'It is not known where this postal code is.',
      jsonb_build_object('field', 'service_center_postal_code',
                         'reason', 'must be a postal code of the United States; elsewhere, give service_center_latitude and service_center_longitude'));
  end if;
  return new;
end
$$;

comment on function app.check_service_center is 'Trigger: refuses a radius around a postal code of which nobody knows where it is.';

create or replace trigger _200_check_service_center
  before insert or update of service_radius_miles, service_center_postal_code, service_center_latitude on app.dispatch_settings
  for each row execute function app.check_service_center();
