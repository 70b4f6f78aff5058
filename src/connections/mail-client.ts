import { createConnection, isIP, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { domainToASCII } from 'node:url';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Mail, MailClient, MailServer } from '../../connectors/connector.ts';
import { ConnectorFailure } from '../../connectors/failure.ts';
import { type AddressGuard, ForbiddenAddressError } from '../webhooks/address-guard.ts';
import { errorCode } from '../webhooks/sender.ts';
import { redact } from './redact.ts';
import { REASONS } from './unreachable.ts';

export interface MailClientOptions {
  guard: AddressGuard;
  /** for reaching the server and being greeted; sending may take three times as long, as servers look into mails before they answer */
  timeoutMs: number;
  secrets: readonly string[];
}

/** A mail as it travels. */
export async function composeMail(mail: Mail): Promise<{ messageId: string; raw: Buffer }> {
  const { from, to, replyTo, subject, text, headers } = mail;
  const messageId = `<${mail.id}@${from.address.split('@').at(-1)}>`;
  const composer = new MailComposer({
    from: { name: from.name ?? '', address: from.address },
    to: { name: '', address: to },
    ...(replyTo !== undefined && { replyTo }),
    subject,
    text,
    messageId,
    headers: { 'Auto-Submitted': 'auto-generated', ...headers },
    // what is written here is text; nothing in it is a file to read or an address to fetch
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { messageId, raw: await composer.compile().build() };
}

/** Speaks to mail servers through nodemailer, over connections that the guard lets through. */
export function createMailClient(options: MailClientOptions): MailClient {
  return {
    async send(server, mail) {
      const { messageId, raw } = await composeMail(mail);
      await converse(server, options, async (connection, handed) => {
        const message = Readable.from(
          (function* () {
            handed();
            yield raw;
          })(),
        );
        await step((done) =>
          connection.send(
            { from: envelope(mail.from.address), to: [envelope(mail.to)], size: raw.length },
            message,
            done,
          ),
        );
      });
      return { messageId };
    },
    check: (server) => converse(server, options, async () => undefined),
  };
}

/** An address as every server knows it: of a domain with other letters, its name in ASCII. What is before the @ has none. */
const envelope = (address: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is from 0 to 127
  address.replace(/^([\x00-\x7f]*)@([^@]*)$/, (_, name, domain) => `${name}@${domainToASCII(domain) || domain}`);

/** Connects, logs in and talks. Every failure is told as a ConnectorFailure, cut clean of credentials. */
async function converse(
  server: MailServer,
  { guard, timeoutMs, secrets }: MailClientOptions,
  talk: (connection: SMTPConnection, handed: () => void) => Promise<void>,
): Promise<void> {
  const { hostname, port, protocol } = new URL(server.url.replace(/^smtp/, 'http'));
  const host = hostname.replace(/^\[|\]$/g, '');
  const secure = protocol === 'https:';
  const deadline = AbortSignal.timeout(timeoutMs * 3);
  let uncertain = false;
  let connection: SMTPConnection | undefined;
  try {
    const socket = await dial(host, Number(port) || (secure ? 465 : 587), guard, timeoutMs);
    connection = new SMTPConnection({
      connection: socket,
      host,
      secure,
      requireTLS: !secure && server.requireTls,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs * 3,
      connectionTimeout: timeoutMs,
      logger: false,
    });
    await during(connection, deadline, async (open) => {
      await step((done) => open.connect(done));
      if (server.user !== undefined) {
        const credentials = { user: server.user, pass: server.password ?? '' };
        await step((done) => open.login({ credentials }, done));
      }
      await talk(open, () => {
        uncertain = true;
      });
    });
  } catch (error) {
    throw failureOf(error as MailError, `${host}:${port || (secure ? 465 : 587)}`, uncertain, [
      ...secrets,
      ...loginForms(server),
    ]);
  } finally {
    connection?.close();
  }
}

/** An error of the connection may come at any time, and ends whatever is under way. */
async function during(
  connection: SMTPConnection,
  deadline: AbortSignal,
  work: (connection: SMTPConnection) => Promise<void>,
): Promise<void> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  connection.on('error', reject);
  connection.on('end', () => reject(Object.assign(new Error('The connection ended'), { code: 'ECONNECTION' })));
  deadline.addEventListener('abort', () => reject(Object.assign(new Error('Timeout'), { code: 'ETIMEDOUT' })));
  await Promise.race([work(connection), broken]);
}

const step = (act: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => act((error) => (error ? reject(error) : resolve())));

/** Literal addresses are judged here, as nobody looks them up; names when they are resolved. */
function dial(host: string, port: number, guard: AddressGuard, timeoutMs: number): Promise<Socket> {
  if (isIP(host) !== 0 && !guard.isAllowedAddress(host)) return Promise.reject(new ForbiddenAddressError(host));
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, lookup: guard.lookup, timeout: timeoutMs });
    const failed = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once('error', failed);
    socket.once('timeout', () => failed(Object.assign(new Error('Timeout'), { code: 'ETIMEDOUT' })));
    socket.once('connect', () => {
      socket.removeListener('error', failed);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      resolve(socket);
    });
  });
}

interface MailError extends NodeJS.ErrnoException {
  /** of the system's own error, which nodemailer gives one of its codes */
  originalCode?: string;
  responseCode?: number;
  response?: string;
  /** what it was an answer to: CONN, EHLO, MAIL FROM, RCPT TO, DATA … */
  command?: string;
}

function failureOf(error: MailError, host: string, handed: boolean, secrets: readonly string[]): ConnectorFailure {
  const said = error.responseCode;
  const told = (words: string): string => redact(words, secrets);
  if (said !== undefined && said >= 400 && said < 600) {
    // the server has answered, so it is certain that it did not take the mail
    const words = (error.response ?? '').replace(/\s+/g, ' ').trim();
    const kind = said === 421 || said < 500 ? (isBusy(words) ? 'rate_limited' : 'unavailable') : 'refused';
    return new ConnectorFailure(kind, told(`${host} answered ${words || said}`.replace(/\.?$/, '.')), {
      status: said,
      code: isAboutUs(error) ? REFUSES_US : (error.code ?? said),
    });
  }
  if (error.code === 'EPROTOCOL')
    return new ConnectorFailure('garbage', `${host} does not speak SMTP.`, { uncertain: handed });
  if (error.code === 'EAUTH' || error.code === 'EMESSAGE' || error.code === 'EENVELOPE')
    return new ConnectorFailure('refused', told(`${host}: ${error.message}`.replace(/\.?$/, '.')), {
      code: error.code,
    });
  const code = error.originalCode ?? OWN_CODES[error.code ?? ''] ?? error.code;
  const reason = errorCode({ code } as NodeJS.ErrnoException);
  const kind = reason === 'forbidden_address' ? 'refused' : 'unavailable';
  return new ConnectorFailure(kind, `${host} ${REASONS[reason]}.`, { uncertain: handed });
}

/** The server says no to us, whatever we bring: to our address, our login, our sender. */
export const REFUSES_US = 'EAUTH';

/** Before it has heard whom a mail is for, what it refuses is no fault of the mail's, unless that is too large. */
const isAboutUs = ({ code, command = '', responseCode }: MailError): boolean =>
  code === REFUSES_US || (!/^(RCPT|DATA)/.test(command) && responseCode !== 552);

/** Codes of nodemailer in the words of Node. */
const OWN_CODES: Record<string, string> = {
  ECONNECTION: 'ECONNRESET',
  ESOCKET: 'ECONNRESET',
  ETLS: 'ERR_TLS_HANDSHAKE',
};

const isBusy = (words: string): boolean => /\b4\.7\.\d+\b|rate|too many|throttl/i.test(words);

/** The login as AUTH PLAIN and AUTH LOGIN send it: a server may repeat it. */
function loginForms({ user = '', password }: MailServer): string[] {
  if (password === undefined) return [];
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return [password, base64(`\0${user}\0${password}`), base64(password)];
}
