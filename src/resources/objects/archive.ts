import type { Clock } from '../../kernel/clock.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Soon, then } from '../../kernel/soon.ts';
import type { Commit } from './commit-queue.ts';
import { obsFailure } from './failures.ts';
import type { Guard } from './guard.ts';
import { attributesText } from './object.store.ts';
import { attributes, formatObsPath, type ObjectInfo, type ObsPath } from './object.ts';
import type { SettingsStore } from './settings.store.ts';
import { admitted, updateVersion } from './versions.ts';

export const DAY_MS = 24 * 3600 * 1000;

/** How far an archived object is from being readable. */
export type RestoreState = 'archived' | 'restoring' | 'restored';

export function restoreState(info: Pick<ObjectInfo, 'restore'>, now: number): RestoreState {
  if (!info.restore || info.restore.until <= now) return 'archived';
  return info.restore.readyAt > now ? 'restoring' : 'restored';
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

  function checkIn(bucket: string): Soon<(info: ObjectInfo) => void> {
    return then(settings.having('directColdAccess'), direct => info => {
      if (direct.has(bucket) || info.storageClass !== 'COLD' || restoreState(info, clock.now()) === 'restored') return;
      throw obsFailure(
        'InvalidObjectState',
        `Object ${formatObsPath(info)} is archived (COLD): restore it with POST ?restore, then read it.`,
      );
    });
  }

  return {
    /** Throws Failure InvalidObjectState for an archived object that is not restored. */
    checkReadable(info: ObjectInfo): Soon<void> {
      if (info.storageClass === 'COLD') return then(checkIn(info.bucket), check => check(info));
    },

    /** The check for objects of a bucket, to be called within a transaction. */
    checkIn,

    /**
     * Begins to restore an object for `days`, or prolongs a restore. Returns whether it was restored already. Throws Failure
     * RestoreAlreadyInProgress, InvalidObjectState unless it is of class COLD, NoSuchKey.
     */
    async restore(principal: Principal, path: ObsPath, days: number, versionId?: string): Promise<boolean> {
      const access = await guard.object(principal, 'obs:object:RestoreObject', path);
      return commit(async transaction => {
        const { info, ...found } = await admitted(transaction, access, path, versionId);
        if (info.storageClass !== 'COLD') {
          throw obsFailure('InvalidObjectState', `The object's class is ${info.storageClass}: only COLD is restored.`);
        }
        const now = clock.now();
        const state = restoreState(info, now);
        if (state === 'restoring') throw obsFailure('RestoreAlreadyInProgress');
        const readyAt = state === 'restored' ? info.restore!.readyAt : now + restoreMs;
        const restore = { readyAt, until: Math.max(now, readyAt) + days * DAY_MS };
        const row = { ...found.row, attributes: attributesText(attributes({ ...info, restore })) };
        await updateVersion(transaction, { ...found, row });
        return state === 'restored';
      });
    },
  };
}

export type Archive = ReturnType<typeof createArchive>;
