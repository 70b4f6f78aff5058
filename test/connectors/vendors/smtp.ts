import { expect } from 'vitest';
import type { ConformanceCase } from '../case.ts';
import { type MailVisit, smtpProtocol } from '../smtp-service.ts';

// Mail, as servers get it.

/** What a connection to the server at this address is configured with. */
export const mailSettings = (url: string): Record<string, unknown> => ({
  server: `smtp://${new URL(url).host}`,
  require_tls: false,
  user: 'puro',
  from: 'office@puro.example.com',
});

export const smtp: ConformanceCase = {
  settings: mailSettings,
  secrets: { password: 'correct horse battery staple' },
  protocol: smtpProtocol,
  service: {},
  refusal: {
    answer: { login: '535 5.7.8 Wrong: correct horse battery staple' },
    reason: /535 5\.7\.8 Wrong: \[redacted\]/,
  },
  acts: {
    'messages.send': {
      act: (connector, config, io) => {
        const message = {
          id: 'msg_1',
          to: 'sarah.mitchell@example.com',
          subject: 'Your appointment – at nine',
          content: 'We come at nine.',
          organization: 'Puro "Clean", Inc.',
          unsubscribeUrl: 'https://trunkline.example.com/unsubscribe/token',
        };
        return connector.messages?.send(message, config as never, io) ?? Promise.reject();
      },
      answer: { externalId: '<msg_1@puro.example.com>', from: 'office@puro.example.com' },
      sent([visit]: MailVisit[]) {
        expect(visit).toMatchObject({
          user: 'puro',
          password: 'correct horse battery staple',
          from: 'office@puro.example.com',
          to: ['sarah.mitchell@example.com'],
        });
        expect(headersOf(visit?.mail)).toMatchObject({
          from: '"Puro \\"Clean\\", Inc." <office@puro.example.com>',
          to: 'sarah.mitchell@example.com',
          'message-id': '<msg_1@puro.example.com>',
          'list-unsubscribe': '<https://trunkline.example.com/unsubscribe/token>',
          'list-unsubscribe-post': 'List-Unsubscribe=One-Click',
          'auto-submitted': 'auto-generated',
        });
        expect(visit?.mail).toContain('We come at nine.');
        expect(visit?.mail).toContain('https://trunkline.example.com/unsubscribe/token');
      },
    },
  },
};

/** Headers of a mail, unfolded, by lower-case name. */
export function headersOf(mail = ''): Record<string, string> {
  const [head = ''] = mail.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
}
