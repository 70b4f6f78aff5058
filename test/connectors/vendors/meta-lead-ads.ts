import { createHmac } from 'node:crypto';
import type { Answer, ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { json } from '../http-service.ts';

// Meta's wire format: what it sends, signed as it signs, and the Graph API.

const LEAD = {
  id: '444444444444',
  created_time: '2026-04-27T13:22:05+0000',
  form_id: '555',
  ad_id: '666',
  ad_name: 'Spring',
  campaign_id: '777',
  campaign_name: 'Water damage',
  platform: 'fb',
  is_organic: false,
  field_data: [
    { name: 'full_name', values: ['Sarah Mitchell'] },
    { name: 'email', values: ['sarah.mitchell@example.com'] },
    { name: 'phone_number', values: ['+14045550142'] },
    { name: 'company_name', values: ['Mitchell Roofing'] },
    { name: 'what_happened?', values: ['A pipe burst'] },
  ],
};

export const metaPayload = (...ids: string[]): object => ({
  object: 'page',
  entry: [
    {
      id: '111',
      time: 1_777_296_125,
      changes: ids.map((id) => ({
        field: 'leadgen',
        value: { leadgen_id: id, page_id: '111', form_id: '555', ad_id: '666', created_time: 1_777_296_125 },
      })),
    },
  ],
});

/** A delivery as Meta signs it. */
export function metaDelivery(payload: object, appSecret: string): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify(payload);
  const signature = createHmac('sha256', appSecret).update(body).digest('hex');
  return { body, headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` } };
}

/** The Graph API: a page for /me, a lead for everything else. */
export const graphApi = ({ path }: Pick<ReceivedRequest, 'path'>): Answer => {
  const { pathname } = new URL(path, 'http://graph');
  return pathname.endsWith('/me')
    ? json({ id: '111', name: 'PuroClean' })
    : json({ ...LEAD, id: pathname.split('/').at(-1) });
};

/** An error in the Graph API's envelope. */
export const graphError = (status: number, code: number, message: string, more: object = {}) =>
  json({ error: { message, type: 'OAuthException', code, fbtrace_id: 'A', ...more } }, status);

export const metaLeadAds: ConformanceCase = {
  settings: (url) => ({ api_url: url, page_ids: ['111'] }),
  secrets: {
    verify_token: 'meatyhamhock-7261',
    app_secret: '0123456789abcdef0123456789abcdef',
    page_access_token: 'EAABsbCS1iHgBAKZCj7ZCrd',
  },
  service: graphApi,
  refusal: {
    answer: graphError(400, 190, 'Malformed access token EAABsbCS1iHgBAKZCj7ZCrd'),
    reason: /Malformed access token \[redacted\] \(code 190\)/,
  },
  hook: {
    request(secrets) {
      const { body, headers } = metaDelivery(metaPayload('444444444444'), secrets.app_secret as string);
      return {
        url: 'https://trunkline.example.com/hooks/meta-lead-ads/x',
        headers,
        rawBody: Buffer.from(body),
        query: new URLSearchParams(),
      };
    },
    asksBack: true,
    makes: {
      leads: [
        {
          source: 'facebook_lead_ad',
          external_id: '444444444444',
          name: 'Sarah Mitchell',
          email: 'sarah.mitchell@example.com',
          phone: '+14045550142',
          company: 'Mitchell Roofing',
          context: {
            leadgenId: '444444444444',
            formId: '555',
            pageId: '111',
            adId: '666',
            adName: 'Spring',
            campaignId: '777',
            campaignName: 'Water damage',
            platform: 'fb',
            isOrganic: false,
            createdTime: '2026-04-27T13:22:05.000Z',
            answers: {
              full_name: 'Sarah Mitchell',
              email: 'sarah.mitchell@example.com',
              phone_number: '+14045550142',
              company_name: 'Mitchell Roofing',
              'what_happened?': 'A pipe burst',
            },
          },
        },
      ],
    },
    handshake: {
      query: { 'hub.mode': 'subscribe', 'hub.verify_token': 'meatyhamhock-7261', 'hub.challenge': '1158201444' },
      answer: '1158201444',
      refused: { 'hub.mode': 'subscribe', 'hub.verify_token': 'meatyhamhock', 'hub.challenge': '1158201444' },
    },
  },
};
