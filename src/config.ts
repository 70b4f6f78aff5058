import { isIP } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { StartupError } from './startup-error.ts';
import type { S3Settings } from './storage/s3.ts';
import type { StorageSettings } from './storage/storage.ts';

// The only reader of settings in process.env. A bad value is one clear line, and nothing starts.

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of a duration written as 90s, 5m, 2h or 3d. */
function seconds(text: string): number {
  return Number(text.slice(0, -1)) * UNITS[text.slice(-1) as keyof typeof UNITS];
}

const flag = z
  .enum(['', '0', '1', 'false', 'true', 'no', 'yes'], 'must be true or false')
  .transform((value) => ['1', 'true', 'yes'].includes(value));
const whole = (least: number, most: number, message: string) =>
  z.coerce.number(message).int(message).min(least, message).max(most, message);
const port = whole(0, 65_535, 'must be a port number');
const duration = z
  .string()
  .regex(/^\d+[smhd]$/, 'must be a duration such as 30s, 5m, 2h or 5d')
  .transform(seconds);
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
);

const CONNECTION_STRING =
  'must be a PostgreSQL connection string: postgres://user:password@host:port/database (special characters of the password as %XX)';

/** What Express takes: how many proxies stand before us, or who they are. */
const proxies = z.string().transform((text, context) => {
  if (/^\d+$/.test(text)) return Number(text);
  const isProxy = (item: string): boolean =>
    ['loopback', 'linklocal', 'uniquelocal'].includes(item) || isIP(item.replace(/\/\d{1,3}$/, '')) !== 0;
  if (text.split(',').every((item) => isProxy(item.trim()))) return text;
  context.addIssue({
    code: 'custom',
    message: 'must be a number of proxies, or their addresses: 10.0.0.0/8, or loopback, linklocal, uniquelocal',
  });
  return z.NEVER;
});

const environment = z.object({
  PORT: port.default(8080),
  HOST: z.string().min(1).default('127.0.0.1'),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
  DATA_DIR: z.string().min(1).default('.trunkline'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, CONNECTION_STRING)
    .refine((text) => URL.canParse(text), CONNECTION_STRING)
    .optional(),
  POSTGRES_PORT: port.optional(),
  TRUNKLINE_POSTGRES_USER: z.string().min(1).optional(),
  POSTGREST_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
  POSTGREST_JWT_SECRET: z.string().min(32, 'must be at least 32 characters').optional(),
  ENCRYPTION_KEY: z.string().min(1).optional(),
  GATEWAY_PASSWORD: z.string().min(1).optional(),
  WORKER_PASSWORD: z.string().min(1).optional(),
  POSTGREST_PASSWORD: z.string().min(1).optional(),
  DATABASE_POOL_SIZE: whole(1, 1000, 'must be a whole number from 1 to 1000').default(16),
  RATE_LIMIT_STORE: z.enum(['memory', 'postgres'], 'must be memory or postgres').default('memory'),
  TRUST_PROXY: proxies.optional(),
  WEBHOOK_ALLOW_HTTP: flag.default(false),
  WEBHOOK_ALLOW_SUBNETS: list.default([]),
  WEBHOOK_RETRY_SCHEDULE: list
    .pipe(z.array(duration).max(24, 'must be at most 24 durations'))
    .default([60, 300, 1800, 7200]),
  WEBHOOK_DISABLE_AFTER: duration.default(5 * 86_400),
  S3_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional(),
  S3_REGION: z.string().min(1).default('auto'),
  S3_ACCESS_KEY_ID: z.string().min(1).optional(),
  S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
  AI_BASE_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https address' }).optional(),
  AI_MODEL: z
    .string()
    .min(1)
    .max(100, 'must have at most 100 characters')
    .refine((name) => !['rules', 'person'].includes(name), 'is how the other ways to classify are named')
    .optional(),
  AI_API_KEY: z.string().min(1).optional(),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    )
    .default('info'),
});

export interface Config {
  port: number;
  host: string;
  /** how the outside reaches the gateway; ends without a slash; default: http://HOST:PORT */
  publicUrl: string | undefined;
  dataDir: string;
  /** an administrator's connection string; none: the embedded PostgreSQL */
  databaseUrl: string | undefined;
  postgresPort: number | undefined;
  /** as root: the system user that runs a new embedded PostgreSQL */
  postgresSystemUser: string | undefined;
  /** none: the embedded PostgREST */
  postgrestUrl: string | undefined;
  postgrestJwtSecret: string | undefined;
  encryptionKey: string | undefined;
  /** passwords of the login roles; default: derived from the encryption key */
  loginPasswords: { gateway?: string; worker?: string; postgrest?: string };
  databasePoolSize: number;
  rateLimitStore: 'memory' | 'postgres';
  /** Express's trust proxy setting, for the address of who calls */
  trustProxy: string | number | undefined;
  webhooks: {
    allowHttp: boolean;
    allowSubnets: string[];
    /** times of the retries in seconds, counted from the first attempt */
    retrySchedule: number[];
    /** seconds an endpoint may fail before it is disabled */
    disableAfter: number;
  };
  /** where recordings are kept */
  storage: StorageSettings;
  /** an OpenAI-compatible endpoint that classifies calls; none: rules do */
  languageModel: { baseUrl: string; model: string; apiKey: string | undefined } | undefined;
  logLevel: string;
}

/** Reads the configuration. Throws a StartupError that names the variable and what is wrong with it. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== '' && name in environment.shape),
  );
  const result = environment.safeParse(given);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new StartupError(`${String(issue?.path[0])}: ${issue?.message}`);
  }
  const value = result.data;
  if (value.AI_BASE_URL && !value.AI_MODEL) {
    throw new StartupError('AI_MODEL: is required with AI_BASE_URL: the name of the model, as the endpoint knows it');
  }
  return {
    port: value.PORT,
    host: value.HOST,
    publicUrl: value.PUBLIC_URL?.replace(/\/+$/, ''),
    dataDir: value.DATA_DIR,
    databaseUrl: value.DATABASE_URL,
    postgresPort: value.POSTGRES_PORT,
    postgresSystemUser: value.TRUNKLINE_POSTGRES_USER,
    postgrestUrl: value.POSTGREST_URL?.replace(/\/+$/, ''),
    postgrestJwtSecret: value.POSTGREST_JWT_SECRET,
    encryptionKey: value.ENCRYPTION_KEY,
    loginPasswords: {
      gateway: value.GATEWAY_PASSWORD,
      worker: value.WORKER_PASSWORD,
      postgrest: value.POSTGREST_PASSWORD,
    },
    databasePoolSize: value.DATABASE_POOL_SIZE,
    rateLimitStore: value.RATE_LIMIT_STORE,
    trustProxy: value.TRUST_PROXY,
    webhooks: {
      allowHttp: value.WEBHOOK_ALLOW_HTTP,
      allowSubnets: value.WEBHOOK_ALLOW_SUBNETS,
      retrySchedule: value.WEBHOOK_RETRY_SCHEDULE,
      disableAfter: value.WEBHOOK_DISABLE_AFTER,
    },
    storage: { folder: join(value.DATA_DIR, 'storage'), s3: s3Of(value) },
    languageModel:
      value.AI_BASE_URL && value.AI_MODEL
        ? { baseUrl: value.AI_BASE_URL, model: value.AI_MODEL, apiKey: value.AI_API_KEY }
        : undefined,
    logLevel: value.LOG_LEVEL,
  };
}

/** All that S3 needs, or nothing of it. */
function s3Of(value: z.infer<typeof environment>): S3Settings | undefined {
  const given = {
    S3_ENDPOINT: value.S3_ENDPOINT,
    S3_BUCKET: value.S3_BUCKET,
    S3_ACCESS_KEY_ID: value.S3_ACCESS_KEY_ID,
    S3_SECRET_ACCESS_KEY: value.S3_SECRET_ACCESS_KEY,
  };
  const missing = Object.entries(given).find(([, text]) => text === undefined);
  if (Object.values(given).every((text) => text === undefined)) return undefined;
  if (missing) throw new StartupError(`${missing[0]}: is required with the other S3_ settings`);
  return {
    endpoint: given.S3_ENDPOINT as string,
    bucket: given.S3_BUCKET as string,
    region: value.S3_REGION,
    accessKeyId: given.S3_ACCESS_KEY_ID as string,
    secretAccessKey: given.S3_SECRET_ACCESS_KEY as string,
  };
}
