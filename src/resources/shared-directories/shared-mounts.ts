import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../kernel/failure.ts';
import { mountedAt, mountsBelow, systemProgram } from '../../kernel/mounts.ts';
import { canChown, WORKLOAD_OWNER } from '../workload-access/index.ts';
import {
  isOpenTo,
  parseShared,
  type SharedDirectory,
  type SharedField,
  type SharedPlace,
  shownPlace,
} from './shared-directory.ts';

export interface SharedDirectories {
  /**
   * The place that a request of an account names, after a look whether it is there. Throws Failure with the field's codes.
   */
  resolve(
    account: string,
    text: string,
    field: SharedField,
    asked?: { id?: string | undefined; readOnly?: boolean | undefined },
  ): Promise<SharedPlace>;
  /**
   * Makes a place ready to be mounted into a container, and returns where it lies on the host. `holder`: names who uses it; `index`: which of
   * its places it is. May be repeated. Throws Failure of status 400 where it is not to be used any more.
   */
  attach(holder: string, index: number, place: SharedPlace): Promise<string>;
  /** Lets go of all places of a holder; what is in them stays. May be repeated. */
  release(holder: string): Promise<void>;
  /** Everybody who may hold places, with this beginning of the name. */
  holders(prefix: string): Promise<string[]>;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const HOLDER = /^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/;

/**
 * Shared directories. Those who may write in one may also put links there, at any moment, so a path below it is walked step by step without
 * following any, and what was reached is mounted by its handle at a place of ours below `dir`: no container is given a path that somebody
 * could change meanwhile.
 */
export function createSharedDirectories(dir: string, directories: readonly SharedDirectory[]): SharedDirectories {
  const holderDir = (holder: string) => {
    if (!HOLDER.test(holder)) throw new Error(`"${holder}" is no name of a holder`);
    return join(dir, holder);
  };

  /** The directory of a place, open; whoever asks closes it. */
  async function reach(place: SharedPlace, says: (what: string) => Failure): Promise<FileHandle> {
    const directory = directories.find(each => each.name === place.name);
    if (!directory || !isOpenTo(directory, place.account)) {
      throw says(`the shared directory ${place.name} is not given to the account any more.`);
    }
    let at = await open(directory.path, DIRECTORY).catch(error => {
      if (!isFileError(error)) throw error;
      throw says(`the shared directory ${place.name} is not there on this machine; tell whoever runs the platform.`);
    });
    try {
      if (place.path === '') await giveWhenEmpty(at, directory);
      for (const step of place.path === '' ? [] : place.path.split('/')) {
        const next = await open(`/proc/self/fd/${at.fd}/${step}`, DIRECTORY | constants.O_NOFOLLOW).catch(error => {
          if (!isFileError(error)) throw error;
          throw says(
            error.code === 'ENOENT'
              ? `${shownPlace(place)} is not there: make the directory first.`
              : `${shownPlace(place)} is no directory: neither files nor links can be mounted.`,
          );
        });
        await at.close();
        at = next;
      }
      if (!(directory.readOnly || place.readOnly) && !(await isWritable(at))) {
        throw says(
          `${shownPlace(place)} cannot be written by containers, which work as user ${WORKLOAD_OWNER.uid} and group ${WORKLOAD_OWNER.gid}. Ask for it read-only, or have its owner changed on the host.`,
        );
      }
      return at;
    } catch (error) {
      await at.close();
      throw error;
    }
  }

  return {
    async resolve(account, text, field, asked) {
      const place = parseShared(directories, account, text, field, asked);
      const says = (what: string) =>
        new Failure({ code: field.codes.path, status: 400, message: `${field.prefix} [${field.name}]: ${what}` });
      const handle = await reach(place, says);
      await handle.close();
      if (place.path !== '' && !canChown) throw says(onlyWhole(place));
      return place;
    },

    async attach(holder, index, place) {
      const says = (message: string) => new Failure({ code: 'ModelArts.6318', status: 400, message });
      const handle = await reach(place, text => says(`Shared storage cannot be mounted: ${text}`));
      try {
        if (!canChown) {
          if (place.path !== '') throw says(onlyWhole(place));
          return directories.find(each => each.name === place.name)!.path;
        }
        const target = join(holderDir(holder), String(index));
        await mkdir(target, { recursive: true, mode: 0o700 });
        const wanted = await handle.stat();
        const present = await stat(target);
        if (await mountedAt(target)) {
          if (present.dev === wanted.dev && present.ino === wanted.ino) return target;
          await systemProgram('umount', ['-l', target]);
        }
        const options = `bind,nosuid,nodev${place.readOnly ? ',ro' : ''}`;
        await systemProgram('mount', ['-c', '-o', options, `/proc/${process.pid}/fd/${handle.fd}`, target]);
        return target;
      } finally {
        await handle.close();
      }
    },

    release: holder => releaseBelow(holderDir(holder)),
    holders: async prefix => (await readdir(dir).catch(() => [])).filter(name => name.startsWith(prefix)),
  };
}

/** Lets go of everything that is mounted below `dir`; for the end of an installation. What is shared stays. */
export async function closeSharedMounts(dir: string): Promise<void> {
  for (const holder of await readdir(dir).catch(() => [])) await releaseBelow(join(dir, holder));
}

/** Never deletes anything but empty directories: what is shared could still be mounted below. */
async function releaseBelow(dir: string): Promise<void> {
  // The container may hold it a while longer, which does not matter.
  for (const { at } of (await mountsBelow(dir)).reverse()) await systemProgram('umount', ['-l', at]);
  for (const name of await readdir(dir).catch(() => [])) await rmdir(join(dir, name));
  await rmdir(dir).catch(error => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function onlyWhole(place: SharedPlace): string {
  return `a platform that does not run as root mounts shared directories as a whole: ${place.name}:/.`;
}

/** A new directory that nobody has used yet becomes that of the containers' user, so that the operator need not know of that. */
async function giveWhenEmpty(at: FileHandle, directory: SharedDirectory): Promise<void> {
  if (directory.readOnly || !canChown || (await isWritable(at))) return;
  if ((await readdir(`/proc/self/fd/${at.fd}`)).length === 0) await at.chown(WORKLOAD_OWNER.uid, WORKLOAD_OWNER.gid);
}

async function isWritable(at: FileHandle): Promise<boolean> {
  const { uid, gid, mode } = await at.stat();
  const bits = uid === WORKLOAD_OWNER.uid ? mode >> 6 : gid === WORKLOAD_OWNER.gid ? mode >> 3 : mode;
  return (bits & 0o3) === 0o3;
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
