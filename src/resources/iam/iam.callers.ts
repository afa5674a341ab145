import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer } from '../../policy/index.ts';
import type { IamStore } from './iam.store.ts';
import { type Account, isAlive, PLATFORM_TRUST, type User } from './identity.ts';
import type { FederatedUser } from './provider.ts';
import { switchedGeneration } from './token.ts';

/** Who may invoke inference in a project, for the gateway. */
export interface Caller {
  id: string;
  projectId: string;
  generation: number;
}

/**
 * Everybody whose token the gateway lets through, by project (docs/decisions/0004): users whose password is theirs, agencies, and
 * each user who may switch to one, since the token of a switched role has the generation of both.
 */
export async function gatewayCallers(deps: {
  store: IamStore;
  /** Those whom identity providers vouch for, and whose logins are good. */
  federatedUsers: readonly FederatedUser[];
  authorizer: Authorizer;
  mayInvoke: (principal: Principal) => Promise<boolean>;
  now: number;
}): Promise<Caller[]> {
  const { store, federatedUsers, authorizer, mayInvoke, now } = deps;
  const accounts = new Map((await store.accounts()).filter(({ enabled }) => enabled).map(item => [item.id, item]));
  const [projects, users, agencies, memberships, ownGrants] = await Promise.all([
    store.allProjects(),
    store.enabledUsers(),
    store.allAgencies(),
    store.memberships(),
    store.usersWithGrants(),
  ]);
  // A token with a password that must be changed is good for nothing else.
  const own = users.filter(user => !user.mustChangePassword);
  const usersOf = Map.groupBy([...own, ...federatedUsers], user => user.accountId);
  const alive = agencies.filter(agency => isAlive(agency, now));
  const agenciesOf = Map.groupBy(alive, agency => agency.accountId);
  const callers: Caller[] = [];
  for (const project of projects) {
    const account = accounts.get(project.accountId);
    if (!account || project.status === 'suspended') continue;
    const scope = { projectId: project.id, projectName: project.name };
    // Users with the same groups and no grants of their own may do the same, so each set of groups is asked about once.
    const allowed = new Map<string, boolean>();
    for (const user of usersOf.get(account.id) ?? []) {
      const like = ownGrants.has(user.id) ? user.id : likeOf(user, memberships);
      const may = allowed.get(like) ?? (await mayInvoke({ ...principalOf(user, account), ...scope }));
      allowed.set(like, may);
      if (may) callers.push({ id: user.id, projectId: project.id, generation: user.generation });
    }
    for (const agency of agenciesOf.get(account.id) ?? []) {
      const principal: Principal = {
        kind: 'agency',
        id: agency.id,
        name: agency.name,
        accountId: account.id,
        accountName: account.name,
        credential: 'token',
        ...scope,
      };
      if (!(await mayInvoke(principal))) continue;
      callers.push({ id: agency.id, projectId: project.id, generation: agency.generation });
      const home = accounts.get(agency.trust);
      if (agency.trust === PLATFORM_TRUST || !home) continue;
      const resource = `/iam/agencies/${agency.id}`;
      for (const user of usersOf.get(home.id) ?? []) {
        const { allowed: may } = await authorizer.decide(principalOf(user, home), {
          action: 'iam:agencies:assume',
          resource,
        });
        if (!may) continue;
        callers.push({ id: agency.id, projectId: project.id, generation: switchedGeneration(agency, user) });
      }
    }
  }
  return callers;
}

/** Those of whom this is the same may do the same, but for grants of their own. */
function likeOf(user: User | FederatedUser, memberships: ReadonlyMap<string, readonly string[]>): string {
  if ('groups' in user) return `federated ${user.groups.join()}`;
  return user.isRoot ? 'root' : `user ${(memberships.get(user.id) ?? []).join()}`;
}

function principalOf(user: User | FederatedUser, account: Account): Principal {
  return {
    ...('groups' in user
      ? { kind: 'federated', groups: user.groups }
      : { kind: user.isRoot ? 'root' : ('user' as const) }),
    id: user.id,
    name: user.name,
    accountId: account.id,
    accountName: account.name,
    credential: 'token',
  };
}
