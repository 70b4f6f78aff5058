import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

export interface ProcessInfo {
  /** file name of the program, without .exe */
  program: string;
  /** everything below is unknown where the platform does not tell */
  commandLine?: string;
  parentPid?: number;
  workingDirectory?: string;
}

/** What a process id stands for now; undefined when no such process runs (a zombie does not run). */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    if (process.platform === 'linux') return fromProc(pid);
    return process.platform === 'win32' ? fromTasklist(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

/** Processes whose working directory is `directory`: for PostgreSQL, everything that belongs to one cluster. */
export function processesIn(directory: string): number[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => workingDirectory(pid) === directory && processInfo(pid));
}

/** Sends a signal to a process that may end by itself at the same moment, which is as good. */
export function signalUnlessGone(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function fromProc(pid: number): ProcessInfo | undefined {
  const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  if (commandLine === '') return undefined; // zombie or kernel thread
  const program = basename(commandLine.split(' ', 1)[0] as string).replace(/:$/, '');
  // pid (program) state ppid …: the program's name may hold spaces and parentheses
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { program, commandLine, parentPid: Number(parent), workingDirectory: workingDirectory(pid) };
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // gone, or not ours to look at
  }
}

function fromPs(pid: number): ProcessInfo | undefined {
  const run = (column: string) => execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' });
  if (run('state').startsWith('Z')) return undefined;
  return {
    program: basename(run('comm').trim()),
    commandLine: run('command').trim(),
    parentPid: Number(run('ppid')),
  };
}

function fromTasklist(pid: number): ProcessInfo | undefined {
  const row = execFileSync('tasklist', ['/NH', '/FO', 'CSV', '/FI', `PID eq ${pid}`], { encoding: 'utf8' });
  const image = /^"([^"]+)"/m.exec(row)?.[1];
  return image === undefined ? undefined : { program: image.replace(/\.exe$/i, '') };
}
