import { Failure } from '../../kernel/failure.ts';
import { copyObject, deleteBatch, type Entry, nameOf, walk } from './listing.ts';
import { start } from './transfers.ts';

const BATCH = 1000;
const COPIES_AT_ONCE = 4;

type Doomed = Pick<Entry, 'key' | 'versionId'>;

/** Deletes objects and whole folders; `versions`: of folders all versions, for good. Its progress stands in the list of transfers. */
export function startDeleting(title: string, bucket: string, entries: readonly Entry[], versions: boolean): void {
  start({
    title,
    unit: 'objects',
    async run({ signal, progress }) {
      let done = 0;
      const left: { key: string; message: string }[] = [];
      const remove = async (batch: readonly Doomed[]) => {
        signal.throwIfAborted();
        left.push(...(await deleteBatch(bucket, batch)));
        done += batch.length;
        progress(done - left.length);
      };
      // Folders are objects too, and those of a file system go only when they are empty: they come last, the deepest first.
      const folders: Doomed[] = [];
      const take = async (found: readonly Entry[]) => {
        folders.push(...found.filter(({ key }) => key.endsWith('/')));
        const files = found.filter(({ key }) => !key.endsWith('/'));
        if (files.length > 0) await remove(files);
      };
      const single = entries.filter(({ kind }) => kind !== 'folder');
      for (let at = 0; at < single.length; at += BATCH) await take(single.slice(at, at + BATCH));
      for (const { key } of entries.filter(({ kind }) => kind === 'folder')) {
        for await (const page of walk(bucket, key, { versions, signal })) await take(page);
      }
      folders.sort((a, b) => b.key.length - a.key.length);
      for (let at = 0; at < folders.length; at += BATCH) await remove(folders.slice(at, at + BATCH));
      progress(done - left.length, done);
      if (left.length > 0) throw partly(left);
    },
  });
}

/** Renames or moves objects and whole folders: each is copied, and deleted when its copy is there. */
export function startMoving(title: string, bucket: string, moves: readonly { from: Entry; to: string }[]): void {
  start({
    title,
    unit: 'objects',
    async run({ signal, progress }) {
      let done = 0;
      const move = async (pairs: readonly { from: Entry; to: string }[]) => {
        const waiting = [...pairs];
        const work = async () => {
          for (let pair = waiting.shift(); pair; pair = waiting.shift()) {
            signal.throwIfAborted();
            await copyObject(bucket, pair.from, pair.to);
          }
        };
        await Promise.all(Array.from({ length: COPIES_AT_ONCE }, work));
        // Folders of a file system last.
        const order = pairs.toSorted((a, b) => Number(a.from.key.endsWith('/')) - Number(b.from.key.endsWith('/')));
        const left = await deleteBatch(
          bucket,
          order.map(({ from }) => ({ key: from.key })),
        );
        if (left.length > 0) throw partly(left);
        done += pairs.length;
        progress(done);
      };
      for (const { from, to } of moves) {
        if (from.kind !== 'folder') await move([{ from, to }]);
        else {
          for await (const page of walk(bucket, from.key, { signal })) {
            if (page.length > 0)
              await move(page.map(each => ({ from: each, to: to + each.key.slice(from.key.length) })));
          }
        }
      }
      progress(done, done);
    },
  });
}

/** Told of a batch of which some were refused. */
function partly(left: readonly { key: string; message: string }[]): Failure {
  const [first] = left;
  const others = left.length > 1 ? ` (${left.length - 1} more)` : '';
  return new Failure({
    code: 'Console.NotAll',
    status: 409,
    message: `${nameOf(first!.key)}${others}: ${first!.message}`,
  });
}
