import type pg from 'pg';
import type { z } from 'zod';
import type { Outbound } from '../connections/http-client.ts';
import type { Statement } from '../database/transaction.ts';
import type { Encryption } from '../security/encryption.ts';
import type { AddressGuard } from '../webhooks/address-guard.ts';
import type { Actor } from './actor.ts';

/** What operations may need besides their input. */
export interface Services {
  encryption: Encryption;
  guard: AddressGuard;
  /** how the outside reaches the gateway; no slash at the end */
  publicUrl: string;
  /** calls of outside services */
  outbound: Outbound;
}

/** Where a statement runs for: the actor, and the name of a wire shape in the contract's schema, as SQL. */
export interface Call<Input, Local> {
  input: Input;
  actor: Actor;
  /** schema-qualified function of the contract that shapes a row: shape('lead') is eal.lead */
  shape(name: string): string;
  contract: string;
  services: Services;
  local: Local;
}

export type Read = (statement: Statement) => Promise<ResultRow | undefined>;

/**
 * An operation, declared once; routes, validation, OpenAPI, the command line and the nodes derive from it.
 *
 * Its statement returns one row with `body`, the JSON text of the answer in the contract's shape (null: not found), and
 * optionally `status`.
 */
export interface Operation<Input = unknown, Local = unknown> {
  /** resource.verb, stable: it is the operationId of the OpenAPI document */
  id: string;
  summary: string;
  description?: string;
  /** canonical scope that the actor must hold; null: any key */
  scope: string | null;
  /** read: runs in a read-only transaction */
  kind: 'read' | 'write';
  /** accepts what a client sends, as one flat object: path, query and body together */
  input: z.ZodType<Input>;
  /** the child organization that a parent's key names, whose rows are read under a grant */
  target?(input: Input): string | undefined;
  /** what is computed outside of the database: secrets, hashes. Throws AppError. */
  prepare?(input: Input, services: Services, actor: Actor): Local;
  statement(call: Call<Input, Local>): Statement;
  /**
   * asks an outside service, when the transaction is over: nobody's slowness holds a connection of the database. Returns the
   * body in place of the statement's. `read` runs a statement of the actor's that changes nothing, in a transaction of its own.
   */
  outside?(body: string, call: Call<Input, Local>, pool: pg.Pool, read: Read): Promise<string>;
  /** adds to the answer what the database must not see (a secret shown once) */
  finish?(body: string, local: Local, row: ResultRow): string;
  /** what is said when the statement found nothing */
  missing?: string;
  /**
   * of what follows rules that are the organization's own: switches off the one that does not end, when the statement ran into its
   * time-out. The next request is answered then.
   */
  endlessRule?(call: Call<Input, Local>): Statement;
}

/** An operation whose answer is a stream: the statement is the query of a COPY … TO STDOUT. */
export interface ExportOperation<Input = unknown> {
  id: string;
  summary: string;
  description?: string;
  scope: string | null;
  kind: 'export';
  input: z.ZodType<Input>;
  target?(input: Input): string | undefined;
  statement(call: Call<Input, undefined>): Statement;
  /** every cell is in quotes, not only those that hold a comma: spreadsheets may take a semicolon or a tab for a delimiter, too */
  quoted?: boolean;
  /** the same, of the first row only, where a limit around the statement would still compute all of it */
  probe?(call: Call<Input, undefined>): Statement;
}

export interface ResultRow {
  body: string | null;
  status?: number | null;
  [column: string]: unknown;
}

/** Keeps the types of input and local bound together where an operation is written. */
export const operation = <Input, Local = undefined>(definition: Operation<Input, Local>): Operation<Input, Local> =>
  definition;
export const exportOperation = <Input>(definition: ExportOperation<Input>): ExportOperation<Input> => definition;
