-- Expert AI Labs: what happens by itself when somebody calls.

-- GET and PATCH /organizations/me/dispatch-settings.
create or replace function eal.dispatch_settings(s app.dispatch_settings) returns json
language sql stable parallel safe
return json_build_object(
  'service_postal_codes',       (s).service_postal_codes,
  'service_center_postal_code', (s).service_center_postal_code,
  'service_center_latitude',    (s).service_center_latitude,
  'service_center_longitude',   (s).service_center_longitude,
  'service_radius_miles',       (s).service_radius_miles,
  'business_hours',             (s).business_hours,
  'closed_dates',               (s).closed_dates,
  'urgent_at_any_hour',         (s).urgent_at_any_hour,
  'qualified_intents',          (s).qualified_intents,
  'minimum_confidence',         (s).minimum_confidence,
  'transcript_wait_seconds',    (s).transcript_wait_seconds,
  'stale_after_minutes',        (s).stale_after_minutes,
  'auto_dispatch',              (s).auto_dispatch,
  'crm_push',                   (s).crm_push,
  'sms_callback',               (s).sms_callback,
  'sms_template',               (s).sms_template,
  'sms_on_callback',            (s).sms_on_callback,
  'sms_on_callback_template',   (s).sms_on_callback_template
);

comment on function eal.dispatch_settings is 'What an organization does by itself when somebody calls.';

grant execute on function eal.dispatch_settings to tenant;
