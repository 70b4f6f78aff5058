import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** `docker compose`, or the older `docker-compose`, whichever is there. */
function composeCommand(): [string, string[]] {
  const plugin = spawnSync('docker', ['compose', 'version'], { stdio: 'ignore' });
  return plugin.status === 0 ? ['docker', ['compose']] : ['docker-compose', []];
}

export interface Stack {
  url: string;
  /** runs docker compose with the stack's project and secrets; returns what it printed on stdout */
  compose(...args: string[]): string;
  docker(...args: string[]): string;
  /** container of a service */
  container(service: string): string;
  secrets: Record<string, string>;
}

/** The environment that .env.example describes, with secrets of its own, under a project name of its own. */
export function createStack(port: number): Stack {
  const secret = (): string => randomBytes(24).toString('hex');
  const secrets = {
    POSTGRES_PASSWORD: secret(),
    GATEWAY_PASSWORD: secret(),
    WORKER_PASSWORD: secret(),
    POSTGREST_PASSWORD: secret(),
    POSTGREST_JWT_SECRET: randomBytes(32).toString('hex'),
    ENCRYPTION_KEY: randomBytes(32).toString('hex'),
  };
  const project = `trunkline-test-${randomBytes(3).toString('hex')}`;
  const env = {
    ...process.env,
    ...secrets,
    TRUNKLINE_IMAGE: 'trunkline:test',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOW_SUBNETS: '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16',
  };
  const [program, leading] = composeCommand();
  const run = (command: string, args: string[]): string =>
    execFileSync(command, args, {
      cwd: ROOT,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 1024 * 1024,
    });
  const compose = (...args: string[]): string => run(program, [...leading, '-p', project, ...args]);
  return {
    url: `http://127.0.0.1:${port}`,
    compose,
    docker: (...args) => run('docker', args),
    container: (service) => compose('ps', '-q', service).trim(),
    secrets,
  };
}

/** Builds the image from the Dockerfile. BUILD_ARGS adds what a closed network needs, e.g. "--network host". */
export function buildImage(stack: Stack): void {
  const more = (process.env.DOCKER_BUILD_ARGS ?? '').split(' ').filter(Boolean);
  stack.docker('build', ...more, '-t', 'trunkline:test', '.');
}
