import type { NextFunction } from 'express';
import { contractNamed, contractOfPath } from '../contracts/registry.ts';
import { AppError, fromDatabase, invalidRequest, notFound } from '../errors.ts';
import { contractOfKey } from '../security/api-key.ts';
import { loggedPath } from './access-log.ts';
import { presumedKey } from './authenticate.ts';
import type { GatewayResponse, Request } from './locals.ts';

/** What Express and its body parser throw, by their type. */
const FROM_EXPRESS: Record<string, () => AppError> = {
  'entity.too.large': () =>
    new AppError(413, 'payload_too_large', 'The body is larger than 1 MiB.', { reason: 'at most 1 MiB' }),
  'entity.parse.failed': () => invalidRequest('The body is not valid JSON.', { reason: 'is not valid JSON' }),
  'encoding.unsupported': () =>
    new AppError(415, 'unsupported_media_type', 'The content encoding is not supported.', {
      field: 'Content-Encoding',
    }),
  'charset.unsupported': () =>
    new AppError(415, 'unsupported_media_type', 'The body must be UTF-8.', { field: 'Content-Type' }),
  'request.aborted': () => invalidRequest('The request was cut off.'),
};

function asAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  if (type && FROM_EXPRESS[type]) return FROM_EXPRESS[type]();
  if (error instanceof URIError) return invalidRequest('The path is not valid percent-encoding.');
  if (status && status >= 400 && status < 500) return invalidRequest('The request is malformed.');
  return undefined;
}

/** An error in the shape of the PostgREST door: PostgREST's own. */
const postgrestShape = (error: AppError): object => ({
  code: error.code,
  message: error.message,
  details: error.details.reason ?? null,
  hint: error.details.field ?? null,
});

/** The body of an error, as the contract of the request's path and key prints it. */
export function errorBody(req: Request, res: GatewayResponse, error: AppError): object {
  if (req.path.startsWith('/rest/v1')) return postgrestShape(error);
  // at a path that no contract has (a misspelt version, say), the key still tells whose client asks
  const named = contractOfKey(presumedKey(req) ?? '');
  const contract = res.locals.contract ?? (named && contractNamed(named)) ?? contractOfPath(req.path);
  return contract?.errorBody(error) ?? { error: { code: error.code, message: error.message, details: error.details } };
}

export function unknownPath(_req: Request, _res: GatewayResponse): void {
  throw notFound('There is nothing at this path.');
}

/** The last stop of whatever went wrong: the contract's shape for what the client did, a plain 500 for what we did. */
export function errorHandler(error: unknown, req: Request, res: GatewayResponse, _next: NextFunction): void {
  const known = asAppError(error) ?? fromDatabase(error, new Map());
  if (!known || known.status >= 500) {
    res.locals.log.error(
      { err: error, requestId: res.locals.requestId, method: req.method, path: loggedPath(req) },
      'request failed',
    );
  }
  const shown = known ?? new AppError(500, 'internal_error', 'Something went wrong on our side.');
  if (res.headersSent) {
    res.destroy();
    return;
  }
  // a hook's 401 is about a signature, which no header asks for
  if (shown.status === 401 && !req.path.startsWith('/hooks/')) res.setHeader('WWW-Authenticate', 'Bearer');
  if (shown.status === 503 && !res.hasHeader('Retry-After')) res.setHeader('Retry-After', '5');
  // a body that was not read to its end must not be taken for the next request
  if (shown.status === 413) res.setHeader('Connection', 'close');
  const body = JSON.stringify(errorBody(req, res, shown));
  res.statusCode = shown.status;
  res.removeHeader('ETag');
  res.removeHeader('Content-Disposition');
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.end(req.method === 'HEAD' ? undefined : body);
}
