import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Storage } from './storage.ts';

const KEY = /^[\w-]+(\/[\w-]+)*$/;

/** Files in a folder. Gateways and workers on several machines need one that they share, or S3. */
export function localStorage(folder: string): Storage {
  const pathOf = (key: string): string => {
    if (!KEY.test(key)) throw new Error(`no storage key: ${key}`);
    return join(folder, key);
  };
  return {
    name: folder,
    async put(key, path) {
      const target = pathOf(key);
      const unfinished = `${target}.${randomUUID()}`;
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      try {
        await copyFile(path, unfinished);
        await flush(unfinished, 'r+');
        await rename(unfinished, target);
        if (process.platform !== 'win32') await flush(dirname(target), 'r');
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    },
    async open(key) {
      const path = pathOf(key);
      const found = await stat(path).catch(missing);
      if (!found?.isFile()) return undefined;
      return {
        size: found.size,
        version: `${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}`,
        read: async (range) => createReadStream(path, range),
      };
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

/** Has it on the disk: what is told to be kept is there after a power cut, too. */
async function flush(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags);
  await handle.sync().finally(() => handle.close());
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
