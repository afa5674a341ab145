import { copyFromObs, copyToObs, copyWithinObs } from './obs-copy.ts';
import { ObsStore } from './obs-store.ts';
import type { ObsUrl } from './obs-url.ts';
import { type OnProgress, requireComplete, type TransferResult } from './transfer-run.ts';

export type { ObsEntry } from './obs-store.ts';
export { type ObsUrl, obsUrlText } from './obs-url.ts';

/** Object storage as the command line uses it: whole trees, parallel parts, progress. */
export class ObsClient extends ObsStore {
  /** Uploads a file, or a directory as a tree below `to`. Throws when a file failed. */
  async upload(from: string, to: ObsUrl, onProgress?: OnProgress): Promise<TransferResult> {
    return requireComplete(await copyToObs(this, from, to, onProgress));
  }

  /** Downloads an object to a file, or a prefix as a tree into a directory. Throws when a file failed. */
  async download(from: ObsUrl, to: string, onProgress?: OnProgress): Promise<TransferResult> {
    return requireComplete(await copyFromObs(this, from, to, onProgress));
  }

  /** Copies an object, or everything below a prefix, to another place in the store. Throws when an object failed. */
  async copy(from: ObsUrl, to: ObsUrl, onProgress?: OnProgress): Promise<TransferResult> {
    return requireComplete(await copyWithinObs(this, from, to, onProgress));
  }
}
