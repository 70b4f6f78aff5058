import type pg from 'pg';
import type { z } from 'zod';
import { inTransaction, runInScope, type Scope, type Statement } from '../database/transaction.ts';
import { type ConstraintReasons, fromDatabase, fromZod, MissingScope, notFound } from '../errors.ts';
import { type Actor, claimsOf, roleOf } from './actor.ts';
import type { Operation, ResultRow, Services } from './operation.ts';

// The one place where scope, transaction and claims meet an operation. What does not come through here reaches no row.

/** What execute runs on; made once per process. */
export interface Core {
  pool: pg.Pool;
  reasons: ConstraintReasons;
  services: Services;
}

/** How the contract wants it: its schema of wire shapes, and its status of success (200 unless given). */
export interface Binding {
  contract: string;
  /** schema of the shapes, when the contract has none of its own for what its document leaves to the operator */
  shapes?: string;
  status?: number;
}

export interface Idempotency {
  key: string;
  /** SHA-256 of what makes the request this request */
  fingerprint: Buffer;
}

export interface Answer {
  status: number;
  body: string;
  /** the answer was kept from an earlier request with the same idempotency key */
  replayed: boolean;
}

/** Whether the actor holds a canonical scope. */
export const holds = (actor: Actor, scope: string | null): boolean =>
  scope === null || actor.scopes.includes('*') || actor.scopes.includes(scope);

/** Refuses an actor without the scope. */
export function requireScope(actor: Actor, scope: string | null): void {
  if (!holds(actor, scope)) throw new MissingScope(scope as string);
}

/** What a client sent, as the operation takes it. Throws 400 that names the first field that is wrong. */
export function parseInput<Input>(schema: z.ZodType<Input>, raw: unknown): Input {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) throw fromZod(parsed.error);
  return parsed.data;
}

/**
 * Runs an operation for an actor: scope, input, transaction with claims, statement.
 * Throws AppError for whatever the caller did; anything else thrown is a defect.
 */
export async function execute<Input, Local>(
  core: Core,
  operation: Operation<Input, Local>,
  actor: Actor,
  rawInput: unknown,
  binding: Binding,
  idempotency?: Idempotency,
): Promise<Answer> {
  requireScope(actor, operation.scope);
  const input = parseInput(operation.input, rawInput);
  const local = operation.prepare?.(input, core.services, actor) as Local;
  const statement = operation.statement({
    input,
    actor,
    local,
    contract: binding.contract,
    services: core.services,
    shape: (name) => `${binding.shapes ?? binding.contract}.${name}`,
  });
  const scope: Scope = { role: roleOf(actor), claims: claimsOf(actor, operation.target?.(input)) };
  const finish = (row: ResultRow | undefined): Answer => {
    if (row?.body == null) throw notFound(operation.missing ?? 'Not found.');
    return {
      status: row.status ?? binding.status ?? 200,
      body: operation.finish ? operation.finish(row.body, local, row) : row.body,
      replayed: false,
    };
  };
  try {
    if (idempotency) return await executeOnce(core, scope, statement, idempotency, finish);
    const { rows } = await runInScope<ResultRow>(core.pool, scope, statement, { readOnly: operation.kind === 'read' });
    return finish(rows[0]);
  } catch (error) {
    throw fromDatabase(error, core.reasons) ?? error;
  }
}

/** The same, under an idempotency key: the answer is kept in the transaction of the change, or replayed. */
async function executeOnce(
  core: Core,
  scope: Scope,
  statement: Statement,
  idempotency: Idempotency,
  finish: (row: ResultRow | undefined) => Answer,
): Promise<Answer> {
  const { key, fingerprint } = idempotency;
  const { encryption } = core.services;
  const context = `idempotency:${key}`;
  return inTransaction(core.pool, scope, async (query) => {
    const claim = await query<{ status: number | null; answer: Buffer | null }>({
      text: 'select * from app.claim_idempotency_key($1, $2)',
      values: [key, fingerprint],
    });
    const kept = claim.rows[0];
    if (kept?.answer) {
      return {
        status: kept.status ?? 200,
        body: encryption.decrypt(kept.answer, context).toString('utf8'),
        replayed: true,
      };
    }
    const { rows } = await query<ResultRow>(statement);
    const answer = finish(rows[0]);
    await query({
      text: 'select app.keep_answer($1, $2, $3, $4)',
      values: [key, fingerprint, answer.status, encryption.encrypt(answer.body, context)],
    });
    return answer;
  });
}

/** Reads the reasons of the database's constraints ("field: reason"). */
export async function readReasons(pool: pg.Pool): Promise<ConstraintReasons> {
  const { rows } = await pool.query<{ name: string; comment: string }>(`
    select c.conname as name, d.description as comment
      from pg_constraint c join pg_description d on d.objoid = c.oid and d.classoid = 'pg_constraint'::regclass
     where c.connamespace in (select oid from pg_namespace where nspname in ('app', 'audit', 'private'))`);
  return new Map(
    rows.map(({ name, comment }) => {
      const [, field, reason] = /^([\w.-]+): (.+)$/s.exec(comment) ?? [];
      return [name, field && reason ? { field, reason } : { reason: comment }];
    }),
  );
}
