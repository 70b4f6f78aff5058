import type { Command } from 'commander';
import pino from 'pino';
import { readConfig } from '../config.ts';
import { createLogger, type Logger } from '../log.ts';
import { leaf, print } from './output.ts';

// What runs until it is told to end. The modules of the servers are loaded only when one is started, so that the other
// commands are quick.

/** Logs go to stderr, so that stdout holds what a person, or a machine, asked for. */
const logger = (level: string): Logger => createLogger(level, pino.destination({ dest: 2, sync: true }));

/** trunkline start | gateway | worker | migrate */
export function processCommands(program: Command): void {
  leaf(program, 'start', 'run everything: PostgreSQL, PostgREST, gateway, worker').action(
    async (options: { json?: boolean }) => {
      const { startInstance } = await import('../supervisor/start.ts');
      const { banner } = await import('./banner.ts');
      await untilStopped(async (run, config, log) => {
        const instance = await startInstance(config, run, log);
        print(
          options,
          { url: instance.url, docs: `${instance.url}/docs`, first_key: instance.firstKey ?? null },
          banner(instance),
        );
      });
    },
  );

  leaf(program, 'gateway', 'run a gateway alone').action(async (options: { json?: boolean }) => {
    const { startGatewayAlone } = await import('../supervisor/apart.ts');
    await untilStopped(async (run, config, log) => {
      const url = await startGatewayAlone(config, run, log);
      print(options, { url }, `The gateway listens on ${url}`);
    });
  });

  leaf(program, 'worker', 'run a worker alone; /livez, /readyz and /metrics on HOST:PORT').action(
    async (options: { json?: boolean }) => {
      const { startWorkerAlone } = await import('../supervisor/apart.ts');
      await untilStopped(async (run, config, log) => {
        const url = await startWorkerAlone(config, run, log);
        print(options, { url }, `The worker runs; its probes are on ${url}`);
      });
    },
  );

  leaf(program, 'migrate', 'apply sql/ and set the passwords of the login roles').action(
    async (options: { json?: boolean }) => {
      const { migrateDatabase } = await import('../supervisor/migrate.ts');
      const result = await migrateDatabase(readConfig());
      print(options, result, result.applied ? 'The core was applied.' : 'The database is up to date.');
    },
  );
}

async function untilStopped(
  work: (
    run: import('../supervisor/lifecycle.ts').Run,
    config: import('../config.ts').Config,
    log: Logger,
  ) => Promise<void>,
): Promise<void> {
  const { runParts } = await import('../supervisor/lifecycle.ts');
  const config = readConfig();
  const log = logger(config.logLevel);
  process.exitCode = await runParts(log, async (run) => {
    await work(run, config, log);
    await run.untilStopped();
  });
}
