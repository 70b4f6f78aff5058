import { createOutbound } from '../connections/http-client.ts';
import { loginUrl } from '../database/login.ts';
import { createPool } from '../database/pool.ts';
import { createLogger } from '../log.ts';
import { StartupError } from '../startup-error.ts';
import { type ClaimedPoll, pollTurn, type Turn } from '../worker/poll-turn.ts';
import { POLL_LEASE_SECONDS, POLLED_VENDORS } from '../worker/polls.ts';
import type { Instance, Tenant } from './instance.ts';

/** What a person waits for; the worker goes on with the rest. */
const PAGES = 20;

/** Polls a connection now, as the worker would, through the worker's login. */
export async function pollConnection(
  instance: Instance,
  { core, actor }: Tenant,
  vendor: string,
  name: string,
): Promise<Turn> {
  if (!POLLED_VENDORS.includes(vendor)) {
    throw new StartupError(`--vendor: ${vendor} cannot be polled; that can ${POLLED_VENDORS.join(', ')}.`);
  }
  const { rows } = await core.pool.query<{ id: string }>('select id from app.open_connection($1, $2, $3)', [
    actor.organizationId,
    vendor,
    name,
  ]);
  if (!rows[0]) throw new StartupError('No such connection.');
  const url = loginUrl(instance.adminUrl, 'worker', instance.credentials());
  const pool = createPool(url, { max: 1, name: 'trunkline command line' });
  const outbound = createOutbound({ guard: core.services.guard });
  try {
    const claimed = await pool.query<ClaimedPoll>(
      'select * from app.claim_polls($1, 1, make_interval(secs => $2), $3)',
      [POLLED_VENDORS, POLL_LEASE_SECONDS, rows[0].id],
    );
    const [poll] = claimed.rows;
    if (!poll) throw new StartupError('It is being polled at the moment, or disabled: connectors list shows which.');
    const tools = {
      pool,
      outbound,
      encryption: core.services.encryption,
      log: createLogger('silent'),
      leaseSeconds: POLL_LEASE_SECONDS,
    };
    return await pollTurn(poll, tools, { pages: PAGES });
  } finally {
    await outbound.close();
    await pool.end();
  }
}

/** A sentence about a turn. Throws one about a turn that failed. */
export function told({ outcome, told: calls, created, error }: Turn): string {
  if (outcome === 'failed') throw new StartupError(error ?? 'It could not be polled.');
  if (outcome === 'lost') throw new StartupError('The connection was changed meanwhile; it is polled anew.');
  const count = `${calls} ${calls === 1 ? 'call was' : 'calls were'} told of, ${created} of them new.`;
  const rest = outcome === 'rest' ? ' There are more: the worker goes on with them.' : '';
  return `${count}${rest}${error === undefined ? '' : ` ${error}`}`;
}
