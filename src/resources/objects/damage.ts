import type { Counter } from 'prom-client';
import type { Audit } from '../../http/index.ts';
import { errorText } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import type { Database } from '../../store-kit/index.ts';
import { holdersOf } from './damage.store.ts';

/** Blobs whose damage is known already; more are forgotten and told anew. */
const REMEMBERED = 10_000;

/** Tells of stored bytes that are not as they were written. */
export interface Damages {
  found(blob: string, how: string): void;
  /** Resolves when all that was found is on record. */
  settled(): Promise<void>;
}

/**
 * Each read of damaged bytes is counted and logged. The accounts that the objects belong to find one record for each object in their audit
 * trail, until the server starts anew, however often it is read.
 */
export function damageReporter(deps: { db: Database; audit: Audit; log: Log; counter: Counter }): Damages {
  const { db, audit, log, counter } = deps;
  const known = new Set<string>();
  let last = Promise.resolve();

  async function record(blob: string): Promise<void> {
    for await (const { bucket, key, accountId, accountName } of holdersOf(db, blob)) {
      await audit({
        requestId: hexId(),
        service: 'obs',
        operation: 'objectDamaged',
        method: 'GET',
        path: `/${bucket}/${key}`,
        readOnly: true,
        status: 500,
        errorCode: 'InternalError',
        accountId,
        accountName,
        verdict: 'none',
        target: `object/${bucket}/${key}`,
        sourceAddress: '',
        durationMs: 0,
      });
    }
  }

  return {
    found(blob, how) {
      counter.inc();
      log.error({ blob, how }, 'stored object is damaged');
      if (known.has(blob)) return;
      if (known.size >= REMEMBERED) known.clear();
      known.add(blob);
      last = last
        .then(() => record(blob))
        .catch(error => {
          known.delete(blob);
          log.error({ blob, reason: errorText(error) }, 'damage could not be put on record');
        });
    },
    settled: () => last,
  };
}
