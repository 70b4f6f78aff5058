import { ConnectorFailure, type FailureKind } from '../../connectors/failure.ts';
import type { Outbound } from './http-client.ts';
import { connectorIo } from './io.ts';
import type { OpenedConnection } from './opened.ts';

/** What came of trying a configuration out on its service. No message holds a credential. */
export type TryOut =
  | { ok: true; message: string }
  | {
      ok: false;
      message: string;
      kind: FailureKind;
      /** HTTP status of the service's answer, if one came */
      status?: number;
      /** seconds that the service asked to wait */
      retry_after?: number;
    };

/** Runs the connector's test, which it must have; it may take as long as one answer of the service may. */
export async function tryOut(
  { connector, config, secrets }: OpenedConnection,
  outbound: Outbound,
  timeoutMs = 10_000,
): Promise<TryOut> {
  if (!connector.test) throw new Error(`${connector.manifest.vendor} has no test`);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new ConnectorFailure('unavailable', `The service did not answer within ${timeoutMs / 1000} s.`));
  }, timeoutMs);
  try {
    return { ok: true, message: await Promise.race([connector.test(config, connectorIo(outbound, secrets)), late]) };
  } catch (failure) {
    if (!(failure instanceof ConnectorFailure)) throw failure;
    const { kind, message, status, retryAfter } = failure;
    return {
      ok: false,
      message,
      kind,
      ...(status !== undefined && { status }),
      ...(retryAfter !== undefined && { retry_after: retryAfter }),
    };
  } finally {
    clearTimeout(timer);
  }
}
