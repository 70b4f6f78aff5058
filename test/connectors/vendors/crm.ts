import type { CrmCall, CrmLead } from '../../../connectors/crm.ts';

// A lead and a call, as the database hands them to a CRM's connector.

export const LEAD: CrmLead = {
  id: '9f1c8a32-4d65-4e2b-8a91-3c0e7d4b2f18',
  name: 'Sarah Jane Mitchell',
  phone: '+14045550142',
  company: 'Mitchell Roofing',
  source: 'google_ads',
  pain_points: 'A pipe burst',
  tags: ['urgent', 'basement'],
  context: { city: 'Marietta' },
};

export const CALL: CrmCall = {
  id: 'call_01kq80hkgefv3tkwx5rvce9wd2',
  received_at: '2026-04-27T17:42:11.214Z',
  caller_number: '+14045550173',
  city: 'Marietta',
  state: 'GA',
  postal_code: '30060',
  intent: 'water',
  urgency: 'high',
  dispatch_reason: 'in_service_radius + qualified + business_hours',
  transcript: 'Caller: I have water coming through my basement ceiling.',
};
