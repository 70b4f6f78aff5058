import { createHmac } from 'node:crypto';
import { type IWebhookFunctions, sleep } from 'n8n-workflow';
import type { Registration } from './memory';

// n8n stores what a webhook changed in the static data only when the webhook starts no workflow: the run that it starts shares the data,
// and takes the mark away that they changed. So a moment after events came in, the trigger tells itself of one that it has seen: that
// starts nothing, and is stored, with everything else that is known by then.

/** Milliseconds in which events gather. */
const GATHER = 1000;

const gathering = new Set<string>();

/** Has n8n store what is known of an address, soon. */
export function keep(context: IWebhookFunctions, url: string, latest: () => Registration): void {
  if (gathering.has(url)) return;
  gathering.add(url);
  const later = async (): Promise<void> => {
    await sleep(GATHER);
    gathering.delete(url);
    const { secrets, seen } = latest();
    const [newest] = secrets;
    const id = seen.at(-1);
    if (!newest || !id) return;
    const body = JSON.stringify({ id, type: 'trigger.kept', data: {} });
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', newest.secret).update(`${timestamp}.${body}`).digest('hex');
    await context.helpers.httpRequest({
      method: 'POST',
      url,
      body,
      headers: { 'Content-Type': 'application/json', 'X-EAL-Signature': `t=${timestamp},v1=${signature}` },
    });
  };
  later().catch((error) =>
    context.logger.debug(`Trunkline Trigger could not reach its own address: ${(error as Error).message}`),
  );
}
