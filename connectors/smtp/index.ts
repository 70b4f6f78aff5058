import { connector, type Mail, type MailServer, type OutgoingMessage } from '../connector.ts';
import type { ConfigurationOf, Manifest } from '../manifest.ts';

const ADDRESS = { expression: /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+$/, reason: 'must be an email address' };

const manifest = {
  vendor: 'smtp',
  title: 'Mail (SMTP)',
  description: 'Sends mail through any mail server, with a link and the headers by which whoever gets it unsubscribes.',
  setup: [
    'Take server, user and password from your mail provider (submission, port 587 or 465).',
    'Let the domain of the sender have SPF, DKIM and DMARC records for that server, or mail will not arrive.',
    'Set PUBLIC_URL to an https address: the unsubscribe link leads there, and one-click unsubscribing needs https.',
  ],
  fields: [
    {
      name: 'server',
      label: 'Server',
      help: 'smtps://host:465 for TLS from the start, smtp://host:587 for STARTTLS.',
      kind: 'endpoint',
      schemes: ['smtp', 'smtps'],
      required: true,
    },
    {
      name: 'require_tls',
      label: 'Require TLS',
      help: 'With smtp://, log in and send only once the connection is encrypted.',
      kind: 'boolean',
      default: true,
    },
    { name: 'user', label: 'User', help: 'Left out where the server asks for no login.', kind: 'text' },
    { name: 'password', label: 'Password', help: 'Mostly one made for this application.', kind: 'text', secret: true },
    {
      name: 'from',
      label: 'Sender',
      help: 'Address that mail comes from.',
      kind: 'text',
      required: true,
      pattern: ADDRESS,
    },
    {
      name: 'from_name',
      label: 'Name of the sender',
      help: 'The name of the organization unless given.',
      kind: 'text',
    },
    {
      name: 'reply_to',
      label: 'Answers to',
      help: 'Where answers go, if not to the sender.',
      kind: 'text',
      pattern: ADDRESS,
    },
  ],
} as const satisfies Manifest;

type Config = ConfigurationOf<(typeof manifest)['fields']>;

export const smtp = connector(manifest, {
  async test(config, io) {
    await io.mail.check(serverOf(config));
    return config.user === undefined ? 'The server answers.' : 'The server answers, and the login is right.';
  },

  messages: {
    channel: 'email',
    async send(message, config, io) {
      const mail = mailOf(message, config);
      const { messageId } = await io.mail.send(serverOf(config), mail);
      return { externalId: messageId, from: config.from };
    },
  },
});

const serverOf = ({ server, require_tls: requireTls, user, password }: Config): MailServer => ({
  url: server,
  requireTls,
  user,
  password,
});

function mailOf(message: OutgoingMessage, { from, from_name: name, reply_to: replyTo }: Config): Mail {
  const { unsubscribeUrl: link } = message;
  return {
    from: { name: name ?? message.organization, address: from },
    to: message.to,
    replyTo,
    subject: message.subject ?? '',
    text: link === undefined ? message.content : `${message.content}\n\n-- \nNo more of these messages: ${link}\n`,
    id: message.id,
    headers: link === undefined ? {} : unsubscribeHeaders(link),
  };
}

/** RFC 2369 and RFC 8058: one click is a POST, which only https makes sure of. */
const unsubscribeHeaders = (link: string): Record<string, string> => ({
  'List-Unsubscribe': `<${link}>`,
  ...(link.startsWith('https:') && { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
});
