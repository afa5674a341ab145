import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** With the folders where tools of the system lie, and messages in English. */
const ENV = { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };

export interface MountPoint {
  /** Where it is mounted. */
  at: string;
  /** What is mounted, such as `/dev/loop3`. */
  source: string;
  /** What is mounted below it later is seen by others too. */
  shared: boolean;
}

/** What this process sees mounted at a directory and below it, in the order of mounting. */
export async function mountsBelow(dir: string): Promise<MountPoint[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  // Fields: id, parent, device, root, mount point, options, optional fields … - type, source, options (proc(5)).
  return text
    .split('\n')
    .map(line => {
      const [before = '', after = ''] = line.split(' - ');
      const fields = before.split(' ');
      return {
        at: unescaped(fields[4] ?? ''),
        source: after.split(' ')[1] ?? '',
        shared: fields.slice(6).some(field => field.startsWith('shared:')),
      };
    })
    .filter(({ at }) => at === dir || at.startsWith(dir === '/' ? dir : `${dir}/`));
}

/** What is mounted at exactly this directory, topmost; undefined when nothing is. */
export async function mountedAt(dir: string): Promise<MountPoint | undefined> {
  return (await mountsBelow(dir)).findLast(({ at }) => at === dir);
}

/** Runs a program of the system. Throws with its own words. */
export async function systemProgram(name: string, args: string[]): Promise<string> {
  try {
    return (await run(name, args, { env: ENV })).stdout;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    throw new Error(`${name}: ${stderr.trim() || (error as Error).message}`, { cause: error });
  }
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
