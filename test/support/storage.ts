import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStorage, type Storage } from '../../src/storage/storage.ts';

/** One folder for the gateways and workers of all tests: keys begin with the organization's id, so none meets another's. */
export const testStorage: Storage = createStorage({ folder: join(tmpdir(), 'trunkline-test-storage'), s3: undefined });
