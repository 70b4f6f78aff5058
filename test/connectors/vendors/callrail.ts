import { expect } from 'vitest';
import { fitCall } from '../../../connectors/call-draft.ts';
import type { ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { ACCOUNT, API_KEY, apiCall, CALLRAIL_EXAMPLE, callId, callRailApi, callRailDelivery } from './callrail-api.ts';

/** What a recording is fetched by, which no API key is needed for. */
const REDIRECT = `https://app.callrail.com/calls/${callId(1)}/recording/redirect?access_key=241sa242sadqwerty123`;

export const callRail: ConformanceCase = {
  settings: (url) => ({ api_url: url, account_id: ACCOUNT }),
  secrets: { signing_key: CALLRAIL_EXAMPLE.key, api_key: API_KEY },
  service: callRailApi(() => [apiCall(1, 30)]),
  refusal: {
    answer: { status: 401, body: '{"error":"HTTP Token: Access denied."}' },
    reason: /HTTP Token: Access denied/,
  },
  acts: {
    'calls.schedule': 'asks nothing',
    'calls.poll': {
      async act({ calls }, config, io) {
        const now = new Date();
        const ask = { since: new Date(now.getTime() - 3_600_000), cursor: undefined, now };
        return (await calls?.poll(ask, config as never, io))?.calls.map(fitCall);
      },
      answer: [
        expect.objectContaining({ source: 'callrail', external_id: callId(1), answered: true, duration_seconds: 142 }),
      ],
    },
    locateRecording: {
      act: async ({ locateRecording }, config, io) =>
        locateRecording?.(`${config.api_url}/a/${ACCOUNT}/calls/1/recording.json`, config as never, io),
      service: ({ path }: ReceivedRequest) => ({
        body: JSON.stringify(path.includes('/calls/1/') && { url: REDIRECT }),
      }),
      answer: { url: REDIRECT },
    },
  },
  hook: {
    request({ signing_key: key }) {
      const { body, headers } = callRailDelivery(CALLRAIL_EXAMPLE.body, key as string);
      return {
        url: 'https://trunkline.example.com/hooks/callrail/x',
        headers,
        rawBody: Buffer.from(body),
        query: new URLSearchParams(),
      };
    },
    makes: {
      calls: [
        {
          source: 'callrail',
          external_id: '766970532',
          received_at: '2018-02-19T18:41:00.236Z',
          tracking_number: '+14045558514',
          caller_number: '+12148654559',
          caller_name: 'Kaylah Mills',
          caller_city: 'Rochester',
          caller_state: 'PA',
          caller_country: 'US',
          direction: 'inbound',
          answered: false,
          voicemail: true,
          duration_seconds: 13,
          marketing_source: 'Google AdWords',
          recording_source_url:
            'https://app.callrail.com/calls/766970532/recording/redirect?access_key=aaaaccccddddeeee',
          extra: expect.objectContaining({ company_id: 155920786, utm_medium: 'cpc', tags: [], total_calls: 17 }),
          // 13 seconds after it began: when it was over
          as_of: '2018-02-19T18:41:13.236Z',
        },
      ],
    },
  },
};
