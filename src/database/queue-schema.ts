import type pg from 'pg';
import { type Db, PgBoss } from 'pg-boss';
import packageJson from 'pg-boss/package.json' with { type: 'json' };

/** Part of the applied state: another pg-boss version may bring another schema. */
export const QUEUE_VERSION: string = packageJson.version;

export const QUEUE_SCHEMA = 'pgboss';

/** Deliveries of webhooks, one job an attempt. */
export const DELIVERY_QUEUE = 'webhook-delivery';

/** Tasks: those that are one statement, and those that wait for outside services. */
export const TASK_QUEUES = { statements: 'statement-tasks', outside: 'outside-tasks' } as const;

/** How pg-boss runs its statements on a connection or pool of ours, and so inside a transaction of ours. */
export function queueDatabase(connection: pg.ClientBase | pg.Pool): Db {
  return {
    executeSql: async (text: string, values?: unknown[]) => {
      const result = await connection.query(text, values as unknown[]);
      // several statements in one text answer with several results
      return Array.isArray(result) ? { rows: result.flatMap((one) => one.rows) } : { rows: result.rows };
    },
  };
}

/** Makes or upgrades pg-boss's own schema as the role that owns it, and the queues. The client must be an administrator's. */
export async function installQueue(client: pg.Client): Promise<void> {
  await client.query('set role worker');
  try {
    const boss = new PgBoss({
      db: queueDatabase(client),
      schema: QUEUE_SCHEMA,
      createSchema: false,
      supervise: false,
      schedule: false,
    });
    boss.on('error', () => {});
    await boss.start();
    // A job that is not settled within a minute belonged to a worker that is gone: it is handed out again.
    await boss.createQueue(DELIVERY_QUEUE, {
      expireInSeconds: 60,
      retryLimit: 1000,
      retryDelay: 0,
      deleteAfterSeconds: 60,
      partition: true,
    });
    for (const queue of Object.values(TASK_QUEUES)) {
      // heartbeats tell that a worker is gone; no task takes a quarter of an hour
      await boss.createQueue(queue, { expireInSeconds: 900, retryLimit: 1000, retryDelay: 0, deleteAfterSeconds: 60 });
    }
    await boss.stop({ graceful: false });
  } finally {
    await client.query('reset role');
  }
}
