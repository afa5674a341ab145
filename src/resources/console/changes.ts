import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { accountsOfAdmission } from '../../admission/index.ts';
import { type Change, type Database, watchChanges } from '../../store-kit/index.ts';
import { accountsOfIam } from '../iam/index.ts';

export interface ChangeSettings {
  /** Between two hints of one kind. */
  everyMs: number;
  /** Between two looks at whether the session still is. */
  checkMs: number;
  /** Streams that a user may have at once. */
  perUser: number;
  /** Kinds in scopes whose last change is remembered, to be told to who was away. */
  remembered: number;
}

const DEFAULTS: ChangeSettings = { everyMs: 1000, checkMs: 15_000, perUser: 30, remembered: 5_000 };
/** A hint waits this long at least, as it comes before its transaction is committed. */
const COMMIT_MS = 20;

/** Tables that change all the time and that no page shows as they do. */
const QUIET = [
  'audit_records',
  'action_usage',
  'console_sessions',
  'login_failures',
  'obs_objects',
  'obs_versions',
  'obs_uploads',
  'obs_usage',
  'pool_samples',
  'service_samples',
  'training_task_metrics',
];

/** Told where it is not known what changed: anything may have. */
const EVERYTHING = '*';

/** Streams of hints about what changed, each for one project and its account. */
export function changeStreams(db: Database, settings: Partial<ChangeSettings> = {}) {
  const { everyMs, checkMs, perUser, remembered } = { ...DEFAULTS, ...settings };
  const listeners = new Map<string, Set<(kind: string) => void>>();
  const open = new Map<string, number>();
  let watching = false;
  /** Changes are numbered while the server lives; what another life's number would stand for, nobody knows. */
  const life = randomUUID();
  let count = 0;
  /** The last change of each kind in each scope, in the order of the changes. */
  const latest = new Map<string, { scope: string; kind: string; number: number }>();
  /** Number of the last change that may be remembered no more. */
  let forgotten = 0;

  function remember(scope: string, kind: string): void {
    count++;
    const key = `${scope} ${kind}`;
    latest.delete(key); // it goes to the end
    latest.set(key, { scope, kind, number: count });
    if (latest.size <= remembered) return;
    const [oldest, { number }] = latest.entries().next().value!;
    latest.delete(oldest);
    forgotten = number;
  }

  const idOf = (number: number) => `${life}/${number}`;

  /** The kinds of which something changed in the scopes after what `id` stands for. */
  function changedSince(id: string, scopes: readonly string[]): string[] {
    const number = id.startsWith(`${life}/`) ? Number(id.slice(life.length + 1)) : Number.NaN;
    if (!Number.isSafeInteger(number) || number < forgotten) return [EVERYTHING];
    const after = [...latest.values()].filter(change => change.number > number && scopes.includes(change.scope));
    return [...new Set(after.map(({ kind }) => kind))];
  }

  /** Triggers cost every write a little, so they come with the first who listens. */
  function watch(): void {
    if (watching) return;
    watching = true;
    const told = ({ table, scope }: Change) => {
      const kind = table.replaceAll('_', '-');
      remember(scope, kind);
      const heard = listeners.get(scope);
      if (heard) for (const hear of heard) hear(kind);
    };
    watchChanges(db, QUIET, told, { ...accountsOfIam, ...accountsOfAdmission });
  }

  function listen(scopes: readonly string[], hear: (kind: string) => void): () => void {
    watch();
    for (const scope of scopes) {
      const heard = listeners.get(scope) ?? new Set();
      listeners.set(scope, heard.add(hear));
    }
    return () => {
      for (const scope of scopes) {
        const heard = listeners.get(scope);
        heard?.delete(hear);
        if (heard?.size === 0) listeners.delete(scope);
      }
    };
  }

  return {
    /** Stands for all changes until now: who reads something after this and then follows from here misses nothing. */
    now(): string {
      watch();
      return idOf(count);
    },

    /**
     * Server-sent events `{"kinds":["notebooks"]}`, from what the id `since` stands for, or from now on; the kind `*` stands for all, where
     * it is not known any more what changed. Undefined when the user has too many streams. `refusal` tells why the user may not go on; the
     * stream then ends.
     */
    stream(input: {
      userId: string;
      scopes: readonly string[];
      since?: string | undefined;
      refusal: () => Promise<string | undefined>;
    }): Readable | undefined {
      const { userId, scopes, since, refusal } = input;
      const had = open.get(userId) ?? 0;
      if (had >= perUser) return undefined;
      open.set(userId, had + 1);
      /** Kinds to tell, with the number of the first change of each that was not told, and when each was told last. */
      const due = new Map<string, number>();
      const told = new Map<string, number>();
      let timer: NodeJS.Timeout | undefined;

      const flush = () => {
        timer = undefined;
        const now = performance.now();
        const ready = [...due.keys()].filter(kind => now - (told.get(kind) ?? -everyMs) >= everyMs);
        for (const kind of ready) {
          due.delete(kind);
          told.set(kind, now);
        }
        const id = idOf(Math.min(count + 1, ...due.values()) - 1);
        if (ready.length > 0) stream.push(`id: ${id}\ndata: ${JSON.stringify({ kinds: ready })}\n\n`);
        if (due.size > 0) wake();
      };
      const wake = () => {
        const now = performance.now();
        const waits = [...due.keys()].map(kind => (told.get(kind) ?? -everyMs) + everyMs - now);
        timer ??= setTimeout(flush, Math.max(Math.min(...waits), COMMIT_MS));
      };
      const hear = (kind: string) => {
        if (due.has(kind)) return;
        due.set(kind, count);
        wake();
      };
      const stop = listen(scopes, hear);
      const beat = setInterval(() => {
        refusal().then(
          reason => (reason === undefined ? stream.push(': still there\n\n') : stream.push(null)),
          error => stream.destroy(error instanceof Error ? error : new Error(String(error))),
        );
      }, checkMs);
      const stream = new Readable({
        read() {},
        destroy(error, done) {
          clearInterval(beat);
          clearTimeout(timer);
          stop();
          const left = (open.get(userId) ?? 1) - 1;
          if (left > 0) open.set(userId, left);
          else open.delete(userId);
          done(error);
        },
      });
      stream.push(': hello\n\n');
      if (since !== undefined) for (const kind of changedSince(since, scopes)) hear(kind);
      return stream;
    },
  };
}

export type ChangeStreams = ReturnType<typeof changeStreams>;
