import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { then } from '../../kernel/soon.ts';
import type { AccessRequest, Authorizer } from '../../policy/index.ts';
import { DAY_MS } from './trace.keeper.ts';
import type { CountedUse, UsageStore } from './usage.store.ts';
import { poolTypeOf, useOf } from './usage.ts';

/** Counts gather for so long before they are written; a process that is killed loses them. */
const GATHER_MS = 5000;
/** Different uses that are remembered until then, and branches on the ways to them. */
const MOST = 10_000;
const MOST_BRANCHES = 5 * MOST;

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
  let gathered: Branch = new Map();
  let branches = 0;
  let uses: CountedUse[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function write(counted: readonly CountedUse[]): Promise<void> {
    try {
      // A use of the last seconds before midnight may count for the day after.
      await store.add(counted, Math.floor(clock.now() / DAY_MS));
    } catch (error) {
      const count = counted.reduce((sum, use) => sum + use.count, 0);
      dropped(count);
      log.error({ err: error, uses: count }, 'what was used could not be written');
    }
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    gathered = new Map();
    branches = 0;
    if (uses.length > 0) {
      const counted = uses;
      uses = [];
      writing = writing.then(() => write(counted));
    }
    return writing;
  }

  function branch(from: Branch, key: string): Branch {
    const known = from.get(key);
    if (known) return known as Branch;
    if (branches >= MOST_BRANCHES || from === NOWHERE) return NOWHERE;
    branches++;
    const made: Branch = new Map();
    from.set(key, made);
    return made;
  }

  /** Begins to count a use that is not known yet. */
  function begin(principal: Principal, request: AccessRequest, known: Branch, key: string): void {
    timer ??= setTimeout(() => void flush(), GATHER_MS).unref();
    const use = useOf(principal, request);
    if (!use) return;
    if (uses.length >= MOST || known === NOWHERE) {
      dropped(1);
      return;
    }
    const counted = { ...use, count: 1, lastUsed: clock.now() };
    known.set(key, counted);
    uses.push(counted);
  }

  return {
    used(principal, request) {
      // Branch by branch: the hashes of these texts are known already, that of one text made of them would not be.
      let at = branch(gathered, principal.accountId);
      at = branch(at, principal.id);
      at = branch(at, principal.onBehalfOf?.id ?? '');
      at = branch(at, request.action);
      at = branch(at, request.enterpriseProjectId ?? '0');
      at = branch(at, poolTypeOf(request));
      const place = request.resource === undefined ? '' : placeOf(request.resource);
      const known = at.get(place) as CountedUse | undefined;
      if (known) {
        known.count++;
        known.lastUsed = clock.now();
      } else begin(principal, request, at, place);
    },
    flush,
    stop: flush,
  };
}

/** What is known, by one property of a use after the other. */
type Branch = Map<string, Branch | CountedUse>;

/** Where there is no room for more. */
const NOWHERE: Branch = new Map();

/** A resource without the key of an object, which makes no difference. */
function placeOf(resource: string): string {
  if (!resource.startsWith('obs:')) return resource;
  const slash = resource.indexOf('/');
  return slash < 0 ? resource : resource.slice(0, slash + 1);
}

/** An authorizer that counts what it allows. For decisions on what somebody does, not for those that only ask what he might. */
export function recordingAuthorizer(authorizer: Authorizer, usage: Pick<UsageRecorder, 'used'>): Authorizer {
  return {
    decide: (principal, request) =>
      then(authorizer.decide(principal, request), decision => {
        if (decision.allowed && !request.probe) usage.used(principal, request);
        return decision;
      }),
  };
}
