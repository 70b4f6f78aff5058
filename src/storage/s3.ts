import { openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { S3mini } from 's3mini';
import type { Storage } from './storage.ts';

export interface S3Settings {
  /** of the service, without the bucket */
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

const TIMEOUT_MS = 60_000;

/** Objects in a bucket of any service that speaks S3 (path style). */
export function s3Storage({ endpoint, bucket, ...rest }: S3Settings): Storage {
  const client = new S3mini({
    ...rest,
    endpoint: `${endpoint.replace(/\/+$/, '')}/${bucket}`,
    requestAbortTimeout: TIMEOUT_MS,
  });
  return {
    name: `${endpoint} ${bucket}`,
    async put(key, path, mediaType) {
      await client.putObject(key, await openAsBlob(path), mediaType);
    },
    async open(key) {
      // the first byte tells the size and the version: one request, also for services that answer HEAD differently
      const head = await client.getObjectRaw(key, false, 0, 1).catch(missing);
      if (!head) return undefined;
      await head.body?.cancel();
      const [, size] = /\/(\d+)$/.exec(head.headers.get('content-range') ?? '') ?? [];
      if (!size) return undefined;
      return {
        size: Number(size),
        version: (head.headers.get('etag') ?? '').replaceAll(/[^\w-]/g, ''),
        async read(range) {
          const answer = range
            ? await client.getObjectRaw(key, false, range.start, range.end + 1)
            : await client.getObjectRaw(key, true);
          return Readable.fromWeb(answer.body as ReadableStream);
        },
      };
    },
    async remove(key) {
      await client.deleteObject(key);
    },
  };
}

function missing(error: Error & { status?: number }): undefined {
  if (error.status === 404 || error.status === 416) return undefined;
  throw error;
}
