// A worker in a process of its own, so that a test can kill it.
import { startWorker } from '../../src/worker/worker.ts';
import { workerOptions } from './fixtures.ts';

await startWorker(workerOptions(process.argv[2] as string));
process.send?.('ready');
