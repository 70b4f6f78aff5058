import { ConnectorFailure } from '../../connectors/failure.ts';
import { type AttemptError, errorCode } from '../webhooks/sender.ts';

/** Why a service could not be asked, in words. */
export const REASONS: Record<AttemptError, string> = {
  timeout: 'did not answer in time',
  connection_refused: 'refuses connections',
  forbidden_address: 'is at an address that may not be called',
  dns_failure: 'could not be found (DNS)',
  tls_failure: 'has no valid certificate',
  connection_reset: 'ended the connection',
  network_error: 'could not be reached',
};

/**
 * What became of a request that has no answer.
 * @param timeoutMs how long it was given, when that is what ended it
 * @param begun whether the service may know of it
 */
export function unreachable(
  error: Error,
  host: string,
  timeoutMs: number | undefined,
  begun = false,
): ConnectorFailure {
  if (timeoutMs !== undefined)
    return new ConnectorFailure('unavailable', `${host} did not answer within ${timeoutMs / 1000} s.`, {
      uncertain: begun,
    });
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error;
  if ((first as NodeJS.ErrnoException).code === 'UND_ERR_INVALID_ARG') {
    return new ConnectorFailure('refused', 'A credential holds characters that cannot be sent to the service.');
  }
  const code = errorCode(first as NodeJS.ErrnoException);
  return new ConnectorFailure(code === 'forbidden_address' ? 'refused' : 'unavailable', `${host} ${REASONS[code]}.`, {
    uncertain: begun,
  });
}
