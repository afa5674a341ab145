import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import { tables } from '../../store-kit/index.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { formatObsPath, type ObjectAttributes, type ObjectInfo, type ObsPath } from './object.ts';
import type { SettingsStore } from './settings.store.ts';

export const DAY_MS = 24 * 3600 * 1000;

/** How far an archived object is from being readable. */
export type RestoreState = 'archived' | 'restoring' | 'restored';

export function restoreState(info: Pick<ObjectInfo, 'restore'>, now: number): RestoreState {
  if (!info.restore || info.restore.until <= now) return 'archived';
  return info.restore.readyAt > now ? 'restoring' : 'restored';
}

interface StoredRow {
  bucket_id: number;
  key: string;
  seq: number;
  version_id: string | null;
  storage_class: string;
  attributes: string;
}

/**
 * Objects of class COLD: read only once they were restored, until that ends (OBS "Restoring an Archive Object"). Their bytes lie where
 * all others lie; what is told of them is kept in their attributes, so nothing needs to be done when a restore begins, is ready, or ends.
 */
export function createArchive(deps: {
  commit: Commit;
  guard: Guard;
  settings: SettingsStore;
  clock: Clock;
  /** How long restoring takes. */
  restoreMs: number;
}) {
  const { commit, guard, settings, clock, restoreMs } = deps;

  async function checkIn(bucket: string): Promise<(info: ObjectInfo) => void> {
    const direct = (await settings.having('directColdAccess')).has(bucket);
    return info => {
      if (direct || info.storageClass !== 'COLD' || restoreState(info, clock.now()) === 'restored') return;
      throw obsFailure(
        'InvalidObjectState',
        `Object ${formatObsPath(info)} is archived (COLD): restore it with POST ?restore, then read it.`,
      );
    };
  }

  return {
    /** Throws Failure InvalidObjectState for an archived object that is not restored. */
    async checkReadable(info: ObjectInfo): Promise<void> {
      if (info.storageClass === 'COLD') (await checkIn(info.bucket))(info);
    },

    /** The check for objects of a bucket, to be called within a transaction. */
    checkIn,

    /**
     * Begins to restore an object for `days`, or prolongs a restore. Returns whether it was restored already. Throws Failure
     * RestoreAlreadyInProgress, InvalidObjectState unless it is of class COLD, NoSuchKey.
     */
    async restore(principal: Principal, path: ObsPath, days: number, versionId?: string): Promise<boolean> {
      const bucket = await guard.require(principal, 'obs:object:RestoreObject', path);
      return commit(async transaction => {
        const db = tables<{ obs_objects: StoredRow; obs_versions: StoredRow & { delete_marker: number } }>(transaction);
        const current = db.selectFrom('obs_objects').select(['seq', 'version_id', 'storage_class', 'attributes']);
        let found = await current.where('bucket_id', '=', bucket.id).where('key', '=', path.key).executeTakeFirst();
        let table: 'obs_objects' | 'obs_versions' = 'obs_objects';
        if (versionId !== undefined && (found?.version_id ?? 'null') !== versionId) {
          table = 'obs_versions';
          found = await db
            .selectFrom('obs_versions')
            .select(['seq', 'version_id', 'storage_class', 'attributes'])
            .where('bucket_id', '=', bucket.id)
            .where('key', '=', path.key)
            .where('version_id', versionId === 'null' ? 'is' : '=', versionId === 'null' ? null : versionId)
            .where('delete_marker', '=', 0)
            .executeTakeFirst();
        }
        if (!found) throw obsFailure('NoSuchKey', `Object ${formatObsPath(path)} does not exist.`);
        if (found.storage_class !== 'COLD') {
          throw obsFailure(
            'InvalidObjectState',
            `The object's class is ${found.storage_class}: only COLD is restored.`,
          );
        }
        const kept = JSON.parse(found.attributes) as Omit<ObjectAttributes, 'storageClass'>;
        const now = clock.now();
        const state = restoreState(kept, now);
        if (state === 'restoring') throw obsFailure('RestoreAlreadyInProgress');
        const readyAt = state === 'restored' ? kept.restore!.readyAt : now + restoreMs;
        const restore = { readyAt, until: Math.max(now, readyAt) + days * DAY_MS };
        await db
          .updateTable(table)
          .set({ attributes: JSON.stringify({ ...kept, restore }) })
          .where('bucket_id', '=', bucket.id)
          .where('key', '=', path.key)
          .where('seq', '=', found.seq)
          .execute();
        return state === 'restored';
      });
    },
  };
}

export type Archive = ReturnType<typeof createArchive>;

/** What a copy takes from its source with the directive COPY: not what holds for the source alone, which the request may give anew. */
export function copiedAttributes(info: ObjectInfo, given: Pick<ObjectInfo, 'redirect' | 'expiresAt'>): ObjectInfo {
  const { restore: _restore, expiresAt: _expires, redirect: _redirect, ...kept } = info;
  const { redirect, expiresAt } = given;
  return {
    ...kept,
    ...(redirect === undefined ? {} : { redirect }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
