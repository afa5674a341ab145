import { LRUCache } from 'lru-cache';
import { type Database, isAtRest, watchRows } from '../../store-kit/index.ts';

const MOST_ROWS = 4000;
const MOST_BYTES = 16 * 1024 * 1024;
/** What a blob takes beside its bytes. */
const OVERHEAD_BYTES = 512;

/** A blob, with its bytes where it is small. */
interface Small {
  size: number;
  content: Uint8Array | null;
}

/** Rows of objects and bytes of small blobs that were read lately: two thirds of the cost of a small object is to find them. */
export interface Remembered<Row extends object, Blob extends Small> {
  row(bucketId: number, key: string, find: () => Row | undefined): Row | undefined;
  blob(id: string, find: () => Blob | undefined): Blob | undefined;
}

/** `find` reads what is committed. The database tells of every change of a row; the bytes of a blob never change. */
export function remembered<Row extends object, Blob extends Small>(db: Database): Remembered<Row, Blob> {
  const rows = new LRUCache<string, Row>({ max: MOST_ROWS });
  const blobs = new LRUCache<string, Blob>({
    maxSize: MOST_BYTES,
    sizeCalculation: blob => OVERHEAD_BYTES + blob.size,
  });
  const nameOf = (bucketId: unknown, key: unknown) => `${bucketId}/${key}`;
  watchRows(db, 'obs_objects', ['bucket_id', 'key'], (bucketId, key) => rows.delete(nameOf(bucketId, key)));
  return {
    row(bucketId, key, find) {
      const name = nameOf(bucketId, key);
      const known = rows.get(name);
      if (known) return known;
      const found = find();
      // Of a change under way we were told already, and what is found is still the row before it.
      if (found && isAtRest(db)) rows.set(name, found);
      return found;
    },
    blob(id, find) {
      const known = blobs.get(id);
      if (known) return known;
      const found = find();
      if (found?.content) blobs.set(id, found);
      return found;
    },
  };
}
