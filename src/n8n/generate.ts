import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './write.ts';

// npm run generate: writes the fields of the n8n nodes.

for (const [path, text] of Object.entries(generatedFiles())) {
  const file = join(import.meta.dirname, '../../n8n-nodes', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
