import type { Principal } from '../../kernel/principal.ts';
import { type Soon, then } from '../../kernel/soon.ts';
import {
  type AccessRequest,
  type Authorizer,
  type CompiledPolicies,
  compilePolicies,
  type DecideOptions,
  type Decision,
  decide,
  explain,
  findSystemPolicy,
  type NamedPolicy,
  parsePolicy,
} from '../../policy/index.ts';
import type { IamStore } from './iam.store.ts';
import { PLATFORM_TRUST, type Place, scopeCounts } from './identity.ts';
import type { ProviderStore } from './provider.store.ts';

const MOST_KEPT = 20_000;

/** Whose policies are asked: `federated` users bring their groups, all others have theirs in the database. */
type Subject = Pick<Principal, 'kind' | 'id' | 'accountId' | 'groups'>;

/** What is known of a subject in one place. */
interface Rights {
  policies: CompiledPolicies;
  /** What counts where no policy speaks of a ModelArts action. */
  whenNoMatch: NonNullable<DecideOptions['whenNoMatch']>;
  /** The agency serves the platform: what runs by it stays within the denials of the user it works for. */
  ofPlatform: boolean;
}

/**
 * Decides by the policies of the caller (behaviour/permissions.md 3): root may do everything; a user has what the groups have; an agency
 * what it was given, less what the user it works for is denied of ModelArts itself. What no policy speaks of is denied, but for users of
 * ModelArts in an account of loose mode. Compiled policies are kept until `changed()` says that something about them changed.
 */
export function iamAuthorizer(
  store: IamStore,
  federated: Pick<ProviderStore, 'federatedUser'>,
): Authorizer & { changed(): void } {
  const known = new Map<string, Soon<Rights>>();
  const boundaries = new Map<string, CompiledPolicies>();

  async function grantsOf(subject: Subject) {
    if (subject.kind === 'agency') return store.grants('agency', [subject.id]);
    if (subject.kind === 'federated') return store.grants('group', subject.groups ?? []);
    // Whoever an agency works for is known by its id alone, and may be a federated user.
    const mapped = await federated.federatedUser(subject.id);
    if (mapped) return store.grants('group', mapped.groups);
    const ofGroups = await store.grants('group', await store.groupsOf(subject.id));
    return [...ofGroups, ...(await store.grants('user', [subject.id]))];
  }

  async function load(subject: Subject, action: string, place: Place): Promise<Rights> {
    const counts = new Map<string, 'all' | 'denials'>();
    for (const grant of await grantsOf(subject)) {
      const part = scopeCounts(grant.scope, action, place);
      if (part !== 'none' && counts.get(grant.policy_id) !== 'all') counts.set(grant.policy_id, part);
    }
    const policies: NamedPolicy[] = [];
    for (const [id, part] of counts) {
      const found = await find(id, subject.accountId);
      if (!found) continue;
      if (part === 'all') policies.push(found);
      else {
        const statements = found.policy.statements.filter(statement => statement.effect === 'Deny');
        policies.push({ ...found, policy: { ...found.policy, statements } });
      }
    }
    const agency = subject.kind === 'agency' ? await store.agency(subject.id) : undefined;
    const mode = agency ? 'strict' : (await store.account(subject.accountId))?.authMode;
    return {
      policies: compilePolicies(policies),
      whenNoMatch: mode === 'loose' ? 'allow' : 'deny',
      ofPlatform: agency?.trust === PLATFORM_TRUST,
    };
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

  function rightsOf(subject: Subject, action: string, place: Place): Soon<Rights> {
    const where = action.startsWith('obs:') ? 'obs' : (place.projectId ?? '');
    const groups = subject.groups?.join() ?? '';
    const key = `${subject.kind}:${subject.id}:${groups}:${where}:${place.enterpriseProjectId}`;
    const found = known.get(key);
    if (found) return found;
    // Callers name enterprise projects as they like: what is kept for them has an end.
    if (known.size >= MOST_KEPT) known.clear();
    const loading = load(subject, action, place);
    const replace = (by?: Rights) => {
      if (known.get(key) !== loading) return; // something changed meanwhile
      if (by) known.set(key, by);
      else known.delete(key);
    };
    known.set(key, loading);
    loading.then(replace, () => replace());
    return loading;
  }

  function boundaryOf(document: string): CompiledPolicies {
    let found = boundaries.get(document);
    if (!found) {
      if (boundaries.size >= 1000) boundaries.clear();
      const { policy } = parsePolicy(document);
      found = compilePolicies([{ name: 'the policy of this temporary credential', policy }]);
      boundaries.set(document, found);
    }
    return found;
  }

  function judge(policies: CompiledPolicies, request: AccessRequest, options: DecideOptions = {}): Decision {
    const asked = request as Parameters<typeof decide>[1];
    const verdict = decide(policies, asked, options);
    const { matched } = verdict;
    const match = matched
      ? { policy: matched.policy, statement: matched.statement, conditions: matched.conditions }
      : {};
    if (verdict.verdict === 'deny') {
      return { allowed: false, reason: explain(policies, asked, options).text, ...match, final: matched !== undefined };
    }
    const reason = matched
      ? `Allowed by policy ${matched.policy}.`
      : 'No policy speaks of it, and the account is in loose authorization mode.';
    return { allowed: true, reason, ...match };
  }

  /**
   * What the user for whom the platform's agency works is denied: code in a job must not do by it what its owner may not. The owner is an
   * agency where somebody of another account switched to it.
   */
  async function ownerDenies(
    principal: Principal,
    request: AccessRequest,
    place: Place,
  ): Promise<Decision | undefined> {
    const { onBehalfOf, accountId } = principal;
    if (!onBehalfOf || !request.action.startsWith('modelarts:')) return undefined;
    const context = { ...request.context, 'g:UserId': onBehalfOf.id, 'g:UserName': onBehalfOf.name };
    for (const kind of ['user', 'agency'] as const) {
      const { policies } = await rightsOf({ kind, id: onBehalfOf.id, accountId }, request.action, place);
      const decision = judge(policies, { ...request, context });
      if (decision.allowed || decision.policy === undefined) continue;
      return {
        ...decision,
        reason: `${decision.reason} The agency works for ${onBehalfOf.name}, to whom this is denied.`,
      };
    }
    return undefined;
  }

  return {
    changed: () => known.clear(),
    decide(principal: Principal, asked: AccessRequest): Soon<Decision> {
      if (principal.kind === 'anonymous') return { allowed: false, reason: 'The request carries no credential.' };
      if (principal.kind === 'root' && principal.boundary === undefined) return ROOT_MAY;
      const request = { ...asked, context: contextOf(principal, asked) };
      if (principal.boundary !== undefined) {
        const bounded = judge(boundaryOf(principal.boundary), request);
        if (!bounded.allowed) return { ...bounded, final: true };
      }
      if (principal.kind === 'root') return ROOT_MAY;
      if (principal.kind === 'operator')
        return { allowed: false, reason: 'The operator belongs to no account and has no policies.', final: true };
      const place: Place = {
        projectId: principal.projectId,
        enterpriseProjectId: request.enterpriseProjectId ?? '0',
      };
      return then(rightsOf(principal, request.action, place), rights => {
        const whenNoMatch = request.action.startsWith('modelarts:') ? rights.whenNoMatch : 'deny';
        const decision = judge(rights.policies, request, { whenNoMatch });
        if (!decision.allowed || !rights.ofPlatform) return decision;
        return ownerDenies(principal, request, place).then(denied => denied ?? decision);
      });
    },
  };
}

const ROOT_MAY: Decision = Object.freeze({
  allowed: true,
  reason: 'The root user may do everything in its account.',
});

/** What conditions may look at: the keys that every request has (behaviour/permissions.md 2), and those of this one. */
function contextOf(principal: Principal, request: AccessRequest): Record<string, unknown> {
  const { id, name, accountName, projectName, sourceIp } = principal;
  // One object, filled: this is made for every request.
  const context: Record<string, unknown> = {
    'g:UserId': id,
    'g:UserName': name,
    'g:DomainName': accountName,
    'g:CurrentTime': new Date().toISOString(),
    'g:EnterpriseProjectId': request.enterpriseProjectId ?? '0',
    // There is no second factor here, so nobody has shown one.
    'g:MFAPresent': false,
  };
  if (projectName) context['g:ProjectName'] = projectName;
  if (sourceIp) context['g:SourceIp'] = sourceIp;
  return Object.assign(context, request.context);
}
