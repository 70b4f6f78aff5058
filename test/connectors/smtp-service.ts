import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import type { Ending, Protocol, Service, Situation } from './case.ts';

// Mail servers: a real one on loopback, and everything that they do besides taking a mail.

/** A connection to the server, and what came of it. */
export interface MailVisit {
  user?: string;
  password?: string;
  from?: string;
  to?: string[];
  mail?: string;
}

/** How the server behaves on a connection. */
export interface MailAnswer {
  /** said in place of a greeting; what it is depends on the client */
  greeting?: string;
  /** says nothing, or nothing more from here on */
  hang?: 'greeting' | 'data';
  /** ends the connection */
  drop?: 'greeting' | 'data';
  /** refuses with these words */
  login?: string | ((visit: MailVisit) => string);
  recipient?: string;
  data?: string;
  /** words of the good answer to a mail */
  taken?: (visit: MailVisit) => string;
}

const refused = (words: string): Error => {
  const [, code, rest] = /^(\d{3}) (.*)$/s.exec(words) ?? [];
  return Object.assign(new Error(rest), { responseCode: Number(code) });
};

const UNAVAILABLE: Ending = { kind: 'unavailable', retryable: true };
const situations: Situation<MailAnswer>[] = [
  { name: 'is not available', answer: { greeting: '421 4.3.2 Shutting down' }, ends: { ...UNAVAILABLE, status: 421 } },
  {
    name: 'takes no mail from us',
    answer: { greeting: '554 5.7.1 No' },
    ends: { kind: 'refused', retryable: false, status: 554 },
  },
  { name: 'says nothing', answer: { hang: 'greeting' }, ends: UNAVAILABLE, endless: true },
  { name: 'ends the connection', answer: { drop: 'greeting' }, ends: UNAVAILABLE },
  {
    name: 'is a web server',
    answer: { greeting: 'HTTP/1.1 400 Bad Request' },
    ends: { kind: 'garbage', retryable: true },
  },
  {
    name: 'lets nobody in for now',
    answer: { login: '454 4.7.0 Temporary authentication failure' },
    ends: { kind: 'rate_limited', retryable: true, status: 454 },
  },
  {
    name: 'is asked too often',
    answer: { greeting: '421 4.7.0 Too many connections, slow down' },
    ends: { kind: 'rate_limited', retryable: true },
  },
];

const repeated = ({ user, password }: MailVisit): string =>
  `${user} ${password} ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`;

export const smtpProtocol: Protocol<MailAnswer, MailVisit> = {
  situations,
  echoes: {
    error: { login: (visit) => `535 5.7.8 ${repeated(visit)}` },
    good: { taken: (visit) => `OK ${repeated(visit)}` },
  },
  start: () => startMailServer(),
};

/** Starts a mail server that takes everything until it is told otherwise. */
export async function startMailServer(options: { tls?: boolean } = {}): Promise<Service<MailAnswer, MailVisit>> {
  const requests: MailVisit[] = [];
  const sockets = new Set<Socket>();
  const visits = new Map<number | undefined, { visit: MailVisit; answer: MailAnswer; socket: Socket }>();
  let decide = (_number: number): MailAnswer => ({});

  const smtp = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    logger: false,
    ...(!options.tls && { disabledCommands: ['STARTTLS'] }),
    onAuth({ username, password }, session, done) {
      const { visit, answer } = of(session);
      Object.assign(visit, { user: username, password });
      const words = typeof answer.login === 'function' ? answer.login(visit) : answer.login;
      done(words === undefined ? null : refused(words), { user: username });
    },
    onRcptTo(_address, session, done) {
      const { recipient } = of(session).answer;
      done(recipient === undefined ? null : refused(recipient));
    },
    onData(stream, session, done) {
      const { visit, answer, socket } = of(session);
      text(stream).then((mail) => {
        const { mailFrom, rcptTo } = session.envelope;
        Object.assign(visit, {
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          mail,
        });
        if (answer.hang === 'data') return;
        if (answer.drop === 'data') socket.destroy();
        else if (answer.data !== undefined) done(refused(answer.data));
        else done(null, answer.taken?.(visit) ?? 'OK');
      }, done);
    },
  });
  smtp.on('error', () => undefined);
  const of = ({ remotePort }: { remotePort?: number }) =>
    visits.get(remotePort) as { visit: MailVisit; answer: MailAnswer; socket: Socket };

  const front = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const visit: MailVisit = {};
    const answer = decide(requests.push(visit));
    visits.set(socket.remotePort, { visit, answer, socket });
    if (answer.hang === 'greeting') return;
    if (answer.drop === 'greeting') socket.destroy();
    else if (answer.greeting !== undefined) socket.end(`${answer.greeting}\r\n`);
    else smtp.server.emit('connection', socket);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    requests,
    answer: (answer) => {
      decide = () => answer;
    },
    answerFirst: (count, first, then) => {
      const from = requests.length + count;
      decide = (number) => (number <= from ? first : then);
    },
    exposed: () => [],
    credentials: () =>
      requests.flatMap(({ user, password = '' }) =>
        user === undefined ? [] : [Buffer.from(`\0${user}\0${password}`).toString('base64')],
      ),
    close: async () => {
      const closed = once(front, 'close');
      front.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      smtp.close();
    },
  };
}
