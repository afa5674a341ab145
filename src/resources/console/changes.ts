import { Readable } from 'node:stream';
import { type Change, type Database, watchChanges } from '../../store-kit/index.ts';
import { accountOfGrant } from '../iam/index.ts';

export interface ChangeSettings {
  /** Between two hints of one kind. */
  everyMs: number;
  /** Between two looks at whether the session still is. */
  checkMs: number;
  /** Streams that a user may have at once. */
  perUser: number;
}

const DEFAULTS: ChangeSettings = { everyMs: 1000, checkMs: 15_000, perUser: 30 };
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

/** Streams of hints about what changed, each for one project and its account. */
export function changeStreams(db: Database, settings: Partial<ChangeSettings> = {}) {
  const { everyMs, checkMs, perUser } = { ...DEFAULTS, ...settings };
  const listeners = new Map<string, Set<(kind: string) => void>>();
  const open = new Map<string, number>();
  let watching = false;

  /** Triggers cost every write a little, so they come with the first who listens. */
  function watch(): void {
    if (watching) return;
    watching = true;
    const told = ({ table, scope }: Change) => {
      const heard = listeners.get(scope);
      if (heard) for (const hear of heard) hear(table.replaceAll('_', '-'));
    };
    watchChanges(db, QUIET, told, { grants: accountOfGrant });
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
    /**
     * Server-sent events `{"kinds":["notebooks"]}`; undefined when the user has too many streams. `refusal` tells why the user may not
     * go on; the stream then ends.
     */
    stream(input: {
      userId: string;
      scopes: readonly string[];
      refusal: () => Promise<string | undefined>;
    }): Readable | undefined {
      const { userId, scopes, refusal } = input;
      const had = open.get(userId) ?? 0;
      if (had >= perUser) return undefined;
      open.set(userId, had + 1);
      /** Kinds to tell, and when each was told last. */
      const due = new Set<string>();
      const told = new Map<string, number>();
      let timer: NodeJS.Timeout | undefined;

      const flush = () => {
        timer = undefined;
        const now = performance.now();
        const ready = [...due].filter(kind => now - (told.get(kind) ?? -everyMs) >= everyMs);
        for (const kind of ready) {
          due.delete(kind);
          told.set(kind, now);
        }
        if (ready.length > 0) stream.push(`data: ${JSON.stringify({ kinds: ready })}\n\n`);
        if (due.size > 0) wake();
      };
      const wake = () => {
        const now = performance.now();
        const waits = [...due].map(kind => (told.get(kind) ?? -everyMs) + everyMs - now);
        timer ??= setTimeout(flush, Math.max(Math.min(...waits), COMMIT_MS));
      };
      const stop = listen(scopes, kind => {
        if (due.has(kind)) return;
        due.add(kind);
        wake();
      });
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
      return stream;
    },
  };
}

export type ChangeStreams = ReturnType<typeof changeStreams>;
