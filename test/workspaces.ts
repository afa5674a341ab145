import type { Workspaces } from '../src/app/compose.ts';
import { Failure } from '../src/kernel/failure.ts';

export interface StandIn extends Workspaces {
  /** Makes a workspace, or changes one, that these users may enter, or everybody. */
  make(id: string, who: 'all' | readonly string[], enterpriseProjectId?: string): void;
  /** Sets a quota of a workspace. */
  limit(id: string, resource: string, quota: number): void;
}

/** Workspaces in memory beside the default one; root users may enter them all. */
export function standInWorkspaces(): StandIn {
  const known = new Map<string, { who: 'all' | readonly string[]; enterpriseProjectId: string }>();
  const quotas = new Map<string, number>();
  const listeners: (() => void)[] = [];
  known.set('0', { who: 'all', enterpriseProjectId: '0' });
  return {
    make(id, who, enterpriseProjectId = '0') {
      known.set(id, { who, enterpriseProjectId });
      for (const listener of listeners) listener();
    },
    onChanged: listener => void listeners.push(listener),
    limit: (id, resource, quota) => void quotas.set(`${id} ${resource}`, quota),
    // The real one asks within the transaction that it is given.
    async admit(_projectId, id, resource, used) {
      const quota = quotas.get(`${id} ${resource}`) ?? Number.POSITIVE_INFINITY;
      // Long enough for whoever does not wait for its turn to have counted meanwhile.
      await new Promise(resolve => setTimeout(resolve, 20));
      if (used < quota) return;
      throw new Failure({ code: 'ModelArts.7006', status: 400, message: `The quota of ${resource} is ${quota}.` });
    },
    async find(_projectId, id) {
      const found = known.get(id);
      return (
        found && {
          id,
          enterpriseProjectId: found.enterpriseProjectId,
          admits: ({ kind, id: user, onBehalfOf }) => {
            const person = kind === 'agency' ? onBehalfOf?.id : user;
            const allowed = found.who === 'all' || kind === 'root' || found.who.includes(person ?? '');
            return { allowed, reason: allowed ? 'It is open.' : 'It is not theirs.' };
          },
        }
      );
    },
  };
}
