import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { processesIn, signalUnlessGone } from '../../src/embedded/process-info.ts';
import { endChild } from '../support/processes.ts';

test('a process that is gone already is signalled without an error', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const pid = child.pid as number;
  signalUnlessGone(pid, 'SIGCONT');
  expect(child.exitCode).toBeNull();
  await endChild(child);
  expect(() => process.kill(pid, 'SIGCONT')).toThrow('ESRCH');
  signalUnlessGone(pid, 'SIGCONT');
});

test('what works in a directory is found there as long as it runs', {
  skip: process.platform !== 'linux',
}, async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore', cwd: '/usr' });
  expect(processesIn('/usr')).toContain(child.pid);
  await endChild(child);
  expect(processesIn('/usr')).not.toContain(child.pid);
});
