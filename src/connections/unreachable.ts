import type { AttemptError } from '../webhooks/sender.ts';

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
