import type { Audit, AuditRecord } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { AuditQuery, AuditRow, AuditStore, UseRow } from './audit.store.ts';
import { auditRow } from './audit.ts';
import type { Use } from './suggest.ts';
import type { usageRecorder } from './usage.ts';

const DAY_MS = 24 * 3600_000;
const FLUSH_MS = 2_000;
/** Refusals of what only looks wait here to be written together; a flood of them must not become a flood of waits for the disk. */
const MOST_WAITING = 5_000;
const PURGE_EVERY_MS = 3600_000;
const PURGE_AT_ONCE = 5_000;

export interface AuditServiceDeps {
  store: AuditStore;
  clock: Clock;
  log: Log;
  usage: ReturnType<typeof usageRecorder>;
  /** How long records are kept. */
  days: number;
}

export type AuditService = ReturnType<typeof auditService>;

/** Writes the trail: what changes something at once, and refusals of what only looks soon after, together. */
export function auditService({ store, clock, log, usage, days }: AuditServiceDeps) {
  let waiting: AuditRow[] = [];
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;
  let purgeAt = 0;
  let flushing: Promise<void> = Promise.resolve();

  const audit: Audit = async (record: AuditRecord) => {
    const row = auditRow(record);
    const looksOnly = record.method === 'GET' || record.method === 'HEAD';
    if (!looksOnly) return store.insert([row]);
    if (waiting.length >= MOST_WAITING) {
      waiting.shift();
      lost += 1;
    }
    waiting.push(row);
  };

  async function flushOnce(): Promise<void> {
    const rows = waiting;
    const uses = usage.take();
    waiting = [];
    if (rows.length === 0 && uses.length === 0) return;
    await store.transaction(async inside => {
      for (let at = 0; at < rows.length; at += 200) await inside.insert(rows.slice(at, at + 200));
      await inside.addUses(uses);
    });
  }

  /** Everything that waits is on disk once it resolves. */
  function flush(): Promise<void> {
    flushing = flushing.then(flushOnce).catch(error => log.error({ err: error }, 'audit records could not be written'));
    return flushing;
  }

  async function purge(): Promise<void> {
    const now = clock.now();
    if (now < purgeAt) return;
    purgeAt = now + PURGE_EVERY_MS;
    const gone = await store.purge(now - days * DAY_MS, PURGE_AT_ONCE);
    await store.purgeUses(Math.floor((now - days * DAY_MS) / DAY_MS));
    // More than one batch: the rest goes with the next rounds.
    if (gone === PURGE_AT_ONCE) purgeAt = now;
  }

  return {
    audit,
    flush,
    /** Records that fit, newest first; those that wait are written before. */
    async search(query: AuditQuery): Promise<AuditRow[]> {
      await flush();
      return store.search(query);
    },
    /** What a user or agency used since a day (days since the epoch), and how often altogether. */
    async usesOf(accountId: string, subjectId: string, sinceDay: number): Promise<{ uses: Use[]; total: number }> {
      await flush();
      const rows = await store.uses(accountId, subjectId, sinceDay);
      return { uses: rows.map(useOf), total: rows.reduce((sum, row) => sum + row.uses, 0) };
    },
    lost: () => lost,
    start(): void {
      timer = setInterval(() => {
        void flush()
          .then(purge)
          .catch(error => log.error({ err: error }, 'old audit records could not be removed'));
      }, FLUSH_MS);
      timer.unref();
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}

function useOf(row: UseRow): Use {
  return {
    action: row.action,
    ...(row.resource === '' ? {} : { resource: row.resource }),
    conditions: row.conditions === '' ? {} : (JSON.parse(row.conditions) as Record<string, string>),
  };
}
