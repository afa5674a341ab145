import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { AccessRequest, Authorizer } from '../../policy/index.ts';
import { DAY_MS } from './trace.keeper.ts';
import type { CountedUse, UsageStore } from './usage.store.ts';
import { poolTypeOf, useOf } from './usage.ts';

/** Counts gather for so long before they are written; a process that is killed loses them. */
const GATHER_MS = 5000;
/** Different uses that are remembered until then. */
const MOST = 10_000;

export interface UsageRecorder {
  /** Counts a request that was allowed. */
  used(principal: Principal, request: AccessRequest): void;
  /** Resolves when all that was counted before is on disk, or could not be written. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

/** Counts in memory what is used, and adds it to the database every few seconds. */
export function usageRecorder(deps: {
  store: Pick<UsageStore, 'add'>;
  clock: Clock;
  log: Log;
  /** Told how many uses were lost. */
  dropped(count: number): void;
}): UsageRecorder {
  const { store, clock, log, dropped } = deps;
  let gathered = new Map<string, CountedUse>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(uses: CountedUse[]): Promise<void> {
    try {
      // A use of the last seconds before midnight may count for the day after.
      await store.add(uses, Math.floor(clock.now() / DAY_MS));
    } catch (error) {
      const count = uses.reduce((sum, use) => sum + use.count, 0);
      dropped(count);
      log.error({ err: error, uses: count }, 'what was used could not be written');
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.size > 0) {
      const uses = [...gathered.values()];
      gathered = new Map();
      writing = writing.then(() => write(uses));
    }
    return writing;
  }

  return {
    used(principal, request) {
      const { action, resource, enterpriseProjectId = '' } = request;
      const { id, accountId, onBehalfOf } = principal;
      const place = resource === undefined ? '' : placeOf(resource);
      const key = `${id}\n${onBehalfOf?.id ?? ''}\n${accountId}\n${action}\n${place}\n${poolTypeOf(request)}\n${enterpriseProjectId}`;
      const known = gathered.get(key);
      if (known) {
        known.count++;
        known.lastUsed = clock.now();
        return;
      }
      const use = useOf(principal, request);
      if (!use) return;
      if (gathered.size >= MOST) {
        dropped(1);
        return;
      }
      gathered.set(key, { ...use, count: 1, lastUsed: clock.now() });
      timer ??= setTimeout(() => void flush(), GATHER_MS).unref();
    },
    flush,
    stop: flush,
  };
}

/** A resource without the key of an object, which makes no difference. */
function placeOf(resource: string): string {
  if (!resource.startsWith('obs:')) return resource;
  const slash = resource.indexOf('/');
  return slash < 0 ? resource : resource.slice(0, slash + 1);
}

/** An authorizer that counts what it allows. For decisions on what somebody does, not for those that only ask what he might. */
export function recordingAuthorizer(authorizer: Authorizer, usage: Pick<UsageRecorder, 'used'>): Authorizer {
  return {
    async decide(principal, request) {
      const decision = await authorizer.decide(principal, request);
      if (decision.allowed && !request.probe) usage.used(principal, request);
      return decision;
    },
  };
}
