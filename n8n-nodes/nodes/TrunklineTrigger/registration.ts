import {
  type IDataObject,
  type IHookFunctions,
  type IWebhookFunctions,
  type JsonObject,
  NodeApiError,
} from 'n8n-workflow';
import { wholeMessage } from '../Trunkline/errors';
import { listOf } from '../Trunkline/list';
import { ask } from '../Trunkline/request';
import { forget, ownOf, type Registration, recall, remember, withSecret } from './memory';

// The trigger's endpoint at Trunkline: made, adopted, kept as the workflow wants it, removed.

/**
 * Soon at first: while n8n publishes a workflow again it does not know the address for a moment. Often in the first minutes, which a
 * restart of n8n takes. Then up to half a day.
 */
const RETRY_SCHEDULE = ['2s', '5s', '15s', '30s', '1m', '2m', '3m', '4m', '5m', '10m', '30m', '1h', '2h', '6h', '12h'];
/** Milliseconds after the registration of a test address in which what comes is asked to come again. */
const EARLY = 500;

const listening = new Map<string, number>();

/** Whether n8n may not listen at a test address yet: it does a moment after the hook that registers it has returned. */
export const isEarly = (url: string): boolean => Date.now() - (listening.get(url) ?? Number.NEGATIVE_INFINITY) < EARLY;

type Context = IHookFunctions | IWebhookFunctions;

interface Webhook {
  id: string;
  url: string;
  events: string[];
  enabled: boolean;
  signing_secret_prefix: string;
  signing_secret?: string;
}

const request = async (
  context: Context,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: IDataObject,
): Promise<Webhook> => (await ask(context, method, path, { body })) as unknown as Webhook;

export const addressOf = (context: Context): string => context.getNodeWebhookUrl('default') as string;

export const eventsOf = (context: Context): string[] => listOf(context.getNodeParameter('events'));

/** What this workflow of this n8n stored for the trigger. */
export const storedOf = (context: Context): IDataObject =>
  ownOf(context.getWorkflowStaticData('node'), `${context.getInstanceId()} ${context.getWorkflow().id}`);

const sameEvents = (one: string[], other: string[]): boolean => [...one].sort().join() === [...other].sort().join();

const isMissing = (error: unknown): boolean => error instanceof NodeApiError && error.httpCode === '404';

/** n8n shows only the message of what goes wrong here, so it says what to do as well. */
export async function explained<Result>(context: IHookFunctions, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    const message = wholeMessage(error as Error);
    throw new NodeApiError(context.getNode(), { message } as JsonObject, { message });
  }
}

/** Whether the workflow's own endpoint is there; if so, it is what the workflow wants. */
export async function adopt(context: IHookFunctions): Promise<boolean> {
  const url = addressOf(context);
  const stored = storedOf(context);
  const registration = recall(url, stored);
  const { webhookId, secrets } = registration;
  if (!webhookId || secrets.length === 0) return false;
  let webhook: Webhook;
  try {
    webhook = await request(context, 'GET', `/webhooks/${webhookId}`);
  } catch (error) {
    if (!isMissing(error)) throw new NodeApiError(context.getNode(), error as JsonObject);
    forget(url, stored);
    return false;
  }
  if (webhook.url !== new URL(url).href) {
    // n8n has another address by now: what is at the old one is nobody's
    await remove(context);
    return false;
  }
  await conform(context, webhook);
  await ownSecret(context, webhook, registration);
  return true;
}

/** Registers the workflow's address. Trunkline resumes what the address missed if it was registered less than a day ago. */
export async function register(context: IHookFunctions): Promise<void> {
  const url = addressOf(context);
  const stored = storedOf(context);
  const known = recall(url, stored);
  if (context.getMode() === 'manual') listening.set(url, Number.POSITIVE_INFINITY);
  const webhook = await request(context, 'POST', '/webhooks', {
    url,
    events: eventsOf(context),
    description: `n8n: ${context.getWorkflow().name ?? 'workflow'}`.slice(0, 500),
    retry_schedule: RETRY_SCHEDULE,
  });
  const registration = { ...known, webhookId: webhook.id };
  if (webhook.signing_secret) {
    remember(url, stored, withSecret(registration, webhook.signing_secret));
  } else {
    // the address is registered, by an earlier attempt whose answer was lost, so its secret is not known
    await conform(context, webhook);
    await rotate(context, registration);
  }
}

/** Removes the workflow's endpoint. */
export async function remove(context: IHookFunctions): Promise<void> {
  const url = addressOf(context);
  const stored = storedOf(context);
  const { webhookId } = recall(url, stored);
  try {
    if (webhookId) await request(context, 'DELETE', `/webhooks/${webhookId}`);
  } catch (error) {
    // somebody removed it already
    if (!isMissing(error)) throw new NodeApiError(context.getNode(), error as JsonObject);
  }
  forget(url, stored);
  listening.delete(url);
}

async function conform(context: IHookFunctions, webhook: Webhook): Promise<void> {
  const events = eventsOf(context);
  if (webhook.enabled && sameEvents(webhook.events, events)) return;
  await request(context, 'PATCH', `/webhooks/${webhook.id}`, { events, enabled: true });
}

async function rotate(context: Context, registration: Registration): Promise<void> {
  const { signing_secret } = await request(context, 'POST', `/webhooks/${registration.webhookId}/rotate-secret`);
  remember(addressOf(context), storedOf(context), withSecret(registration, signing_secret as string));
}

async function ownSecret(context: Context, webhook: Webhook, registration: Registration): Promise<void> {
  const newest = registration.secrets[0]?.secret;
  if (newest?.startsWith(webhook.signing_secret_prefix)) {
    remember(addressOf(context), storedOf(context), registration);
  } else {
    await rotate(context, registration);
  }
}

const looked = new Map<string, number>();

/**
 * Gets a secret of its own again after somebody else rotated it: the one that this node knows would stop within a day. Looks at most
 * once in five seconds for deliveries that Trunkline signed, and once a minute for whatever else comes.
 */
export async function renew(context: IWebhookFunctions, registration: Registration, signed: boolean): Promise<void> {
  const { webhookId } = registration;
  if (!webhookId) return;
  const key = `${webhookId} ${signed}`;
  if (Date.now() - (looked.get(key) ?? 0) < (signed ? 5_000 : 60_000)) return;
  looked.set(key, Date.now());
  try {
    await ownSecret(context, await request(context, 'GET', `/webhooks/${webhookId}`), registration);
  } catch (error) {
    context.logger.warn(`Trunkline Trigger could not renew its signing secret: ${wholeMessage(error as Error)}`);
  }
}

/** Somebody listens for a test event: has Trunkline send a real one, or its sample of one, when that is wanted. */
export async function listen(context: IHookFunctions, withSample: boolean): Promise<void> {
  const url = addressOf(context);
  if (withSample) await sendSample(context, url);
  listening.set(url, Date.now());
}

async function sendSample(context: IHookFunctions, url: string): Promise<void> {
  const { webhookId } = recall(url, storedOf(context));
  const [event] = eventsOf(context);
  try {
    await ask(context, 'POST', `/webhooks/${webhookId}/test`, { body: { event } });
  } catch (error) {
    context.logger.warn(`Trunkline sent no sample event: ${wholeMessage(error as Error)}`);
  }
}
