import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { processesIn, signalUnlessGone } from '../../src/embedded/process-info.ts';
import { until } from './until.ts';

/** Ends a child process, which may have ended already, and waits until it has. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** Kills whatever works in a directory. What starts or ends meanwhile, as the backends of a server do, is no hindrance. */
export async function endProcessesIn(directory: string): Promise<void> {
  const ended = (): boolean => {
    const left = processesIn(directory);
    for (const pid of left) signalUnlessGone(pid, 'SIGKILL');
    return left.length === 0;
  };
  await until(ended, `the end of what works in ${directory}`);
}
