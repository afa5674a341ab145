import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import type { AuditRecord } from '../../http/index.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { AccessRequest, Decision } from '../../policy/authorizer.ts';
import { type Database, migrate, openSqlite } from '../../store-kit/index.ts';
import type { FileCalls } from './blob-place.ts';
import { createObjects, type Objects, type ObjectsDeps, objectsMigrations } from './index.ts';
import type { ResolvedKey } from './protocol/authenticate.ts';

export const REGION = 'local-1';
export const DOMAIN = 'obs.test';

/** A user of an account, with an access key that is `AK-<name>` / `SK-<name>`. */
export function person(name: string, account = 'acme'): Principal {
  return {
    kind: 'user',
    id: `id-${name}`,
    name,
    accountId: `account-${account}`,
    accountName: account,
    credential: 'access-key',
  };
}

export interface ObjectWorld {
  objects: Objects;
  db: Database;
  dir: string;
  url: string;
  port: number;
  keys: Map<string, ResolvedKey>;
  /** IAM refuses what it returns a reason, or a whole refusal, for. */
  deny: { rule?: (principal: Principal, request: AccessRequest) => string | Omit<Decision, 'allowed'> | undefined };
  /** What was told to the audit trail. */
  records: AuditRecord[];
  key(name: string): { access: string; secret: string };
  close(): Promise<void>;
}

type WorldOptions = {
  dir?: string;
  clock?: Clock;
  log?: Log;
  files?: FileCalls;
  metrics?: Registry;
} & Partial<Pick<ObjectsDeps, 'backend' | 'graceMs' | 'onEvent' | 'restoreMs'>>;

/**
 * The object store on a port of 127.0.0.1, with in-memory keys and an authorizer that allows all but `deny`. With the environment variable
 * ATELIER_TEST_OBS_BACKEND another store like it keeps the bytes, so that the same tests run on external storage.
 */
export async function objectWorld(options: WorldOptions = {}): Promise<ObjectWorld> {
  if (process.env.ATELIER_TEST_OBS_BACKEND === undefined || options.backend) return storeWorld(options);
  const behind = await storeWorld({});
  const world = await storeWorld({ ...options, backend: await backendIn(behind) });
  return {
    ...world,
    async close() {
      await world.close();
      await behind.close();
    },
  };
}

/** A place for bytes in another store. */
export async function backendIn(world: ObjectWorld): Promise<NonNullable<ObjectsDeps['backend']>> {
  await world.objects.service.createBucket(person('ann'), 'bytes');
  const { access, secret } = world.key('ann');
  const credentials = { accessKeyId: access, secretAccessKey: secret };
  return { bucket: 'bytes', prefix: 'here/', endpoint: world.url, region: REGION, credentials };
}

async function storeWorld(options: WorldOptions): Promise<ObjectWorld> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'atelier-objects-'));
  const clock = options.clock ?? systemClock;
  const db = openSqlite(join(dir, 'test.db'));
  await migrate(db, objectsMigrations, clock.now());
  const records: AuditRecord[] = [];
  const deny: ObjectWorld['deny'] = {};
  const keys = new Map<string, ResolvedKey>();
  for (const principal of [person('ann'), person('bob'), person('eve', 'evil')]) {
    keys.set(`AK-${principal.name}`, { principal, secret: `SK-${principal.name}` });
  }
  const objects = createObjects({
    db,
    clock,
    log: options.log ?? silentLog(),
    audit: async record => void records.push(record),
    iam: {
      resolveAccessKey: access => keys.get(access),
      authorizer: {
        decide(principal, request) {
          const reason = deny.rule?.(principal, request);
          if (reason === undefined) return { allowed: true, reason: 'test' };
          return typeof reason === 'string' ? { allowed: false, reason } : { allowed: false, ...reason };
        },
      },
    },
    dataKey: Buffer.alloc(32, 'data key'),
    dir: join(dir, 'objects'),
    region: REGION,
    domain: DOMAIN,
    ...(options.backend ? { backend: options.backend } : {}),
    ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    ...(options.restoreMs === undefined ? {} : { restoreMs: options.restoreMs }),
    metrics: options.metrics ?? new Registry(),
    ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
    ...(options.files === undefined ? {} : { files: options.files }),
  });
  await new Promise<void>(resolve => objects.server.listen(0, '127.0.0.1', resolve));
  const { port } = objects.server.address() as AddressInfo;
  return {
    objects,
    db,
    dir,
    port,
    url: `http://127.0.0.1:${port}`,
    keys,
    deny,
    records,
    key: name => ({ access: `AK-${name}`, secret: `SK-${name}` }),
    async close() {
      objects.server.closeAllConnections();
      await new Promise(resolve => objects.server.close(resolve));
      await objects.stop();
      await db.destroy();
      if (!options.dir) rmSync(dir, { recursive: true, force: true });
    },
  };
}
