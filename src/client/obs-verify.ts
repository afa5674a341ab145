import { Failure } from '../kernel/failure.ts';
import { contentCheck } from './content-check.ts';
import { isPassing, obsFailure } from './obs-failure.ts';
import type { ObsEntry, ObsStore } from './obs-store.ts';
import { type ObsUrl, obsUrlText } from './obs-url.ts';
import { inParallel } from './parallel.ts';
import type { OnProgress } from './transfer-run.ts';

/** An object that cannot be read as it was written. */
export interface DamagedObject {
  bucket: string;
  key: string;
  reason: string;
}

export interface Verification {
  objects: number;
  bytes: number;
  damaged: DamagedObject[];
  /** Read without an error, but nothing tells what the whole should be: old objects that came in parts. */
  withoutChecksum: number;
}

const READERS = 6;
const ATTEMPTS = 2;

/** Reads everything at these places and compares it with its checksums. The server compares each MiB with its own as it reads. */
export async function verifyObjects(
  store: ObsStore,
  places: readonly ObsUrl[],
  onProgress: OnProgress = () => {},
): Promise<Verification> {
  const all: { bucket: string; entry: ObsEntry }[] = [];
  for (const place of places) {
    for await (const entry of store.walk(place)) all.push({ bucket: place.bucket, entry });
  }
  const totalBytes = all.reduce((sum, { entry }) => sum + entry.size, 0);
  const progress = { bytes: 0, totalBytes, files: 0, totalFiles: all.length, keptBytes: 0 };
  const result: Verification = { objects: 0, bytes: 0, damaged: [], withoutChecksum: 0 };
  await inParallel(all, READERS, async ({ bucket, entry }) => {
    const at = { bucket, key: entry.key };
    const verdict = await verifyOne(store, at, bytes => {
      progress.bytes += bytes;
      onProgress(progress);
    });
    progress.files += 1;
    onProgress(progress);
    if (verdict === 'gone') return;
    result.objects += 1;
    result.bytes += entry.size;
    if (verdict === 'unknown') result.withoutChecksum += 1;
    else if (verdict !== 'same') result.damaged.push({ ...at, reason: verdict.reason });
  });
  result.damaged.sort((a, b) => (obsUrlText(a) < obsUrlText(b) ? -1 : 1));
  return result;
}

/** Reads one object; what breaks once may be the network, what breaks twice is the object. */
async function verifyOne(
  store: ObsStore,
  at: ObsUrl,
  moved: (bytes: number) => void,
): Promise<'same' | 'unknown' | 'gone' | { reason: string }> {
  for (let attempt = 1; ; attempt++) {
    let got = 0;
    try {
      const { body, content } = await store.open(at);
      const check = contentCheck(content);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        check.update(chunk);
        got += chunk.length;
        moved(chunk.length);
      }
      const verdict = check.verdict();
      if (verdict !== 'different') return verdict;
      if (attempt === ATTEMPTS) return { reason: 'it does not have the checksum with which it was written' };
    } catch (error) {
      const failure = obsFailure(error);
      const { code, status } = failure;
      if (code === 'NoSuchKey') return 'gone'; // deleted since it was listed
      if (status === 403 || (code === 'Atelier.Unreachable' && got === 0)) throw failure;
      if (attempt === ATTEMPTS || !isPassing(error)) {
        return { reason: got > 0 ? `reading stops after byte ${got}: ${failure.message}` : failure.message };
      }
    }
    moved(-got);
  }
}

/** What a verification that found damage ends with. */
export function damageFound(found: Verification): Failure {
  const count = found.damaged.length;
  return new Failure({
    code: 'Atelier.DamagedObjects',
    status: 500,
    message: `${count} of ${found.objects} objects ${count === 1 ? 'is' : 'are'} damaged.`,
    solution: 'Upload them again or restore them from a backup; then look at the health of the disk.',
  });
}
