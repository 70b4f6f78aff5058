// A worker in a process of its own, so that a test can kill it: the database's address, and what is to be otherwise, as JSON.
import { startWorker } from '../../src/worker/worker.ts';
import { workerOptions } from './fixtures.ts';

const [, , databaseUrl, changes = '{}'] = process.argv;
await startWorker(workerOptions(databaseUrl as string, JSON.parse(changes)));
process.send?.('ready');
