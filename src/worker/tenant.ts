import type pg from 'pg';
import { type Actor, claimsOf } from '../operations/actor.ts';

/**
 * Runs statements of a transaction as tenant under an actor's claims, so that policies hold and changes are audited and announced
 * like any other; then the connection is the worker's again.
 *
 * @param timeoutMs how long a statement may take, to the end of the transaction; without it, as long as it does
 */
export async function asTenant<T>(
  client: pg.ClientBase,
  actor: Actor,
  run: () => Promise<T>,
  timeoutMs = 0,
): Promise<T> {
  await client.query(
    "select set_config('role', 'tenant', true), set_config('request.jwt.claims', $1, true), set_config('statement_timeout', $2, true)",
    [claimsOf(actor), String(timeoutMs)],
  );
  const result = await run();
  await client.query("select set_config('role', 'none', true), set_config('request.jwt.claims', '', true)");
  return result;
}

/**
 * Runs statements of a transaction as the worker, for whom an actor's claims say on whose behalf: functions that only the worker may
 * call, whose changes are audited as the actor's.
 */
export async function withClaims<T>(client: pg.ClientBase, actor: Actor, run: () => Promise<T>): Promise<T> {
  await client.query("select set_config('request.jwt.claims', $1, true)", [claimsOf(actor)]);
  const result = await run();
  await client.query("select set_config('request.jwt.claims', '', true)");
  return result;
}
