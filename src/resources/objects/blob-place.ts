import { mkdirSync } from 'node:fs';
import { type FileHandle, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What blobs ask of the file system; tests put one with faults in its place. */
export type FileCalls = Pick<typeof import('node:fs/promises'), 'open' | 'rename' | 'rm' | 'statfs'>;

/** Reads the bytes of a blob one after the other. */
export interface BlobReader {
  /** Fills as much of `buffer` as it can; 0 where the blob ends. */
  read(buffer: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** Where complete blobs lie: the local disk, or another store. */
export interface BlobPlace {
  /** Takes over a complete file, whose bytes are on disk; durable when this resolves. The file may be left when it throws. */
  keep(id: string, file: string): Promise<void>;
  /** A reader of the bytes from `start` to `end`; undefined when there is no such blob. */
  open(id: string, start: number, end: number): Promise<BlobReader | undefined>;
  /** One that is not there is no error. */
  remove(id: string): Promise<void>;
  /** Ids of all there are, some at a time. */
  list(): AsyncIterable<string[]>;
  /** The file of a blob, where that is one. */
  file?(id: string): string;
}

const BATCH = 500;

/** Files `<dir>/ab/<id>`. */
export function localPlace(dir: string, files: FileCalls): BlobPlace & { file(id: string): string } {
  const shards = Array.from({ length: 256 }, (_, shard) => shard.toString(16).padStart(2, '0'));
  for (const shard of shards) mkdirSync(join(dir, shard), { recursive: true, mode: 0o700 });
  const file = (id: string) => join(dir, id.slice(0, 2), id);

  async function syncDirectory(path: string): Promise<void> {
    const directory = await files.open(path, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  return {
    file,
    async keep(id, from) {
      await files.rename(from, file(id));
      await syncDirectory(join(dir, id.slice(0, 2)));
    },
    async open(id, start) {
      let handle: FileHandle;
      try {
        handle = await files.open(file(id), 'r');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
      let at = start;
      return {
        async read(buffer) {
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
          at += bytesRead;
          return bytesRead;
        },
        close: () => handle.close(),
      };
    },
    remove: id => files.rm(file(id), { force: true }),
    async *list() {
      for (const shard of shards) {
        const names = await readdir(join(dir, shard));
        for (let at = 0; at < names.length; at += BATCH) yield names.slice(at, at + BATCH);
      }
    },
  };
}
