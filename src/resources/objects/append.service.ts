import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Blobs, INLINE_BYTES, inlineBytes, type WrittenBlob } from './blobs.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { type objectService, type PutOptions, receive } from './object.service.ts';
import { attributesText, type ObjectRow, objectOf, objectStore, segmentsOf } from './object.store.ts';
import { attributes, checkKey, type ObjectInfo, type ObsPath, type Segment } from './object.ts';
import { versionStore } from './version.store.ts';

/** Most appends to one object (OBS). */
const MAX_APPENDS = 10_000;

/**
 * Appending to objects (OBS AppendObject). Each append is a segment; small ones are joined with the one before, so that a log of many
 * lines does not become as many pieces.
 */
export function appendService(deps: {
  blobs: Blobs;
  guard: Guard;
  clock: Clock;
  objects: ReturnType<typeof objectService>;
}) {
  const { blobs, guard, clock, objects } = deps;

  /** The last piece and the new one as one blob, where both fit into the database. */
  async function joined(
    rows: ReturnType<typeof objectStore>,
    before: Segment[],
    added: WrittenBlob,
  ): Promise<WrittenBlob | undefined> {
    const last = before.at(-1);
    if (!last || !added.blob.content || last[2] + added.size > INLINE_BYTES) return undefined;
    const found = await rows.findBlob(last[0]);
    if (!found?.content) return undefined;
    const bytes = inlineBytes(found).subarray(last[1], last[1] + last[2]);
    const joint = await blobs.write(Buffer.concat([bytes, added.blob.content]));
    // It lies in the database: there is no file that a sweep could take for a stray one.
    joint.settle();
    return joint;
  }

  return {
    /**
     * Appends at `position`, which must be the length of the object; at 0 the object is made where there is none. `given` counts for a new
     * object alone. Throws Failure ObjectNotAppendable, PositionNotEqualToLength (with `details.length`).
     */
    async append(
      principal: Principal,
      path: ObsPath,
      position: number,
      source: Readable | Buffer | AsyncIterable<Buffer>,
      given: Pick<PutOptions, 'size' | 'md5' | 'verify'> & Parameters<typeof attributes>[0],
    ): Promise<ObjectInfo> {
      checkKey(path.key);
      const bucket = await guard.require(principal, 'obs:object:PutObject', path);
      const { blob } = await receive(blobs, source, given);
      return objects.enter(blob, async transaction => {
        const rows = objectStore(transaction);
        const old = await rows.findObject(bucket.id, path.key);
        if (!old) {
          if (position !== 0) throw wrongPosition(0);
          const marker = bucket.versioning && (await versionStore(transaction).latest(bucket.id, path.key));
          await rows.insertBlob(blob.blob);
          const row: ObjectRow = {
            bucket_id: bucket.id,
            key: path.key,
            size: blob.size,
            etag: blob.md5,
            last_modified: clock.now(),
            storage_class: given.storageClass ?? bucket.storageClass,
            upload_id: null,
            version_id: null,
            seq: marker ? marker.seq + 1 : 0,
            attributes: attributesText(attributes({ ...given, appendable: { count: 1 } })),
            segments: JSON.stringify(blob.segments),
          };
          await rows.replaceObject(row);
          return objectOf(bucket.name, row);
        }
        const info = objectOf(bucket.name, old);
        if (!info.appendable) throw obsFailure('ObjectNotAppendable');
        if (info.encryption) throw obsFailure('NotImplemented', 'Appending to an encrypted object is not supported.');
        if (position !== old.size) throw wrongPosition(old.size);
        const { count } = info.appendable;
        if (count >= MAX_APPENDS) {
          throw obsFailure(
            'InvalidRequest',
            `The object was appended to ${MAX_APPENDS} times, the limit: copy it to a new one.`,
          );
        }
        const before = segmentsOf(old);
        const joint = await joined(rows, before, blob);
        await rows.insertBlob((joint ?? blob).blob);
        if (joint) await rows.release(before.slice(-1), clock.now());
        const row: ObjectRow = {
          ...old,
          size: old.size + blob.size,
          etag: createHash('md5').update(old.etag).update(blob.md5).digest('hex'),
          last_modified: clock.now(),
          attributes: attributesText(attributes({ ...info, checksum: {}, appendable: { count: count + 1 } })),
          segments: JSON.stringify(joint ? [...before.slice(0, -1), ...joint.segments] : [...before, ...blob.segments]),
        };
        await rows.replaceObject(row);
        return objectOf(bucket.name, row);
      });
    },
  };
}

function wrongPosition(length: number): Failure {
  return new Failure({
    code: 'PositionNotEqualToLength',
    status: 409,
    message: `The object has ${length} bytes: append at position ${length}.`,
    details: { length },
  });
}
