import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** run as this user; only root can */
  user?: SystemUser | undefined;
  environment?: Record<string, string>;
  /** values that must never reach a log or an error message */
  secrets?: string[];
  log?: ((line: string) => void) | undefined;
}

export interface Child {
  pid: number;
  exited: Promise<ChildExit>;
  /** settles when the process has exited and everything it wrote was read; gives its last lines */
  lastLines(): Promise<string[]>;
  /** sends `signal`, after `patience` milliseconds `harder`; settles when the process is gone */
  stop(signal: NodeJS.Signals, harder: NodeJS.Signals, patience: number): Promise<void>;
}

const REMEMBERED_LINES = 50;

// Our own environment carries secrets, and PG* variables that would reconfigure the servers.
const PASSED_ON = ['PATH', 'TZ', 'SystemRoot', 'TEMP', 'TMP'];

/** Starts a long-running process, outside the terminal's process group: Ctrl-C is ours to handle, in our order. */
export async function startChild(command: string, args: string[], options: ChildOptions): Promise<Child> {
  const child = spawnAs(command, args, options, true);
  const remembered: string[] = [];
  const read = readLines(child, options, (line) => {
    if (remembered.push(line) > REMEMBERED_LINES) remembered.shift();
    options.log?.(line);
  });
  const exited = new Promise<ChildExit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await once(child, 'spawn'); // rejects with the spawn error

  // An exit without stop(), as after an uncaught exception, should not leave the server behind.
  const endWithUs = () => child.kill('SIGINT');
  process.once('exit', endWithUs);
  exited.then(() => process.removeListener('exit', endWithUs));

  return {
    pid: child.pid as number,
    exited,
    lastLines: async () => {
      await Promise.all([exited, read]);
      return remembered;
    },
    stop: async (signal, harder, patience) => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill(harder), patience);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Runs a command to its end. */
export async function runCommand(
  command: string,
  args: string[],
  options: ChildOptions = {},
): Promise<{ code: number | null; lines: string[] }> {
  const child = spawnAs(command, args, options, false);
  const lines: string[] = [];
  const read = readLines(child, options, (line) => lines.push(line));
  const [code] = (await once(child, 'exit')) as [number | null];
  await read;
  return { code, lines };
}

function spawnAs(command: string, args: string[], options: ChildOptions, detached: boolean): ChildProcess {
  const environment = Object.fromEntries(
    PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return spawn(command, args, {
    cwd: '/', // ours may be closed to the other user
    detached,
    env: { ...environment, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
    ...(options.user && { uid: options.user.uid, gid: options.user.gid }),
  });
}

async function readLines(child: ChildProcess, options: ChildOptions, onLine: (line: string) => void): Promise<void> {
  const secrets = (options.secrets ?? []).filter((secret) => secret !== '');
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const closed = streams.map(async (input) => {
    const reader = createInterface({ input });
    reader.on('line', (line) => onLine(secrets.reduce((text, secret) => text.replaceAll(secret, '***'), line)));
    await once(reader, 'close');
  });
  await Promise.all(closed);
}
