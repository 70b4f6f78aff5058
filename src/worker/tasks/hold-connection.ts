import type pg from 'pg';

/**
 * When a service asked for a pause, everything that goes through its connection waits so long: asking on would bring one refusal per
 * lead or message, and services close accounts over that. For the transaction that settles the task.
 *
 * @param seconds what the service asked for; undefined: it asked for none
 */
export async function holdConnection(
  client: pg.ClientBase,
  connectionId: string | null,
  seconds: number | undefined,
): Promise<void> {
  if (connectionId === null || seconds === undefined) return;
  await client.query('select app.hold_connection($1, $2)', [connectionId, seconds]);
}
