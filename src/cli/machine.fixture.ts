import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createWorld, REGION, type World } from '../../test/world.ts';
import type { Profile } from '../client/session.ts';

interface Run {
  code: number;
  out: string;
  err: string;
}

/** A machine without an installation, on which the root user of a platform elsewhere is logged in as profile `root`. */
export interface Machine {
  world: World;
  dir: string;
  /** A file in the directory in which everything runs. */
  write(name: string, content: string | object): void;
  /** `atelier` with these words. */
  atelier(words: string[], env?: Record<string, string>, input?: string): Promise<Run>;
  /** The same, to be killed. */
  start(words: string[]): ChildProcess;
  /** The same as root, which must succeed; what it printed. Words are separated by blanks in the first argument alone. */
  done(words: string, ...more: string[]): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of all shapes
  json(words: string, ...more: string[]): Promise<any>;
  /** Logs somebody in with a password; the profile gets the user's name. */
  login(user: string, password: string, account?: string): Promise<void>;
  remove(): Promise<void>;
}

export async function createMachine(): Promise<Machine> {
  const world = await createWorld();
  const dir = mkdtempSync(join(tmpdir(), 'atelier-iam-cli-'));
  const { root } = world;
  const profile: Profile = {
    endpoints: { api: world.api, obs: world.obs, inference: world.api },
    region: REGION,
    projectId: root.projectId,
    account: root.account,
    user: root.account,
    password: root.password,
  };
  const write = (name: string, content: string | object) =>
    writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  mkdirSync(join(dir, 'config/atelier'), { recursive: true });
  write('config/atelier/profiles.json', { current: 'root', profiles: { root: profile } });

  const main = new URL('./main.ts', import.meta.url).pathname;
  // What was compiled for one command is there for the next.
  const cache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(dir, 'compiled') };
  const home = { HOME: dir, XDG_CONFIG_HOME: join(dir, 'config'), ATELIER_HOME: '', ...cache };

  function atelier(words: string[], env: Record<string, string> = {}, input = ''): Promise<Run> {
    return new Promise(resolve => {
      const child = execFile(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', main, ...words],
        { cwd: dir, env: { PATH: process.env.PATH, ...home, ...env } },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
      );
      child.stdin?.on('error', () => {}); // it may have ended without reading
      child.stdin?.end(input);
    });
  }

  async function done(words: string, ...more: string[]): Promise<string> {
    const { code, out, err } = await atelier(['--profile', 'root', ...words.split(' '), ...more]);
    assert.equal(code, 0, `${words}: ${out}${err}`);
    return out;
  }

  return {
    world,
    dir,
    write,
    atelier,
    start: words =>
      spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
        cwd: dir,
        env: { PATH: process.env.PATH, ...home },
        stdio: 'ignore',
      }),
    done,
    json: async (words, ...more) => JSON.parse(await done(`--output json ${words}`, ...more)),
    async login(user, password, account = root.account) {
      const words = [
        'login',
        '--api',
        world.api,
        '--account',
        account,
        '--user',
        user,
        '--region',
        REGION,
        '--name',
        user,
      ];
      const { code, err } = await atelier(words, { ATELIER_PASSWORD: password });
      assert.equal(code, 0, err);
    },
    async remove() {
      await world.remove();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
