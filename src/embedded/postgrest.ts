import { rmSync } from 'node:fs';
import querystring from 'node:querystring';
import { setTimeout as delay } from 'node:timers/promises';
import { StartupError } from '../startup-error.ts';
import { postgrestBinary } from './binaries.ts';
import { type Child, type ChildExit, startChild } from './child.ts';
import { freePorts } from './ports.ts';
import { endOrphan, recordChild } from './postgrest-orphan.ts';

export interface EmbeddedPostgrest {
  url: string;
  /** settles when the server ends, by stop() or by itself */
  exited: Promise<ChildExit>;
  stop(): Promise<void>;
}

export interface EmbeddedPostgrestOptions {
  /** connection string of the login role that becomes the role in the JWT */
  databaseUrl: string;
  schemas: string[];
  anonRole: string;
  /** function that every request calls first, as its role and with its claims */
  preRequest?: string;
  /** how the outside reaches it, for its own OpenAPI document */
  publicUrl?: string;
  /** at least 32 characters */
  jwtSecret: string;
  /** default: a free one, another at each start */
  port?: number;
  poolSize?: number;
  /** where to note the process, so that a later start ends it if this one cannot */
  pidFile?: string;
  log?: (line: string) => void;
}

const HOST = '127.0.0.1';
const READY_PATIENCE = 30_000;
const STOP_PATIENCE = 5_000;
const POLL = 20;
const PORT_ATTEMPTS = 5;

export async function startEmbeddedPostgrest(options: EmbeddedPostgrestOptions): Promise<EmbeddedPostgrest> {
  const binary = postgrestBinary();
  if (options.pidFile) await endOrphan(options.pidFile);
  for (let attempt = 1; ; attempt++) {
    const [freePort, adminPort] = (await freePorts(2)) as [number, number];
    const port = options.port ?? freePort;
    const child = await spawnPostgrest(binary, options, port, adminPort);
    const failure = await failureOf(child, adminPort);
    if (failure === undefined) return handleOf(child, port, options.pidFile);

    await stopPostgrest(child, options.pidFile);
    const portTaken = /address already in use|resource busy/i.test(failure);
    if (portTaken && attempt < PORT_ATTEMPTS) continue; // it may be the administration port
    throw new StartupError(
      portTaken
        ? `Port ${port}, which the embedded PostgREST should use, is taken by another program: end that program or choose another port.`
        : `The embedded PostgREST did not start: ${failure}`,
    );
  }
}

function handleOf(child: Child, port: number, pidFile: string | undefined): EmbeddedPostgrest {
  return { url: `http://${HOST}:${port}`, exited: child.exited, stop: () => stopPostgrest(child, pidFile) };
}

async function stopPostgrest(child: Child, pidFile: string | undefined): Promise<void> {
  await child.stop('SIGTERM', 'SIGKILL', STOP_PATIENCE);
  if (pidFile) rmSync(pidFile, { force: true });
}

async function spawnPostgrest(
  binary: string,
  options: EmbeddedPostgrestOptions,
  port: number,
  adminPort: number,
): Promise<Child> {
  const { databaseUrl, jwtSecret, pidFile, log } = options;
  const environment = {
    PGRST_DB_URI: databaseUrl,
    PGRST_DB_SCHEMAS: options.schemas.join(','),
    PGRST_DB_ANON_ROLE: options.anonRole,
    ...(options.preRequest && { PGRST_DB_PRE_REQUEST: options.preRequest }),
    ...(options.publicUrl && { PGRST_OPENAPI_SERVER_PROXY_URI: options.publicUrl }),
    PGRST_OPENAPI_SECURITY_ACTIVE: 'true',
    PGRST_DB_POOL: String(options.poolSize ?? 10),
    PGRST_DB_CHANNEL_ENABLED: 'true', // NOTIFY pgrst reloads the schema
    PGRST_JWT_SECRET: jwtSecret,
    PGRST_SERVER_HOST: HOST,
    PGRST_SERVER_PORT: String(port),
    PGRST_ADMIN_SERVER_PORT: String(adminPort),
    PGRST_OPENAPI_MODE: 'follow-privileges',
    PGRST_LOG_LEVEL: 'error',
  };
  const password = URL.parse(databaseUrl)?.password ?? '';
  const secrets = [databaseUrl, password, querystring.unescape(password), jwtSecret];
  try {
    const child = await startChild(binary, [], { environment, secrets, log });
    if (pidFile) recordChild(pidFile, child.pid);
    return child;
  } catch (cause) {
    throw new StartupError(
      `The embedded PostgREST cannot be run (${(cause as Error).message}): set POSTGREST_URL to a PostgREST server of yours.`,
      { cause },
    );
  }
}

/** Waits until the schema is loaded; what it says when it never comes to that. */
async function failureOf(child: Child, adminPort: number): Promise<string | undefined> {
  let exited = false;
  child.exited.then(() => {
    exited = true;
  });
  const deadline = Date.now() + READY_PATIENCE;
  while (!exited && Date.now() < deadline) {
    const response = await fetch(`http://${HOST}:${adminPort}/ready`).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return undefined;
    await delay(POLL);
  }
  if (!exited) await child.stop('SIGTERM', 'SIGKILL', STOP_PATIENCE);
  const lines = await child.lastLines();
  const reason = lines.findLast((line) => line !== '' && !line.endsWith('thread killed')) ?? 'it ended without a word';
  return reason.replace(/^\S+ [+-]\d{4}: /, ''); // the time
}
