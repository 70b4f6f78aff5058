import { createHmac } from 'node:crypto';
import { expect } from 'vitest';
import type { HookRequest } from '../../../connectors/connector.ts';
import type { ReceivedRequest } from '../../support/receiver.ts';
import type { ConformanceCase } from '../case.ts';
import { json } from '../http-service.ts';

// Twilio's wire format: its REST API, and what it posts to hooks, signed as it signs.

const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const HOOK_URL = 'https://trunkline.example.com/hooks/twilio/token';

/** A text that came in, as Twilio tells of it. */
export const incoming = (body: string, more: Record<string, string> = {}): Record<string, string> => ({
  ToCountry: 'US',
  SmsMessageSid: 'SM00000000000000000000000000000001',
  NumMedia: '0',
  SmsSid: 'SM00000000000000000000000000000001',
  SmsStatus: 'received',
  Body: body,
  To: '+17705550199',
  NumSegments: '1',
  MessageSid: 'SM00000000000000000000000000000001',
  AccountSid: ACCOUNT,
  From: '+14045550173',
  ApiVersion: '2010-04-01',
  ...more,
});

/** What became of a message, as Twilio tells it. */
export const statusOf = (sid: string, status: string, more: Record<string, string> = {}): Record<string, string> => ({
  SmsSid: sid,
  SmsStatus: status,
  MessageStatus: status,
  To: '+14045550173',
  MessageSid: sid,
  AccountSid: ACCOUNT,
  From: '+17705550199',
  ApiVersion: '2010-04-01',
  ...more,
});

/** A post of Twilio's to a hook at this address. */
export function twilioPost(url: string, fields: Record<string, string>, token: string) {
  const signed = Object.keys(fields)
    .toSorted()
    .reduce((text, name) => `${text}${name}${fields[name]}`, url);
  return {
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
      'x-twilio-signature': createHmac('sha1', token).update(signed).digest('base64'),
    },
  };
}

function twilioRequest(url: string, fields: Record<string, string>, token: string): HookRequest {
  const { body, headers } = twilioPost(url, fields, token);
  return { url, headers, rawBody: Buffer.from(body), query: new URL(url).searchParams };
}

/** The REST API: the account, or a message that is taken. */
export const twilioApi = ({ method, rawBody }: Pick<ReceivedRequest, 'method' | 'rawBody'>) =>
  method === 'GET'
    ? json({ sid: ACCOUNT, friendly_name: 'PuroClean', status: 'active', type: 'Full' })
    : json(
        {
          sid: `SM${(new URLSearchParams(rawBody.toString()).get('To') ?? '').slice(1).padStart(32, '0')}`,
          status: 'queued',
          to: new URLSearchParams(rawBody.toString()).get('To'),
          from: new URLSearchParams(rawBody.toString()).get('From'),
          error_code: null,
        },
        201,
      );

/** An error in Twilio's envelope. */
export const twilioError = (status: number, code: number, message: string) =>
  json({ code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }, status);

const TOKEN = '9f86d081884c7d659a2feaa0c55ad015';

export const twilio: ConformanceCase = {
  settings: (url) => ({ account_sid: ACCOUNT, from_number: '+17705550199', api_url: url }),
  secrets: { auth_token: TOKEN, status_callback: HOOK_URL },
  service: twilioApi,
  refusal: {
    answer: twilioError(401, 20003, `Authenticate: ${TOKEN}`),
    reason: /Authenticate: \[redacted\] \(code 20003\)/,
  },
  acts: {
    'messages.send': {
      act: (connector, config, io) => {
        const message = {
          id: 'msg_1',
          to: '+14045550173',
          content: 'We call you back: 5 > 4 & more',
          organization: 'Puro',
        };
        return connector.messages?.send(message, config as never, io) ?? Promise.reject();
      },
      answer: { externalId: 'SM00000000000000000000014045550173', from: '+17705550199' },
      sent([request]: ReceivedRequest[]) {
        expect(request).toMatchObject({
          method: 'POST',
          path: `/hook/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            authorization: `Basic ${Buffer.from(`${ACCOUNT}:${TOKEN}`).toString('base64')}`,
          },
        });
        expect(Object.fromEntries(new URLSearchParams(request?.rawBody.toString()))).toEqual({
          To: '+14045550173',
          From: '+17705550199',
          Body: 'We call you back: 5 > 4 & more',
          StatusCallback: HOOK_URL,
        });
      },
    },
  },
  hook: {
    request: (secrets, url = HOOK_URL) => twilioRequest(url, incoming('Yes, at nine'), secrets.auth_token as string),
    forgeries: (secrets) => {
      const request = twilioRequest(HOOK_URL, incoming('Yes, at nine'), secrets.auth_token as string);
      return [
        // signed for another hook, another host, with something more in its address
        ...[
          'https://trunkline.example.com/hooks/twilio/other',
          'https://evil.example.com/hooks/twilio/token',
          `${HOOK_URL}?a=b`,
        ].map((url) => ({ ...request, url })),
        { ...request, rawBody: Buffer.from(`${request.rawBody}&Extra=1`) },
      ];
    },
    makes: {
      messages: [
        {
          vendor: 'twilio',
          external_id: 'SM00000000000000000000000000000001',
          channel: 'sms',
          from_address: '+14045550173',
          to_address: '+17705550199',
          content: 'Yes, at nine',
        },
      ],
    },
  },
};
