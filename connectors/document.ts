import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectors } from './registry.ts';

// npm run generate: writes the fields of every connector, and what there is to do on its side, into its README.

/** The table, the empty line below it and the numbered steps. */
const GENERATED = /^\| field \| \| kind \| default \|\n(?:\|.*\n)+(?:\n(?:\d+\. .*\n)+)?/m;

for (const { manifest, configuration } of connectors) {
  const path = join(import.meta.dirname, manifest.vendor, 'README.md');
  const before = readFileSync(path, 'utf8');
  if (!GENERATED.test(before))
    throw new Error(`${path} has no table of fields: write "| field | | kind | default |" where it shall be`);
  writeFileSync(
    path,
    before.replace(GENERATED, () => `${configuration.docs().trimEnd()}\n`),
  );
}
