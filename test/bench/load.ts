import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Load comes from wrk and pgbench, which take little of the two cores that what they measure needs. Both are Debian packages
// (wrk, postgresql-client plus postgresql-contrib); without one, what needs it is left out, and said so.

export const has = (program: string): boolean => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** Runs a program and answers with what it printed; the event loop stays free meanwhile. */
export function output(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.stderr.on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${program} failed: ${text.slice(0, 2000)}`)),
    );
  });
}

const scripts = mkdtempSync(join(tmpdir(), 'trunkline-load-'));
let serial = 0;

function scriptFile(text: string, extension: string): string {
  serial += 1;
  const file = join(scripts, `${serial}.${extension}`);
  writeFileSync(file, text);
  return file;
}

export interface Request {
  method: string;
  path: string;
  /** one is chosen at random for each request */
  tokens: string[];
  headers?: Record<string, string>;
  body?: string;
}

/** Requests a second over 16 connections. Throws when any answer was no success. */
export async function requestsPerSecond(url: string, request: Request, seconds: number): Promise<number> {
  const headers = Object.entries({ ...request.headers, ...(request.body && { 'Content-Type': 'application/json' }) });
  const script = scriptFile(
    `local tokens = {${request.tokens.map((token) => `"Bearer ${token}"`).join(',')}}
     request = function()
       local headers = {${headers.map(([name, value]) => `["${name}"]="${value}"`).join(',')}}
       headers["Authorization"] = tokens[math.random(#tokens)]
       return wrk.format("${request.method}", "${request.path}", headers, ${request.body ? `[[${request.body}]]` : 'nil'})
     end`,
    'lua',
  );
  const text = await output('wrk', ['-t1', '-c16', `-d${seconds}`, '-s', script, url]);
  if (/Non-2xx/.test(text)) throw new Error(`${request.method} ${request.path} was refused: ${text}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
}

/** Transactions a second of a pgbench script over 16 connections. */
export async function transactionsPerSecond(url: string, script: string, seconds: number): Promise<number> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const args = [
    '-n',
    '-M',
    'prepared',
    '-c',
    '16',
    '-j',
    '1',
    '-T',
    String(seconds),
    '-f',
    scriptFile(script, 'sql'),
    '-h',
    hostname,
    '-p',
    port,
  ];
  const text = await output('pgbench', [...args, '-U', username, pathname.slice(1)], {
    PGPASSWORD: decodeURIComponent(password),
  });
  return Number(/tps = ([\d.]+)/.exec(text)?.[1]);
}

/** Alternates between measurements, so that what else the machine does falls on all alike, and takes each one's median. */
export async function alternate<Name extends string>(
  rounds: number,
  measures: Record<Name, () => Promise<number>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(measures) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) results[name].push(await measures[name]());
  }
  return Object.fromEntries(names.map((name) => [name, median(results[name])])) as Record<Name, number>;
}

const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
