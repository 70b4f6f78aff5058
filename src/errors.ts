import pg from 'pg';
import type { z } from 'zod';

/** What a client may be told besides the message: which field, and why. */
export interface ErrorDetails {
  field?: string;
  reason?: string;
}

/** An error for whoever called: status, stable code, one sentence, details. Every door prints it in its own shape. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly status: number;
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(status: number, code: string, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export const invalidRequest = (message: string, details?: ErrorDetails): AppError =>
  new AppError(400, 'invalid_request', message, details);
export const unauthorized = (message: string): AppError => new AppError(401, 'unauthorized', message);
export const forbidden = (message: string): AppError => new AppError(403, 'forbidden', message);
/** 403 for want of a scope, which each contract calls by its own name. */
export class MissingScope extends AppError {
  /** canonical */
  readonly scope: string;

  constructor(scope: string) {
    super(403, 'forbidden', `The API key lacks the required scope: ${scope}.`);
    this.scope = scope;
  }
}

export const notFound = (message: string): AppError => new AppError(404, 'not_found', message);

/** The first thing wrong with this input, as the client wrote it. */
export function fromZod(error: z.ZodError, input: unknown): AppError {
  const issue = error.issues[0];
  if (!issue) return invalidRequest('The request is invalid.');
  if (issue.code === 'unrecognized_keys') {
    const field = [...issue.path, issue.keys[0]].join('.');
    return invalidRequest(`Unknown field: ${field}.`, { field, reason: 'unknown field' });
  }
  const field = issue.path.join('.');
  if (field && issue.code !== 'custom' && at(issue.path, input) === undefined) {
    return invalidRequest(`${field} is required, and ${issue.message}.`, { field, reason: 'is required' });
  }
  return invalidRequest(field ? `Invalid value for ${field}: ${issue.message}.` : `${issue.message}.`, {
    ...(field && { field }),
    reason: issue.message,
  });
}

const at = (path: readonly PropertyKey[], input: unknown): unknown =>
  path.reduce((value, name) => (value as Record<PropertyKey, unknown> | null | undefined)?.[name], input);

/** Comments of check and unique constraints ("field: reason"), read once at start: the database words its own refusals. */
export type ConstraintReasons = ReadonlyMap<string, ErrorDetails>;

const unavailable = (cause: unknown): AppError =>
  new AppError(503, 'service_unavailable', 'The service is temporarily unavailable. Try again shortly.', {}, { cause });

/** SQLSTATEs that say what a client did, or that the same request may succeed a moment later. */
const STATES: Record<string, (error: pg.DatabaseError, reasons: ConstraintReasons) => AppError> = {
  '23505': (error, reasons) => {
    const details = reasons.get(error.constraint ?? '') ?? { reason: 'exists already' };
    return new AppError(409, 'conflict', 'This exists already.', details, { cause: error });
  },
  '23503': (error) =>
    new AppError(
      409,
      'conflict',
      'This refers to something that does not exist, or is still referred to.',
      {},
      { cause: error },
    ),
  '23514': (error, reasons) => {
    const details = reasons.get(error.constraint ?? '') ?? { reason: 'refused by the database' };
    const message = details.field ? `Invalid value for ${details.field}: ${details.reason}.` : 'A value is invalid.';
    return new AppError(400, 'invalid_request', message, details, { cause: error });
  },
  '23502': (error) => invalidRequest(`${error.column} is required.`, { field: error.column, reason: 'is required' }),
  '42501': () => forbidden('The API key may not do this.'),
};

/** Class 22: a value of the right JSON type that no column can hold (a NUL character, a date out of range …). */
const isBadValue = (state: string): boolean => state.startsWith('22');
/** Deadlock, serialization, lock and statement timeouts, shutdown, too many connections: worth a second try. */
const isTransient = (state: string): boolean => /^(40|53|57|08|55P03)/.test(state);

/** What an error of the database is to a client; undefined: a defect of ours. */
export function fromDatabase(error: unknown, reasons: ConstraintReasons): AppError | undefined {
  if (error instanceof AppError) return error;
  if (!(error instanceof pg.DatabaseError)) {
    return isConnectionProblem(error) ? unavailable(error) : undefined;
  }
  const state = error.code ?? '';
  if (state.startsWith('PT')) {
    const details = error.detail ? (JSON.parse(error.detail) as ErrorDetails) : {};
    return new AppError(Number(state.slice(2)), error.hint || 'error', error.message, details);
  }
  const known = STATES[state];
  if (known) return known(error, reasons);
  if (isBadValue(state)) return invalidRequest('A value cannot be stored.', { reason: badValueReason(error) });
  if (isTransient(state)) return unavailable(error);
  return undefined;
}

const badValueReason = (error: pg.DatabaseError): string =>
  error.code === '22P05' || error.code === '22021'
    ? 'contains a character that cannot be stored (NUL)'
    : 'is out of range or malformed';

const CONNECTION_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOENT'],
  // its host is down, or its name is known to nobody at the moment
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENOTFOUND', 'EAI_AGAIN'],
]);

function isConnectionProblem(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as NodeJS.ErrnoException).code;
  return (
    (code !== undefined && CONNECTION_CODES.has(code)) ||
    /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout|not queryable/i.test(
      error.message,
    )
  );
}
