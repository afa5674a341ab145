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
import { scopeCounts } from './identity.ts';

/**
 * Decides by the policies of the caller: root may do everything; a user has what the groups have; an agency what it was given.
 * No match denies. Compiled policies are kept until `changed()` says that something about policies or grants changed.
 */
export function iamAuthorizer(store: IamStore): Authorizer & { changed(): void } {
  const compiled = new Map<string, Promise<CompiledPolicies>>();

  async function load(principal: Principal, action: string): Promise<CompiledPolicies> {
    const grants =
      principal.kind === 'agency'
        ? await store.grants('agency', [principal.id])
        : await store.grants('group', await store.groupsOf(principal.id));
    const counts = new Map<string, 'all' | 'denials'>();
    for (const grant of grants) {
      const part = scopeCounts(grant.scope, action, principal.projectId);
      if (part !== 'none' && counts.get(grant.policy_id) !== 'all') counts.set(grant.policy_id, part);
    }
    const policies: NamedPolicy[] = [];
    for (const [id, part] of counts) {
      const found = await find(id, principal.accountId);
      if (!found) continue;
      if (part === 'all') policies.push(found);
      else {
        const statements = found.policy.statements.filter(statement => statement.effect === 'Deny');
        policies.push({ ...found, policy: { ...found.policy, statements } });
      }
    }
    return compilePolicies(policies);
  }

  async function find(id: string, accountId: string): Promise<NamedPolicy | undefined> {
    const system = findSystemPolicy(id);
    if (system) {
      const { policy } = parsePolicy(system.document, { kind: 'system' });
      return { name: system.displayName, id, policy };
    }
    const custom = await store.policy(id);
    if (custom?.account_id !== accountId) return undefined;
    return { name: custom.display_name, id, policy: parsePolicy(custom.document).policy };
  }

  function policiesOf(principal: Principal, action: string): Promise<CompiledPolicies> {
    const key = `${principal.kind}:${principal.id}:${action.startsWith('obs:') ? 'obs' : (principal.projectId ?? '')}`;
    let found = compiled.get(key);
    if (!found) {
      found = load(principal, action);
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
      const policies = await policiesOf(principal, request.action);
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
