import type { z } from 'zod';
import * as settings from '../../domain/dispatch-settings.ts';
import type { Route } from '../contract.ts';

// What an organization does by itself when somebody calls.

const output = settings.dispatchSettings.meta({
  id: 'DispatchSettings',
  description: 'What happens by itself when somebody calls.',
});

const example: z.infer<typeof settings.dispatchSettings> = {
  service_postal_codes: ['30060', '301*'],
  service_center_postal_code: '30060',
  service_center_latitude: null,
  service_center_longitude: null,
  service_radius_miles: 25,
  business_hours: { mon: [['08:00', '18:00']], sat: [['09:00', '13:00']] },
  closed_dates: ['2026-12-25'],
  urgent_at_any_hour: true,
  qualified_intents: ['water', 'fire', 'mold', 'biohazard'],
  minimum_confidence: 0.6,
  transcript_wait_seconds: 60,
  stale_after_minutes: 240,
  auto_dispatch: true,
  crm_push: true,
  sms_callback: true,
  sms_template: 'Hi {first_name}, thank you for calling {organization}. A technician will call you shortly.',
  sms_on_callback: false,
  sms_on_callback_template: 'Hi {first_name}, thank you for calling {organization}. We will call you back.',
};

const path = '/organizations/me/dispatch-settings';

export const dispatchSettingsRoutes: Route[] = [
  {
    method: 'GET',
    path,
    operation: settings.getDispatchSettings,
    tag: 'Organizations',
    single: true,
    output,
    example: { response: example },
  },
  {
    method: 'PATCH',
    path,
    operation: settings.updateDispatchSettings,
    tag: 'Organizations',
    output,
    example: {
      request: {
        service_postal_codes: ['30060', '301*'],
        service_center_postal_code: '30060',
        service_radius_miles: 25,
        business_hours: example.business_hours,
      },
      response: example,
    },
  },
];
