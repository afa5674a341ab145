import { resolve } from 'node:path';
import type { SharedDirectory } from '../resources/shared-directories/index.ts';

export const SHARED_DIRS_FORM =
  'directories separated by commas, each as name=/path, where needed with @ and its accounts (joined by +, or * for all; the first account when absent) and :ro to be read only, such as team=/srv/team,data=/srv/data@acme+physics:ro; a path holds letters, digits and ./_- alone, and is no directory of the system or the platform';

/** Directories that no container shall see, nor anything below them. */
const KEPT = ['/bin', '/boot', '/dev', '/etc', '/lib', '/lib64', '/proc', '/root', '/run', '/sbin', '/sys', '/usr'];

/**
 * The shared directories that a text declares; undefined where it has not the form, names one twice, or reaches into the system's directories
 * or `own`, those of the platform. `account`: the first one, which has what is given to no other by name.
 */
export function readSharedDirectories(
  text: string,
  account: string,
  own: readonly string[],
): SharedDirectory[] | undefined {
  const found: SharedDirectory[] = [];
  for (const part of text.split(',')) {
    const match = /^([a-z0-9][a-z0-9._-]{0,62})=(\/[A-Za-z0-9._/-]{1,255}?)(?:@([A-Za-z*][\w+*-]{0,511}))?(:ro)?$/.exec(
      part.trim(),
    );
    if (!match) return undefined;
    const [, name = '', written = '', accounts, readOnly] = match;
    const path = resolve(written);
    const names = accounts?.split('+') ?? [account];
    if (names.some(each => each !== '*' && !/^[A-Za-z][\w-]{0,63}$/.test(each))) return undefined;
    if (path === '/' || KEPT.some(kept => within(path, kept))) return undefined;
    if (own.some(dir => within(path, dir) || within(dir, path))) return undefined;
    if (found.some(other => other.name === name)) return undefined;
    found.push({ name, path, accounts: names, readOnly: readOnly !== undefined });
  }
  return found;
}

function within(path: string, dir: string): boolean {
  return path === dir || path.startsWith(`${dir}/`);
}
