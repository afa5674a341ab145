import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import type { FileCalls } from './blob-place.ts';

export const STEPS = [
  'open',
  'write',
  'short write',
  'datasync',
  'close',
  'rename',
  'open directory',
  'sync directory',
] as const;
export type Step = (typeof STEPS)[number] | 'remove' | 'read';

export interface FaultyFiles extends FileCalls {
  /** Steps that fail, with the code of their error. */
  faults: Map<Step, string>;
  /** How often a fault was met. */
  met: number;
}

/** The real file system with faults at chosen steps of writing a blob. */
export function faultyFiles(): FaultyFiles {
  const check = (step: Step) => {
    const code = files.faults.get(step);
    if (code === undefined) return;
    files.met++;
    throw Object.assign(new Error(`${code}: injected at ${step}`), { code });
  };
  const watched = (handle: FileHandle): FileHandle => {
    let halved = false;
    return new Proxy(handle, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (name === 'write') {
            check('write');
            if (files.faults.has('short write')) {
              if (halved) check('short write');
              halved = true;
              const [bytes, offset, length, position] = args as [Buffer, number, number, number];
              return target.write(bytes, offset, Math.ceil(length / 2), position);
            }
          }
          if (name === 'datasync') check('datasync');
          if (name === 'sync') check('sync directory');
          if (name === 'read') check('read');
          const result = await (value as (...given: unknown[]) => Promise<unknown>).apply(target, args);
          if (name === 'close') check('close'); // it is closed, and yet says that something was lost
          return result;
        };
      },
    });
  };
  const files: FaultyFiles = {
    faults: new Map(),
    met: 0,
    statfs,
    async open(path, flags, mode) {
      const directory = /blobs\/..$/.test(String(path));
      if (flags === 'wx') check('open');
      else if (directory) check('open directory');
      return watched(await open(path, flags, mode));
    },
    async rename(from, to) {
      check('rename');
      await rename(from, to);
    },
    async rm(path, options) {
      check('remove');
      await rm(path, options);
    },
  } as FaultyFiles;
  return files;
}
