import type { ConnectorIo } from '../../connectors/connector.ts';
import type { Outbound } from './http-client.ts';

/** All that a connector reaches the world by, with these credentials cut out of whatever is said. */
export const connectorIo = (outbound: Outbound, secrets: readonly string[]): ConnectorIo => ({
  http: outbound.client(secrets),
  mail: outbound.mail(secrets),
});
