import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import pino from 'pino';
import { type Config, readConfig } from '../config.ts';
import { createLogger } from '../log.ts';
import { leaf } from './output.ts';

interface Options {
  keep?: boolean;
  json?: boolean;
}

/** trunkline demo */
export function demoCommand(program: Command): void {
  leaf(program, 'demo', 'show the whole loop on an instance of its own, and check every step of it')
    .option('--keep', 'keep the data directory, to look around in it')
    .action(runDemo);
}

async function runDemo(options: Options): Promise<void> {
  const { runParts } = await import('../supervisor/lifecycle.ts');
  const { startInstance } = await import('../supervisor/start.ts');
  const { startReceiver } = await import('./demo/receiver.ts');
  const { tellStory } = await import('./demo/story.ts');
  const { createTeller } = await import('./demo/tell.ts');

  const out = (line: string) => void (options.json || process.stdout.write(`${line}\n`));
  const directory = temporaryDirectory();
  const log = createLogger('error', pino.destination({ dest: 2, sync: true }));
  let result: { ok: boolean; steps: object[]; problem?: string } = { ok: false, steps: [], problem: 'interrupted' };
  await runParts(log, async (run) => {
    out('A whole Trunkline is started, with a database of its own …');
    const receiver = await startReceiver();
    run.started('receiver', () => receiver.close());
    const instance = await startInstance(demoConfig(join(directory, 'data')), run, log);
    const teller = createTeller(out, run.checkpoint);
    try {
      await tellStory(instance, receiver, teller);
      result = { ok: true, steps: teller.told };
    } catch (error) {
      run.checkpoint();
      result = { ok: false, steps: teller.told, problem: (error as Error).message };
    }
  }).finally(() => options.keep || rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));

  out(result.ok ? '\nEverything held.' : `\n  ✗ ${result.problem}`);
  if (options.keep) out(`\nThe data is kept: DATA_DIR=${join(directory, 'data')} npm start`);
  if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  if (!result.ok) process.exitCode = 1;
}

/** Open to the user that runs PostgreSQL when we are root. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'trunkline-demo-'));
  chmodSync(directory, 0o755);
  return directory;
}

/** Nothing of the environment: the demo is the same everywhere, and touches no data of anybody. */
const demoConfig = (dataDir: string): Config =>
  readConfig({
    DATA_DIR: dataDir,
    PORT: '0',
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_SUBNETS: '127.0.0.0/8',
    WEBHOOK_RETRY_SCHEDULE: '1s,3s',
  });
