import { createHmac } from 'node:crypto';
import type { Answer, ReceivedRequest } from '../../support/receiver.ts';

// CallRail's wire format: what its webhooks send, and what version 3 of its API answers.

export const ACCOUNT = 'ACC8154748ae6bd4e278a7cddd38a662f4f';
export const COMPANY = 'COM8154748ae6bd4e278a7cddd38a662f4f';
export const API_KEY = '267bcdd64628abc9c9c4c43e8a46dca2';

/** The payload by which CallRail's documentation shows how its webhooks are signed, with the key and the signature given there. */
export const CALLRAIL_EXAMPLE = {
  key: '072e77e426f92738a72fe23c4d1953b4',
  signature: 'UZAHbUdfm3GqL7qzilGozGzWV64=',
  body: [
    '{"answered":false,"business_phone_number":"","call_type":"voicemail","company_id":155920786,',
    '"company_name":"Boost Marketing","company_time_zone":"America/Los_Angeles",',
    '"created_at":"2018-02-19T13:41:00.252-05:00","customer_city":"Rochester","customer_country":"US",',
    '"customer_name":"Kaylah Mills","customer_phone_number":"+12148654559","customer_state":"PA","device_type":"",',
    '"direction":"inbound","duration":"13","first_call":false,"formatted_call_type":"Voicemail",',
    '"formatted_customer_location":"Rochester, PA","formatted_business_phone_number":"",',
    '"formatted_customer_name":"Kaylah Mills","prior_calls":16,',
    '"formatted_customer_name_or_phone_number":"Kaylah Mills","formatted_customer_phone_number":"214-865-4559",',
    '"formatted_duration":"13s","formatted_tracking_phone_number":"404-555-8514",',
    '"formatted_tracking_source":"Google Paid","formatted_value":"--","good_lead_call_id":715587840,',
    '"good_lead_call_time":"2016-06-17T10:23:33.363-04:00","id":766970532,',
    '"lead_status":"previously_marked_good_lead","note":"",',
    '"recording":"https://app.callrail.com/calls/766970532/recording/redirect?access_key=aaaaccccddddeeee",',
    '"recording_duration":8,"source_name":"Google AdWords","start_time":"2018-02-19T13:41:00.236-05:00","tags":[],',
    '"total_calls":17,"tracking_phone_number":"+14045558514","transcription":"","value":"","voicemail":true,',
    '"tracker_id":354024023,"keywords":"","medium":"","referring_url":"","landing_page_url":"",',
    '"last_requested_url":"","referrer_domain":"","conversational_transcript":"","utm_source":"google",',
    '"utm_medium":"cpc","utm_term":"","utm_content":"","utm_campaign":"Google AdWords","utma":"","utmb":"",',
    '"utmc":"","utmv":"","utmz":"","ga":"","gclid":"","integration_data":[{"integration":"Webhooks","data":null}],',
    '"keywords_spotted":"",',
    '"recording_player":"https://app.callrail.com/calls/766970532/recording?access_key=aaaabbbbccccdddd",',
    '"speaker_percent":"","call_highlights":[],"callercity":"Rochester","callercountry":"US",',
    '"callername":"Kaylah Mills","callernum":"+12148654559","callerstate":"PA","callsource":"google_paid",',
    '"campaign":"","custom":"","datetime":"2018-02-19 18:41:00","destinationnum":"","ip":"","kissmetrics_id":"",',
    '"landingpage":"","referrer":"","referrermedium":"","score":1,"tag":"","trackingnum":"+14045558514",',
    '"timestamp":"2018-02-19T13:41:00.236-05:00"}',
  ].join(''),
};

/** A delivery as CallRail signs it. */
export function callRailDelivery(
  fields: object | string,
  signingKey: string,
  type = 'application/json',
): { body: string; headers: Record<string, string> } {
  const body = typeof fields === 'string' ? fields : JSON.stringify(fields);
  const signature = createHmac('sha1', signingKey).update(body).digest('base64');
  return { body, headers: { 'content-type': type, signature } };
}

export const callId = (number: number): string => `CAL${String(number).padStart(32, '0')}`;

/** A call as the API tells of it, with what it tells only when it is asked for. */
export interface ApiCall {
  id: string;
  start_time: string;
  [field: string]: unknown;
}

/** A call that was answered so many minutes ago. */
export const apiCall = (number: number, minutesAgo: number, more: object = {}): ApiCall => ({
  answered: true,
  business_phone_number: '+17705550100',
  customer_city: 'Atlanta',
  customer_country: 'US',
  customer_name: 'MITCHELL SARAH',
  customer_phone_number: '+14045550173',
  customer_state: 'GA',
  direction: 'inbound',
  duration: 142,
  id: callId(number),
  recording: `https://api.callrail.com/v3/a/227799611/calls/${number}/recording.json`,
  recording_duration: '140',
  recording_player: `https://app.callrail.com/calls/${number}/recording?access_key=${crypto.randomUUID().slice(0, 8)}`,
  start_time: new Date(Date.now() - minutesAgo * 60_000).toISOString().replace('Z', '+00:00'),
  tracking_phone_number: '+17705550199',
  voicemail: false,
  agent_email: 'gil@example.com',
  // these only when they are asked for
  call_type: 'answered',
  company_id: COMPANY,
  first_call: true,
  lead_status: null,
  note: null,
  source: 'Google Ads',
  source_name: 'Google Ads pool',
  tags: ['emergency'],
  tracker_id: 'TRK8154748ae6bd4e278a7cddd38a662f4f',
  transcription: 'Water is coming through the ceiling.',
  utm_source: 'google',
  value: null,
  ...more,
});

const ALWAYS = [
  ...[
    'answered',
    'business_phone_number',
    'customer_city',
    'customer_country',
    'customer_name',
    'customer_phone_number',
  ],
  ...[
    'customer_state',
    'direction',
    'duration',
    'id',
    'recording',
    'recording_duration',
    'recording_player',
    'start_time',
  ],
  ...['tracking_phone_number', 'voicemail', 'agent_email'],
];

const json = (body: unknown, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify(body),
});

/** The API of an account with these calls. */
export function callRailApi(calls: () => readonly ApiCall[]): (request: ReceivedRequest) => Answer {
  return ({ path, headers }) => {
    const { pathname, searchParams } = new URL(path, 'http://callrail');
    if (headers.authorization !== `Token token="${API_KEY}"`) return json({ error: 'HTTP Token: Access denied.' }, 401);
    const [, account, rest = ''] = /^\/hook\/a\/(\w+)(.*)$/.exec(pathname) ?? [];
    if (account !== ACCOUNT) return json({ error: 'Not found' }, 404);
    if (rest === '.json') return json({ id: ACCOUNT, name: 'Last Mile Metrics', hipaa_account: false });
    if (rest === `/companies/${COMPANY}.json`) return json({ id: COMPANY, name: 'Water & Fire', status: 'active' });
    if (/^\/calls(\.json)?$/.test(rest)) return listCalls(calls(), searchParams, headers.host ?? '');
    return json({ error: 'Not found' }, 404);
  };
}

function listCalls(calls: readonly ApiCall[], query: URLSearchParams, host: string): Answer {
  const perPage = Number(query.get('per_page'));
  if (perPage > 250 || query.get('relative_pagination') !== 'true' || query.get('time_zone') !== 'Etc/UTC') {
    return json({ error: 'Invalid parameters' }, 400);
  }
  const since = Date.parse(`${query.get('start_date')}:00Z`);
  const company = query.get('company_id');
  const found = calls
    .filter((call) => Date.parse(call.start_time) >= since && (company === null || call.company_id === company))
    .toSorted((a, b) => Date.parse(a.start_time) - Date.parse(b.start_time));
  const offset = Number(query.get('offset') ?? 0);
  const told = new Set([...ALWAYS, ...(query.get('fields') ?? '').split(',')]);
  const next = new URLSearchParams([...query].filter(([name]) => name !== 'offset'));
  next.set('offset', String(offset + 1));
  const more = found.length > (offset + 1) * perPage;
  return json({
    // as CallRail writes it: of another path, with what the query was made into
    next_page: more ? `http://${host}/hook/a/${ACCOUNT}/calls?action=index&format=json&${next}` : null,
    has_next_page: more,
    calls: found
      .slice(offset * perPage, (offset + 1) * perPage)
      .map((call) => Object.fromEntries(Object.entries(call).filter(([field]) => told.has(field)))),
  });
}
