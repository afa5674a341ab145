import type { Principal } from '../../kernel/principal.ts';
import type { AccessRequest, Authorizer } from '../../policy/index.ts';
import type { UseRow } from './audit.store.ts';

const DAY_MS = 24 * 3600_000;
/** Different uses kept in memory between two flushes; what comes beyond is not learned from. */
const MOST = 20_000;

/** Condition keys that say something about what is done, rather than about who asks, when and whence. */
const TELLING = ['modelarts:poolType'];

/**
 * Counts in memory which permissions are used, by whom, on what. What was counted since the last flush is lost when the process is
 * killed: it is there to learn from, and no proof of anything.
 */
export function usageRecorder(now: () => number) {
  let counted = new Map<string, UseRow>();
  let dropped = 0;

  function note(principal: Principal, request: AccessRequest): void {
    const { action } = request;
    const resource = generalised(request.resource);
    let conditions = '';
    for (const key of TELLING) {
      const value = request.context?.[key];
      if (value !== undefined) conditions = JSON.stringify({ [key]: String(value) });
    }
    const time = now();
    const day = Math.floor(time / DAY_MS);
    const key = `${principal.accountId} ${principal.id} ${action} ${resource} ${conditions} ${day}`;
    const known = counted.get(key);
    if (known) {
      known.uses += 1;
      known.last_used = time;
      return;
    }
    if (counted.size >= MOST) {
      dropped += 1;
      return;
    }
    counted.set(key, {
      account_id: principal.accountId,
      subject_id: principal.id,
      action,
      resource,
      conditions,
      day,
      uses: 1,
      last_used: time,
    });
  }

  return {
    /** The authorizer, but what it allows is counted. */
    recording(authorizer: Authorizer): Authorizer {
      return {
        async decide(principal, request) {
          const decision = await authorizer.decide(principal, request);
          if (decision.allowed) note(principal, request);
          return decision;
        },
      };
    },
    /** What was counted since the last time, which is forgotten here. */
    take(): UseRow[] {
      const rows = [...counted.values()];
      counted = new Map();
      return rows;
    },
    dropped: () => dropped,
  };
}

/** A resource as a policy would name it: everything in the bucket rather than one object. Empty for all of the type. */
function generalised(resource: string | undefined): string {
  if (resource === undefined) return '';
  const object = /^(obs:[^:]*:[^:]*:object:[^/]+)\/.*$/s.exec(resource);
  if (object) return `${object[1]}/*`;
  return resource.startsWith('obs:') ? resource : '';
}
