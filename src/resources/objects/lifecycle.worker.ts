import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Database } from '../../store-kit/index.ts';
import { DAY_MS } from './archive.ts';
import type { Commit } from './commit-queue.ts';
import type { ObjectEventName, TellEvent } from './events.ts';
import { type CurrentRow, lifecycleStore, type VersionRow } from './lifecycle.store.ts';
import { currentAction, enabledRules, noncurrentAction, rulePrefix } from './lifecycle.ts';
import type { ObjectAttributes, ObsPath, StorageClass } from './object.ts';
import type { SettingsStore } from './settings.store.ts';
import type { LifecycleRule } from './settings.ts';
import { NULL_VERSION } from './versions.ts';

/** Rows looked at, and rows changed in one transaction: what others may have to wait for. */
const PAGE = 500;
const STEP = 100;
const FIRST_MS = 60_000;

/** Applies lifecycle rules and the expiry of single objects, in the background. */
export interface LifecycleWorker {
  /** Applies what is due now; returns how many objects, versions and uploads were changed. */
  run(): Promise<number>;
  /** Begins to run at intervals. */
  start(): void;
  /** Ends the timer and waits for the step under way. */
  stop(): Promise<void>;
}

/** What a step did, as it is told. */
interface Change {
  name: ObjectEventName;
  path: ObsPath;
  info?: { versionId?: string };
}

/** Resolves with what was changed; true where nobody is told of it, undefined where the row was no more as it was seen. */
type Step = (rows: ReturnType<typeof lifecycleStore>) => Promise<Change | true | undefined>;

/** Who does what rules say. */
const BY = { id: 'obs', name: 'lifecycle', accountId: '' };

/**
 * What is due follows from the rows alone, so a worker that was killed simply begins again: it finds what is done already as done. Each
 * step checks within its transaction that the row is still the one it saw.
 */
export function lifecycleWorker(deps: {
  db: Database;
  commit: Commit;
  settings: SettingsStore;
  clock: Clock;
  log: Log;
  intervalMs: number;
  onRelease(): void;
  tell: TellEvent;
}): LifecycleWorker {
  const { commit, settings, clock, log, intervalMs, onRelease, tell } = deps;
  const store = lifecycleStore(deps.db);
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<number> | undefined;
  let stopped = false;

  /** Takes the steps, some per transaction, letting others in between. */
  async function take(steps: readonly Step[]): Promise<number> {
    let changed = 0;
    for (let at = 0; at < steps.length && !stopped; at += STEP) {
      const some = steps.slice(at, at + STEP);
      const changes = await commit(async transaction => {
        const rows = lifecycleStore(transaction);
        const done: (Change | true)[] = [];
        for (const step of some) {
          const change = await step(rows);
          if (change) done.push(change);
        }
        return done;
      });
      changed += changes.length;
      for (const change of changes) if (change !== true) tell(change.name, BY, change.path, change.info);
      await turn();
    }
    if (changed > 0) onRelease();
    return changed;
  }

  async function current(bucket: Place, bucketRules: readonly LifecycleRule[]): Promise<number> {
    const rules = bucketRules.filter(rule => rule.Expiration || rule.Transition);
    let changed = 0;
    for (const prefix of coveringPrefixes(rules)) {
      let after: string | undefined;
      for (;;) {
        const page = await store.currentPage(bucket.id, prefix, after, PAGE);
        const now = clock.now();
        changed += await take(page.flatMap(row => stepOfCurrent(bucket, row, rules, now)));
        if (page.length < PAGE || stopped) break;
        after = page.at(-1)!.key;
      }
    }
    return changed;
  }

  async function noncurrent(bucket: Place, bucketRules: readonly LifecycleRule[]): Promise<number> {
    const rules = bucketRules.filter(
      rule =>
        rule.NoncurrentVersionExpiration ||
        rule.NoncurrentVersionTransition ||
        rule.Expiration?.ExpiredObjectDeleteMarker === 'true',
    );
    let changed = 0;
    for (const prefix of coveringPrefixes(rules)) {
      let after: { key: string; seq: number } | undefined;
      for (;;) {
        const page = await store.versionPage(bucket.id, prefix, after, PAGE);
        const now = clock.now();
        changed += await take(page.flatMap(row => stepOfVersion(bucket, row, rules, now)));
        if (page.length < PAGE || stopped) break;
        after = page.at(-1)!;
      }
    }
    return changed;
  }

  async function uploads(bucketId: number, bucketRules: readonly LifecycleRule[]): Promise<number> {
    let changed = 0;
    for (const rule of bucketRules) {
      const days = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation;
      if (days === undefined) continue;
      for (;;) {
        const now = clock.now();
        const before = Math.floor(now / DAY_MS) * DAY_MS - days * DAY_MS;
        // Few at once: each may have 10,000 parts.
        const page = await store.uploadPage(bucketId, rulePrefix(rule), before, 10);
        for (const { id } of page)
          changed += await take([async rows => (await rows.abortUpload(id, now)) || undefined]);
        if (page.length === 0 || stopped) break;
      }
    }
    return changed;
  }

  async function expiredByThemselves(): Promise<number> {
    let changed = 0;
    for (;;) {
      const now = clock.now();
      const page = await store.expired(now, PAGE);
      const done = await take(page.map(row => expire({ id: row.bucket_id, name: row.bucket }, row, now)));
      changed += done;
      if (page.length < PAGE || done === 0 || stopped) return changed;
    }
  }

  async function runAll(): Promise<number> {
    let changed = await expiredByThemselves();
    for (const { bucketId, bucket, value } of (await settings.having('lifecycle')).values()) {
      if (stopped) break;
      const rules = enabledRules(value);
      try {
        const place = { id: bucketId, name: bucket };
        changed += await current(place, rules);
        changed += await noncurrent(place, rules);
        changed += await uploads(bucketId, rules);
      } catch (error) {
        log.error({ err: error, bucket }, 'applying the lifecycle rules of a bucket failed; the next pass tries again');
      }
    }
    return changed;
  }

  function run(): Promise<number> {
    pass ??= runAll().finally(() => {
      pass = undefined;
    });
    return pass;
  }

  function schedule(ms: number): void {
    if (stopped) return;
    timer = setTimeout(() => {
      run()
        .catch(error => log.error({ err: error }, 'applying lifecycle rules failed; the next pass tries again'))
        .finally(() => schedule(intervalMs));
    }, ms);
    timer.unref();
  }

  return {
    run,
    start: () => schedule(Math.min(intervalMs, FIRST_MS)),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await pass?.catch(() => undefined); // told where it was begun
    },
  };
}

/** The prefixes of rules, without those that another one covers. */
function coveringPrefixes(rules: readonly LifecycleRule[]): string[] {
  const prefixes = [...new Set(rules.map(rulePrefix))];
  return prefixes.filter(prefix => !prefixes.some(other => other !== prefix && prefix.startsWith(other)));
}

function subjectOf(row: CurrentRow) {
  return {
    key: row.key,
    size: row.size,
    lastModified: row.last_modified,
    storageClass: row.storage_class as StorageClass,
    ...tagsIn(row.attributes),
  };
}

function tagsIn(text: string): { tags?: Record<string, string> } {
  if (!text.includes('"tags"')) return {};
  const { tags } = JSON.parse(text) as ObjectAttributes;
  return tags ? { tags } : {};
}

interface Place {
  id: number;
  name: string;
}

function expire(bucket: Place, row: CurrentRow, now: number): Step {
  return async rows => {
    const removed = await rows.expireCurrent(bucket.id, row, now);
    if (!removed) return undefined;
    const { versionId, deleteMarker } = removed;
    return {
      name: `LifecycleExpiration:${deleteMarker ? 'DeleteMarkerCreated' : 'Delete'}`,
      path: { bucket: bucket.name, key: row.key },
      ...(versionId === undefined ? {} : { info: { versionId } }),
    };
  };
}

function transition(
  table: 'obs_objects' | 'obs_versions',
  bucket: Place,
  row: CurrentRow & { version_id?: string | null },
  storageClass: StorageClass,
): Step {
  const path = { bucket: bucket.name, key: row.key };
  return async rows =>
    (await rows.transition(table, bucket.id, row, storageClass))
      ? { name: 'LifecycleTransition', path, ...versionIn(row) }
      : undefined;
}

function versionIn({ version_id }: { version_id?: string | null }): Pick<Change, 'info'> {
  return version_id === undefined ? {} : { info: { versionId: version_id ?? NULL_VERSION } };
}

function stepOfCurrent(bucket: Place, row: CurrentRow, rules: readonly LifecycleRule[], now: number): Step[] {
  const action = currentAction(rules, subjectOf(row), now);
  if (!action) return [];
  if (action.kind === 'expire') return [expire(bucket, row, now)];
  return [transition('obs_objects', bucket, row, action.storageClass)];
}

function stepOfVersion(bucket: Place, row: VersionRow, rules: readonly LifecycleRule[], now: number): Step[] {
  const path = { bucket: bucket.name, key: row.key };
  const gone =
    (remove: (rows: Parameters<Step>[0]) => Promise<boolean>): Step =>
    async rows =>
      (await remove(rows)) ? { name: 'LifecycleExpiration:Delete', path, ...versionIn(row) } : undefined;
  if (row.successor === null) {
    const lone = row.delete_marker === 1 && row.older === 0;
    const covered = rules.some(
      rule => rule.Expiration?.ExpiredObjectDeleteMarker === 'true' && row.key.startsWith(rulePrefix(rule)),
    );
    return lone && covered ? [gone(rows => rows.deleteLoneMarker(bucket.id, row, now))] : [];
  }
  const newer = row.newer + row.current - 1;
  const action = noncurrentAction(rules, { ...subjectOf(row), since: row.successor, newer }, now);
  if (!action) return [];
  if (action.kind === 'expire') return [gone(rows => rows.deleteVersion(bucket.id, row, now))];
  if (row.delete_marker === 1) return [];
  return [transition('obs_versions', bucket, row, action.storageClass)];
}
