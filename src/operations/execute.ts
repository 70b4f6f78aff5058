import pg from 'pg';
import type { z } from 'zod';
import { inTransaction, type Query, runInScope, type Scope, type Statement } from '../database/transaction.ts';
import { type ConstraintReasons, fromDatabase, fromZod, MissingScope, notFound } from '../errors.ts';
import { type Actor, claimsOf, roleOf } from './actor.ts';
import type { Call, Operation, Read, ResultRow, Services } from './operation.ts';

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
  if (!parsed.success) throw fromZod(parsed.error, raw);
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
  const call: Call<Input, Local> = {
    input,
    actor,
    local,
    contract: binding.contract,
    services: core.services,
    shape: (name) => `${binding.shapes ?? binding.contract}.${name}`,
  };
  const statement = operation.statement(call);
  const scope: Scope = { role: roleOf(actor), claims: claimsOf(actor, operation.target?.(input)) };
  const finish = (row: ResultRow | undefined): Answer => {
    if (row?.body == null) throw notFound(operation.missing ?? 'Not found.');
    return {
      status: row.status ?? binding.status ?? 200,
      body: operation.finish ? operation.finish(row.body, local, row) : row.body,
      replayed: false,
    };
  };
  const readOnly = operation.kind === 'read';
  try {
    if (operation.outside) {
      const { outside } = operation;
      const read: Read = async (wanted) =>
        (await runInScope<ResultRow>(core.pool, scope, wanted, { readOnly: true })).rows[0];
      const ask = async () => {
        const found = finish((await runInScope<ResultRow>(core.pool, scope, statement, { readOnly })).rows[0]);
        return { ...found, body: await outside(found.body, call, core.pool, read) };
      };
      return idempotency ? await askOnce(core, scope, idempotency, ask) : await ask();
    }
    if (idempotency) return await executeOnce(core, scope, statement, idempotency, finish);
    const { rows } = await runInScope<ResultRow>(core.pool, scope, statement, { readOnly });
    return finish(rows[0]);
  } catch (error) {
    if (operation.endlessRule && ranTooLong(error)) await switchOff(core, actor, operation.endlessRule(call));
    throw fromDatabase(error, core.reasons) ?? error;
  }
}

const ranTooLong = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '57014';
/** Much more than all rules of an organization take that end. */
const RULES_TIMEOUT_MS = 3000;

/** Has the core find the rule, whoever asked: it is no change that a scope is for. */
async function switchOff(core: Core, actor: Actor, statement: Statement): Promise<void> {
  const scope: Scope = { role: 'tenant', claims: claimsOf({ ...actor, scopes: ['*'] }) };
  await inTransaction(core.pool, scope, async (query) => {
    await query({ text: "select set_config('statement_timeout', $1, true)", values: [String(RULES_TIMEOUT_MS)] });
    await query(statement);
  }).catch(() => {
    // it was no rule; the request is answered with what went wrong anyway
  });
}

/** The same, under an idempotency key: the answer is kept in the transaction of the change, or replayed. */
const executeOnce = (
  core: Core,
  scope: Scope,
  statement: Statement,
  idempotency: Idempotency,
  finish: (row: ResultRow | undefined) => Answer,
): Promise<Answer> =>
  inTransaction(core.pool, scope, async (query) => {
    const before = await kept(query, core, idempotency);
    if (before) return before;
    const { rows } = await query<ResultRow>(statement);
    const answer = finish(rows[0]);
    await keep(query, core, idempotency, answer);
    return answer;
  });

/**
 * The same for what asks an outside service, which no transaction waits for: of two equal requests at once both ask, and both
 * get the answer of the first.
 */
async function askOnce(
  core: Core,
  scope: Scope,
  idempotency: Idempotency,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const before = await inTransaction(core.pool, scope, (query) => kept(query, core, idempotency));
  if (before) return before;
  const answer = await ask();
  return inTransaction(core.pool, scope, async (query) => {
    const meanwhile = await kept(query, core, idempotency);
    if (!meanwhile) await keep(query, core, idempotency, answer);
    return meanwhile ?? answer;
  });
}

/** Opens the request of an idempotency key: the answer that was kept, or undefined for the first. */
async function kept(query: Query, core: Core, { key, fingerprint }: Idempotency): Promise<Answer | undefined> {
  const { rows } = await query<{ status: number | null; answer: Buffer | null }>({
    text: 'select * from app.claim_idempotency_key($1, $2)',
    values: [key, fingerprint],
  });
  const [claim] = rows;
  if (!claim?.answer) return undefined;
  const body = core.services.encryption.decrypt(claim.answer, contextOf(key)).toString('utf8');
  return { status: claim.status ?? 200, body, replayed: true };
}

async function keep(query: Query, core: Core, { key, fingerprint }: Idempotency, answer: Answer): Promise<void> {
  await query({
    text: 'select app.keep_answer($1, $2, $3, $4)',
    values: [key, fingerprint, answer.status, core.services.encryption.encrypt(answer.body, contextOf(key))],
  });
}

const contextOf = (key: string): string => `idempotency:${key}`;

/** Reads the reasons of the database's constraints ("field: reason"). */
export async function readReasons(client: Pick<pg.ClientBase, 'query'>): Promise<ConstraintReasons> {
  const { rows } = await client.query<{ name: string; comment: string }>(`
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
