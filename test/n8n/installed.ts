import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

// A real n8n, installed once into a cache outside of the repository: 2.8 GB that take minutes. And our package, packed as npm would
// publish it and unpacked where n8n puts community nodes.

/** The n8n that everything is tried with. */
const N8N_VERSION = '2.40.7';
/** A dependency of it asks for a version that does not install. */
const OVERRIDES = { linkedom: '0.18.12' };

export const PACKAGE: string = join(import.meta.dirname, '../../n8n-nodes');
const nodeFirst = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

const npm = (args: string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, env: nodeFirst, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** The command line of n8n, which is installed first when the cache has it not. */
export function installedN8n(): string {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trunkline-n8n');
  const place = join(cache, N8N_VERSION);
  const command = join('node_modules', 'n8n', 'bin', 'n8n');
  if (!existsSync(join(place, command))) {
    mkdirSync(cache, { recursive: true });
    // elsewhere, so that an installation that was cut short is never taken for one
    const partial = mkdtempSync(join(cache, 'partial-'));
    writeFileSync(
      join(partial, 'package.json'),
      JSON.stringify({ private: true, dependencies: { n8n: N8N_VERSION }, overrides: OVERRIDES }),
    );
    console.log(`Installing n8n ${N8N_VERSION} into ${place}; this takes minutes, once.`);
    npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], partial);
    rmSync(place, { recursive: true, force: true, maxRetries: 10 });
    renameSync(partial, place);
  }
  return join(place, command);
}

/** Builds and packs our package; the path of the tarball. */
export function packedNodes(directory: string): string {
  if (!existsSync(join(PACKAGE, 'node_modules', '.package-lock.json'))) {
    // not ci, which asks for the builds of a linter's part for every system there is, whether or not this one can use them
    npm(['install', '--no-save', '--ignore-scripts', '--no-progress', '--loglevel=error'], PACKAGE);
  }
  npm(['run', 'build', '--silent'], PACKAGE);
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--silent', '--pack-destination', directory], PACKAGE));
  return join(directory, filename);
}

/** Unpacks the tarball where n8n looks for community nodes, under its real name; the path. */
export function unpackInto(tarball: string, userFolder: string): string {
  const { name } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const place = join(userFolder, '.n8n', 'nodes', 'node_modules', name);
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', place, '--strip-components=1']);
  return place;
}
