import { startGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/log.ts';
import { createEncryption, generateEncryptionKey } from '../../src/security/encryption.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { testStorage } from '../support/storage.ts';

// A gateway in a process of its own, so that its memory is its own. Tells its address, and its peak memory whenever asked.

const gateway = await startGateway({
  databaseUrl: process.argv[2] as string,
  databasePoolSize: 4,
  host: '127.0.0.1',
  port: 0,
  encryption: createEncryption(generateEncryptionKey()),
  guard: createAddressGuard({ allowHttp: false, allowSubnets: [] }),
  storage: testStorage,
  postgrest: { url: 'http://127.0.0.1:9', jwtSecret: 'a secret of thirty-two characters' },
  rateLimitStore: 'memory',
  log: createLogger('silent'),
});
process.on('message', () => process.send?.({ peakKiB: process.resourceUsage().maxRSS }));
process.on('disconnect', () => void gateway.stop());
process.send?.({ url: gateway.url });
