import type { Workspaces } from '../src/app/compose.ts';

export interface StandIn extends Workspaces {
  /** Makes a workspace that these users may enter, or everybody. */
  make(id: string, who: 'all' | readonly string[], enterpriseProjectId?: string): void;
}

/** Workspaces in memory beside the default one; root users may enter them all. */
export function standInWorkspaces(): StandIn {
  const known = new Map<string, { who: 'all' | readonly string[]; enterpriseProjectId: string }>();
  known.set('0', { who: 'all', enterpriseProjectId: '0' });
  return {
    make: (id, who, enterpriseProjectId = '0') => void known.set(id, { who, enterpriseProjectId }),
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
