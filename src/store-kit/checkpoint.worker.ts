import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/** Moves what the write-ahead log of the database `workerData` holds into the database itself, each time it is asked to. */
const db = new DatabaseSync(workerData as string);
const port = parentPort!;

port.on('message', () => {
  try {
    db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
  } catch {
    // Nothing is lost: the log stays, and the thread that writes goes on with it and meets the reason itself.
  }
  port.postMessage('done');
});
