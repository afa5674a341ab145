import { commitDirectly, type Database } from '../../store-kit/index.ts';

/** Runs work in a transaction; resolves once it is on disk, throws what the work threw with nothing changed. */
export type Commit = <T>(work: (transaction: Database) => Promise<T>) => Promise<T>;

interface Waiting {
  run(transaction: Database): Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

const BATCH = 64;

/**
 * Group commit: work that arrives while a transaction is being synchronised to disk shares the next one, so that many
 * small writers pay for few fsyncs. If anything in a group fails, the group is undone and each is run by itself.
 */
export function commitQueue(db: Database): Commit {
  const waiting: Waiting[] = [];
  let running = false;

  async function alone(item: Waiting): Promise<void> {
    try {
      await commitDirectly(db, transaction => item.run(transaction));
      item.resolve();
    } catch (error) {
      item.reject(error);
    }
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      if (batch.length === 1) {
        await alone(batch[0]!);
        continue;
      }
      try {
        await commitDirectly(db, async transaction => {
          for (const item of batch) await item.run(transaction);
        });
      } catch {
        for (const item of batch) await alone(item); // whoever caused it meets the same error again, alone
        continue;
      }
      for (const item of batch) item.resolve();
    }
    running = false;
  }

  return work =>
    new Promise((resolve, reject) => {
      let result: Awaited<ReturnType<typeof work>>;
      waiting.push({
        async run(transaction) {
          result = await work(transaction);
        },
        resolve: () => resolve(result),
        reject,
      });
      if (running) return;
      running = true;
      setImmediate(drain);
    });
}
