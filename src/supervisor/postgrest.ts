import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../config.ts';
import {
  type EmbeddedPostgrest,
  type EmbeddedPostgrestOptions,
  startEmbeddedPostgrest,
} from '../embedded/postgrest.ts';
import { httpUrl } from '../gateway/listen.ts';
import type { Logger } from '../log.ts';
import { required } from './settings.ts';

/** What the gateway needs of PostgREST, and how to stop it when it is ours. */
export interface Postgrest {
  url: string;
  jwtSecret: string;
  stop(): Promise<void>;
}

/** PostgREST of the configuration: POSTGREST_URL, or an embedded one under a JWT secret of this start alone. */
export async function openPostgrest(config: Config, databaseUrl: string, log: Logger): Promise<Postgrest> {
  if (config.postgrestUrl !== undefined) {
    const jwtSecret = required(config.postgrestJwtSecret, 'POSTGREST_JWT_SECRET', 'with POSTGREST_URL');
    return { url: config.postgrestUrl, jwtSecret, stop: async () => {} };
  }
  const jwtSecret = randomBytes(32).toString('base64url');
  const running = await keepPostgrestRunning(
    {
      databaseUrl,
      schemas: ['api'],
      anonRole: 'anon',
      // a key that is no longer in force gets no empty answer either
      preRequest: 'app.tenant',
      publicUrl: publicUrl(config),
      jwtSecret,
      pidFile: pidFile(config.dataDir),
      log: (line) => log.debug({ line }, 'postgrest'),
    },
    log,
  );
  return { ...running, jwtSecret };
}

/** How the outside reaches PostgREST; unknown before the gateway listens, when it is to choose its port. */
function publicUrl(config: Config): string | undefined {
  if (config.publicUrl !== undefined) return `${config.publicUrl}/rest/v1`;
  return config.port === 0 ? undefined : `${httpUrl(config.host, config.port)}/rest/v1`;
}

/** Where the process is noted; nowhere when the data directory is not there and cannot be made (DATABASE_URL needs none). */
function pidFile(dataDir: string): string | undefined {
  try {
    mkdirSync(dataDir, { recursive: true });
    return join(dataDir, 'postgrest.json');
  } catch {
    return undefined;
  }
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A run that lasted so long was a good one: the next pause is short again. */
const GOOD_RUN_MS = 60_000;

/** Starts PostgREST, and starts it again on the same port whenever it ends by itself. It holds no state, so that mends it. */
async function keepPostgrestRunning(
  options: EmbeddedPostgrestOptions,
  log: Logger,
): Promise<{ url: string; stop(): Promise<void> }> {
  let current: EmbeddedPostgrest | undefined = await startEmbeddedPostgrest(options);
  const { url } = current;
  const fixed = { ...options, port: Number(new URL(url).port) };
  const stopped = new AbortController();

  async function watch(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (;;) {
      const startedAt = Date.now();
      const exit = await current?.exited;
      if (stopped.signal.aborted) return;
      if (Date.now() - startedAt > GOOD_RUN_MS) pause = FIRST_PAUSE_MS;
      log.error({ exit, pause }, 'PostgREST ended by itself; it is started again');
      await delay(pause, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      current = await startEmbeddedPostgrest(fixed).catch((error: Error) => void log.error(error.message));
    }
  }

  const watching = watch();
  return {
    url,
    async stop() {
      stopped.abort();
      await current?.stop();
      await watching; // it may have been starting one at this very moment
      await current?.stop();
    },
  };
}
