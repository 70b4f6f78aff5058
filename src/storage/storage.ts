import type { Readable } from 'node:stream';
import { localStorage } from './local.ts';
import { type S3Settings, s3Storage } from './s3.ts';

// Where files are kept: recordings today. A key is a path of letters, digits, - and / that the core chose.

export interface StoredFile {
  /** of the whole file, in bytes */
  size: number;
  /** changes whenever the file does; without quotes */
  version: string;
  /** the bytes asked for */
  read(range?: { start: number; end: number }): Promise<Readable>;
}

export interface Storage {
  /** for the log */
  readonly name: string;
  /** Keeps a local file under a key, instead of what was there: whoever reads sees the one or the other, never half of one. */
  put(key: string, path: string, mediaType: string): Promise<void>;
  /** What is there; undefined when nothing is. */
  open(key: string): Promise<StoredFile | undefined>;
  /** Removes it; nothing there is no error. */
  remove(key: string): Promise<void>;
}

export interface StorageSettings {
  /** folder for files, when no S3 is configured */
  folder: string;
  s3: S3Settings | undefined;
}

export const createStorage = ({ folder, s3 }: StorageSettings): Storage => (s3 ? s3Storage(s3) : localStorage(folder));
