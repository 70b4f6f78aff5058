import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { DELIVERY_QUEUE, queueDatabase } from '../database/queue-schema.ts';
import { inTransaction } from './database.ts';
import { type Lanes, laneOf } from './lanes.ts';
import { type Loop, startLoop } from './loop.ts';
import type { WorkerMetrics } from './metrics.ts';
import { deliveryJob } from './queue.ts';

interface Due {
  delivery_id: string;
  organization_id: string;
  endpoint_id: string;
  attempt: number;
  suspect: boolean;
  ahead: number;
}

export interface RelayOptions {
  pool: pg.Pool;
  boss: PgBoss;
  lanes: Lanes;
  batch: number;
  pollMs: number;
  log: Logger;
  metrics: WorkerMetrics;
  /** There are new jobs. */
  onRelayed(): void;
}

/**
 * Turns outbox rows into deliveries and their jobs, in one transaction: either a change has left the outbox and has its jobs, or
 * neither. Any number of relays may run.
 */
export function startRelay(options: RelayOptions): Loop {
  const { pool, boss, lanes, log } = options;

  async function relayBatch(): Promise<number> {
    return inTransaction(pool, async (client) => {
      const { rows } = await client.query<Due>('select * from app.relay_outbox($1)', [options.batch]);
      if (rows.length === 0) return 0;
      const jobs = rows.map((due) =>
        deliveryJob(
          { organizationId: due.organization_id, deliveryId: due.delivery_id, attempt: due.attempt },
          due.endpoint_id,
          laneOf(lanes, due),
        ),
      );
      await boss.insert(DELIVERY_QUEUE, jobs, { db: queueDatabase(client) });
      return rows.length;
    });
  }

  return startLoop('relay', log, async () => {
    const relayed = await relayBatch();
    if (relayed === 0) return options.pollMs;
    options.metrics.relayed(relayed);
    options.onRelayed();
    return 0; // no row means that nothing waits; anything else, that more might
  });
}
