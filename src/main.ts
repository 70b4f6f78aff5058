import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Halves the time until a command does something. In the project's own folder, as what is kept there is run; where that
// cannot be written, nothing is kept.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'));

const { runProgram } = await import('./cli/program.ts');
await runProgram();
