import type { Principal } from '../../kernel/principal.ts';
import {
  type AccessRequest,
  type Authorizer,
  type CompiledPolicies,
  compilePolicies,
  type Decision,
  decide,
  explain,
  findSystemPolicy,
  type NamedPolicy,
  parsePolicy,
} from '../../policy/index.ts';
import type { IamStore } from './iam.store.ts';
import { scopeCovers } from './identity.ts';

/**
 * Decides by the policies of the caller: root may do everything; a user has what the groups have; an agency what it was given.
 * No match denies. Compiled policies are kept until `changed()` says that something about policies or grants changed.
 */
export function iamAuthorizer(store: IamStore): Authorizer & { changed(): void } {
  const compiled = new Map<string, Promise<CompiledPolicies>>();

  async function load(principal: Principal): Promise<CompiledPolicies> {
    const grants =
      principal.kind === 'agency'
        ? await store.grants('agency', [principal.id])
        : await store.grants('group', await store.groupsOf(principal.id));
    const ids = new Set(
      grants.filter(grant => scopeCovers(grant.scope, principal.projectId)).map(grant => grant.policy_id),
    );
    const policies: NamedPolicy[] = [];
    for (const id of ids) {
      const system = findSystemPolicy(id);
      if (system) {
        policies.push({
          name: system.displayName,
          id: system.id,
          policy: parsePolicy(system.document, { kind: 'system' }).policy,
        });
        continue;
      }
      const custom = await store.policy(id);
      if (custom && custom.account_id === principal.accountId) {
        policies.push({ name: custom.display_name, id: custom.id, policy: parsePolicy(custom.document).policy });
      }
    }
    return compilePolicies(policies);
  }

  function policiesOf(principal: Principal): Promise<CompiledPolicies> {
    const key = `${principal.kind}:${principal.id}:${principal.projectId ?? ''}`;
    let found = compiled.get(key);
    if (!found) {
      found = load(principal);
      compiled.set(key, found);
      found.catch(() => compiled.delete(key));
    }
    return found;
  }

  return {
    changed: () => compiled.clear(),
    async decide(principal: Principal, request: AccessRequest): Promise<Decision> {
      if (principal.kind === 'root')
        return { allowed: true, reason: 'The root user may do everything in its account.' };
      const policies = await policiesOf(principal);
      const verdict = decide(policies, request as Parameters<typeof decide>[1]);
      if (verdict.verdict === 'allow') {
        return { allowed: true, reason: `Allowed by policy ${verdict.matched?.policy ?? ''}.`, ...matchOf(verdict) };
      }
      const { text } = explain(policies, request as Parameters<typeof explain>[1]);
      return { allowed: false, reason: text, ...matchOf(verdict) };
    },
  };
}

function matchOf(verdict: ReturnType<typeof decide>): { policy?: string; statement?: number } {
  return verdict.matched ? { policy: verdict.matched.policy, statement: verdict.matched.statement } : {};
}
