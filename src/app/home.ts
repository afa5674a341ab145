import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Failure } from '../kernel/failure.ts';

/** The places below ATELIER_HOME. */
export interface HomePaths {
  root: string;
  database: string;
  lock: string;
  serverFile: string;
  credentials: string;
  secrets: string;
  installation: string;
  objects: string;
  jobs: string;
  models: string;
  services: string;
  notebooks: string;
  /** Where shared directories are mounted for who uses them. */
  shared: string;
  gateway: string;
  engine: string;
  logs: string;
  work: string;
}

/** Names every place; touches nothing. */
export function homePaths(root: string): HomePaths {
  return {
    root,
    database: join(root, 'atelier.db'),
    lock: join(root, 'lock.db'),
    serverFile: join(root, 'server.json'),
    credentials: join(root, 'credentials.json'),
    secrets: join(root, 'secrets'),
    installation: join(root, 'installation'),
    objects: join(root, 'objects'),
    jobs: join(root, 'jobs'),
    models: join(root, 'models'),
    services: join(root, 'services'),
    notebooks: join(root, 'notebooks'),
    shared: join(root, 'shared'),
    gateway: join(root, 'gateway'),
    engine: join(root, 'engine'),
    logs: join(root, 'logs'),
    work: join(root, 'work'),
  };
}

/** Creates the directories; only their owner can list or read them. Throws Failure when the place cannot be used. */
export function prepareHome(paths: HomePaths): void {
  try {
    const { root, secrets, objects, jobs, models, services, notebooks, shared, gateway, engine, logs, work } = paths;
    for (const dir of [
      root,
      secrets,
      objects,
      jobs,
      models,
      services,
      notebooks,
      shared,
      gateway,
      engine,
      logs,
      work,
    ]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    }
    chmodSync(root, 0o711); // containers of other users traverse it to their own mounts; nothing in it can be listed
  } catch (cause) {
    throw new Failure({
      code: 'Atelier.HomeUnusable',
      status: 500,
      message: `ATELIER_HOME ${paths.root} cannot be used: ${(cause as Error).message}`,
      solution: 'Name a directory that you may write with the environment variable ATELIER_HOME.',
      cause,
    });
  }
}

const SQLITE_BUSY = 5;

/** Locks of this process: a connection that nobody refers to would be collected, and its lock with it. */
const HELD = new Set<DatabaseSync>();

/** Keeps other servers away from this home until the process ends, however it ends. Throws Failure when one runs. */
export function lockHome(paths: HomePaths): { release(): void } {
  let db: DatabaseSync | undefined;
  try {
    closeSync(openSync(paths.lock, 'a', 0o600));
    db = new DatabaseSync(paths.lock);
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER);');
    const held = db;
    HELD.add(held);
    return {
      release() {
        HELD.delete(held);
        held.close();
      },
    };
  } catch (cause) {
    db?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new Failure({
        code: 'Atelier.AlreadyRunning',
        status: 500,
        message: `A server already runs on ATELIER_HOME ${paths.root}.`,
        solution: './atelier status shows it, ./atelier down stops it.',
        cause,
      });
    }
    throw new Failure({
      code: 'Atelier.HomeUnusable',
      status: 500,
      message: `The file ${paths.lock} cannot be locked: ${(cause as Error).message}`,
      solution: 'Make sure that the disk is not full and that this user may write there; the file may be deleted.',
      cause,
    });
  }
}

/** Writes a file so that a reader sees the old or the new content, never a part, and it survives a crash. */
export function writeDurably(file: string, content: string | Buffer, mode = 0o600): void {
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    const fd = openSync(temporary, 'w', mode);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const dir = openSync(dirname(file), 'r');
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}

/** The installation's own secrets, made at first start. */
export interface Secrets {
  /** Signs tokens. */
  tokenKey: Buffer;
  /** Encrypts secrets at rest. */
  dataKey: Buffer;
  /** What the gateway shows the server when it asks about a signature. */
  gatewayKey: string;
  /** What whoever runs the installation shows the server. */
  operatorKey: string;
}

/** Reads the secrets, making those that are missing. Throws Failure when one is damaged. */
export function loadSecrets(paths: HomePaths): Secrets {
  // `replaceable`: nothing that is stored depends on it, so a lost one, or one of an older version, is made anew.
  const key = (name: string, replaceable = false): string => {
    const file = join(paths.secrets, name);
    if (!existsSync(file)) {
      if (existsSync(paths.database) && !replaceable) {
        throw new Failure({
          code: 'Atelier.SecretMissing',
          status: 500,
          message: `The file ${file} is gone, but the database that needs it is there.`,
          solution: 'Restore it from a backup of ATELIER_HOME.',
        });
      }
      writeDurably(file, randomBytes(32).toString('hex'));
    }
    const text = readFileSync(file, 'utf8').trim();
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    throw new Failure({
      code: 'Atelier.SecretUnreadable',
      status: 500,
      message: `The file ${file} does not hold 64 hexadecimal digits.`,
      solution: 'Restore it from a backup of ATELIER_HOME; without it, stored access keys cannot be read.',
    });
  };
  return {
    // As text, because the gateway reads it as text.
    tokenKey: Buffer.from(key('token.key'), 'ascii'),
    dataKey: Buffer.from(key('data.key'), 'hex'),
    gatewayKey: key('gateway.key'),
    operatorKey: key('operator.key', true),
  };
}

/** The operator's key, for the CLI on the machine of the installation; undefined where there is none, or it is not ours to read. */
export function readOperatorKey(paths: HomePaths): string | undefined {
  try {
    return readFileSync(join(paths.secrets, 'operator.key'), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** A short id by which this installation's containers and networks are known; made once. */
export function loadInstallationId(paths: HomePaths): string {
  if (!existsSync(paths.installation)) writeDurably(paths.installation, randomBytes(4).toString('hex'));
  return readFileSync(paths.installation, 'utf8').trim();
}

/** The root user's credentials, for scripts and the CLI; the file is readable by its owner alone. */
export interface RootCredentials {
  account: string;
  accountId: string;
  user: string;
  password: string;
  accessKey: string;
  secretKey: string;
  projectId: string;
  region: string;
}

export function readCredentials(file: string): RootCredentials | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RootCredentials) : undefined;
}
