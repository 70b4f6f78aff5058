import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Names are looked up on libuv's threads, four unless it is told otherwise before the first is used: a receiver with a slow
// name server must not hold up the others.
process.env.UV_THREADPOOL_SIZE ??= '64';

// Halves the time until a command does something. In the project's own folder, as what is kept there is run; where that
// cannot be written, nothing is kept.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'));

const { runProgram } = await import('./cli/program.ts');
await runProgram();
