import { type IWebhookFunctions, sleep } from 'n8n-workflow';

// n8n answers a delivery after it has started the workflow, or could not. Only then is it known whether the event was taken: one that was
// not must be let in when it comes again.

/** How often, and how long, n8n is waited for when the sender did not: in milliseconds. */
const LOOK = 500;
const LONGEST = 120_000;

const underWay = new Set<string>();

/** Whether n8n is about to start the workflow for an event, and has not yet. */
export const isUnderWay = (url: string, eventId: string): boolean => underWay.has(`${url} ${eventId}`);

/** Calls `taken` when n8n has started the workflow for an event. */
export function take(context: IWebhookFunctions, url: string, eventId: string, taken: () => void): void {
  const key = `${url} ${eventId}`;
  const response = context.getResponseObject();
  const answered = async (): Promise<void> => {
    await new Promise<void>((resolve) => response.once('close', () => resolve()));
    // a sender that gave up closes the connection, and n8n goes on
    for (let waited = 0; !response.writableEnded && waited < LONGEST; waited += LOOK) await sleep(LOOK);
    if (!response.writableEnded || response.statusCode < 400) taken();
  };
  underWay.add(key);
  answered()
    .catch((error) => context.logger.warn(`Trunkline Trigger missed an answer of n8n: ${(error as Error).message}`))
    .finally(() => underWay.delete(key));
}
