import { startEmbeddedPostgrest } from '../../src/embedded/postgrest.ts';
import { type GatewayOptions, startGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/log.ts';
import { type ContractName, generateApiKey } from '../../src/security/api-key.ts';
import { createEncryption } from '../../src/security/encryption.ts';
import { createAddressGuard } from '../../src/webhooks/address-guard.ts';
import { TEST_ENCRYPTION_KEY, type TestDatabase } from './database.ts';
import { testStorage } from './storage.ts';

/** Signs the JWTs of the PostgREST door; protects nothing but test data. */
const JWT_SECRET = 'a secret of thirty-two characters';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was answered
  body: any;
}

export interface TestGateway {
  url: string;
  /** of the PostgREST behind it */
  postgrestUrl: string;
  /** sends a request; an object as body is sent as JSON */
  request(
    method: string,
    path: string,
    options?: { key?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Reply>;
  stop(): Promise<void>;
}

export interface GatewaySettings extends Partial<GatewayOptions> {
  /** start an embedded PostgREST for /rest/v1 */
  withPostgrest?: boolean;
}

/** A gateway on a free port over a test database; webhooks may go to loopback receivers. */
export async function startTestGateway(db: TestDatabase, settings: GatewaySettings = {}): Promise<TestGateway> {
  const { withPostgrest, ...options } = settings;
  const postgrest = withPostgrest
    ? await startEmbeddedPostgrest({
        databaseUrl: db.loginUrl('postgrest'),
        schemas: ['api'],
        anonRole: 'anon',
        preRequest: 'app.tenant',
        jwtSecret: JWT_SECRET,
        // one more than an organization has places
        poolSize: 5,
      })
    : undefined;
  const postgrestUrl = postgrest?.url ?? 'http://127.0.0.1:9';
  const gateway = await startGateway({
    databaseUrl: db.loginUrl('gateway'),
    databasePoolSize: 4,
    host: '127.0.0.1',
    port: 0,
    encryption: createEncryption(TEST_ENCRYPTION_KEY),
    guard: createAddressGuard({ allowHttp: true, allowSubnets: ['127.0.0.0/8'] }),
    storage: testStorage,
    postgrest: { url: postgrestUrl, jwtSecret: JWT_SECRET },
    rateLimitStore: 'memory',
    log: createLogger('silent'),
    ...options,
  });
  return {
    url: gateway.url,
    postgrestUrl,
    request: (method, path, options) => send(gateway.url, method, path, options),
    stop: async () => {
      await gateway.stop();
      await postgrest?.stop();
    },
  };
}

async function send(
  url: string,
  method: string,
  path: string,
  options: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { key, body, headers } = options;
  const raw = typeof body === 'string' || body === undefined;
  const response = await fetch(`${url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: raw ? (body as string) : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (response.headers.get('content-type') ?? '').includes('json') && text !== '';
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : undefined };
}

export interface NewKey {
  organizationId: string;
  keyId: string;
  key: string;
}

/** An organization of its own. */
export async function createOrganization(
  db: TestDatabase,
  name = 'PuroClean of North Metro Atlanta',
  parent?: string,
): Promise<string> {
  const { rows } = await db.admin.query("select (app.create_organization($1, 'restoration', null, $2)).id", [
    name,
    parent ?? null,
  ]);
  return rows[0].id;
}

/** A key of an organization, written straight into the database. Its rate limit is out of the way unless one is given. */
export async function createKey(
  db: TestDatabase,
  organizationId: string,
  options: {
    contract?: ContractName;
    scopes?: string[];
    environment?: 'live' | 'test';
    reach?: 'organization' | 'workspace';
    limit?: { perMinute: number; burst: number } | null;
  } = {},
): Promise<NewKey> {
  const {
    contract = 'eal',
    scopes = ['read', 'write', 'admin'],
    environment = 'live',
    reach = 'organization',
    limit = { perMinute: 1_000_000, burst: 1_000_000 },
  } = options;
  const made = generateApiKey(contract, environment);
  const { rows } = await db.admin.query(
    `insert into app.api_keys (organization_id, contract, environment, name, key_hash, key_prefix, scopes, rate_per_minute, rate_burst, reach)
     values ($1, $2, $3, 'test', $4, $5, $6, $7, $8, $9) returning id`,
    [
      organizationId,
      contract,
      environment,
      made.hash,
      made.displayPrefix,
      scopes,
      limit?.perMinute ?? null,
      limit?.burst ?? null,
      reach,
    ],
  );
  return { organizationId, keyId: rows[0].id, key: made.key };
}
