import { type Environment, runJson } from '../start/process.ts';
import { TEST_ENCRYPTION_KEY, type TestDatabase } from '../support/database.ts';
import { type ReceivedRequest, type Receiver, startReceiver } from '../support/receiver.ts';

export interface Subscriber {
  organizationId: string;
  id: string;
  secret: string;
  receiver: Receiver;
}

/** The environment of the command line beside a test database, whose webhooks may go to loopback. */
const environmentOf = (db: TestDatabase): Environment => ({
  DATABASE_URL: db.url,
  ENCRYPTION_KEY: TEST_ENCRYPTION_KEY,
  WEBHOOK_ALLOW_HTTP: 'true',
  WEBHOOK_ALLOW_SUBNETS: '127.0.0.0/8',
});

export const AI93_EVENTS = ['lead.created', 'lead.status_changed', 'lead.replied', 'lead.converted', 'lead.handed_off'];

/** A receiver, subscribed on the operator's command line. */
export async function subscribe(
  db: TestDatabase,
  organizationId: string,
  options: { contract?: string; events?: string[]; lock?: boolean } = {},
): Promise<Subscriber> {
  const { contract = 'ai93', events = AI93_EVENTS, lock = false } = options;
  const receiver = await startReceiver();
  const made = await runJson(
    [
      ...['webhooks', 'create', '--org', organizationId, '--contract', contract, '--url', receiver.url],
      ...['--events', events.join(','), ...(lock ? ['--lock'] : [])],
    ],
    environmentOf(db),
  );
  return { organizationId, id: made.id, secret: made.signing_secret, receiver };
}

/** A command about a subscriber's endpoint. */
export const webhooks = (db: TestDatabase, name: string, { organizationId, id }: Subscriber, ...more: string[]) =>
  runJson(
    ['webhooks', name, '--org', organizationId, '--contract', 'ai93', '--webhook', id, ...more],
    environmentOf(db),
  );

/** A request as the receiver got it. */
export const asRequest = (received: ReceivedRequest): Request =>
  new Request('http://127.0.0.1/hook', {
    method: 'POST',
    headers: received.headers as Record<string, string>,
    body: new Uint8Array(received.rawBody),
  });

// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was sent
export const bodyOf = (received: ReceivedRequest): any => JSON.parse(received.rawBody.toString());
