import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { hexId } from '../../kernel/ids.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Authorizer, findSystemPolicy, parsePolicy } from '../../policy/index.ts';
import { duplicate, invalid, missing, overLimit } from './iam.failures.ts';
import type { GrantRow, PolicyRow } from './iam.schema.ts';
import type { IamStore } from './iam.store.ts';
import {
  type Agency,
  agencyLife,
  checkName,
  type GrantScope,
  isAlive,
  LIMITS,
  type SubjectKind,
  scopeText,
} from './identity.ts';

export interface PolicyInput {
  displayName: string;
  description: string;
  type: string;
  document: unknown;
}

/** Use cases of custom policies, agencies, and grants to groups and agencies. */
export function policyService(deps: {
  store: IamStore;
  clock: Clock;
  authorizer: Authorizer;
  /** Whether an account has this enterprise project. */
  enterpriseProjectExists(accountId: string, id: string): Promise<boolean>;
  changed: () => void;
}) {
  const { store, clock, authorizer, changed } = deps;

  async function agencyOf(accountId: string, id: string): Promise<Agency> {
    const agency = await store.agency(id);
    if (agency?.accountId !== accountId) throw missing('agency', id);
    return agency;
  }

  async function policyOf(accountId: string, id: string): Promise<PolicyRow> {
    const policy = await store.policy(id);
    if (policy?.account_id !== accountId) throw missing('policy', id);
    return policy;
  }

  async function isOf(accountId: string, grant: GrantRow): Promise<boolean> {
    if (grant.subject_kind === 'group') return (await store.group(grant.subject_id))?.account_id === accountId;
    if (grant.subject_kind === 'agency') return (await store.agency(grant.subject_id))?.accountId === accountId;
    return (await store.user(grant.subject_id))?.accountId === accountId;
  }

  function checkPolicy(input: PolicyInput): void {
    if (!/^[\w\- .()/]{1,128}$/.test(input.displayName)) {
      throw invalid('The policy name (display_name) must have 1 to 128 letters, digits, blanks or _ - . ( ) /');
    }
    parsePolicy(input.document, { kind: 'custom' });
  }

  async function checkSubject(accountId: string, kind: SubjectKind, id: string): Promise<void> {
    if (kind === 'agency') await agencyOf(accountId, id);
    else if (kind === 'user' && (await store.user(id))?.accountId !== accountId) throw missing('user', id);
    else if (kind === 'group' && (await store.group(id))?.account_id !== accountId) throw missing('group', id);
  }

  async function checkEnterpriseProject(accountId: string, id: string): Promise<void> {
    if (!(await deps.enterpriseProjectExists(accountId, id))) throw missing('enterprise project', id);
  }

  async function checkGrant(
    accountId: string,
    kind: SubjectKind,
    id: string,
    scope: GrantScope,
    policyId?: string,
  ): Promise<void> {
    await checkSubject(accountId, kind, id);
    if (typeof scope === 'object' && 'enterpriseProjectId' in scope) {
      await checkEnterpriseProject(accountId, scope.enterpriseProjectId);
    }
    if (
      typeof scope === 'object' &&
      'projectId' in scope &&
      (await store.project(scope.projectId))?.accountId !== accountId
    ) {
      throw missing('project', scope.projectId);
    }
    // Policies are granted by id; system-defined ones are found by name too, which the wire does not offer.
    if (policyId !== undefined && findSystemPolicy(policyId)?.id !== policyId) await policyOf(accountId, policyId);
  }

  return {
    policyOf,
    agencyOf,
    policies: store.policies,
    agencies: store.agencies,

    async createPolicy(accountId: string, input: PolicyInput): Promise<PolicyRow> {
      checkPolicy(input);
      const now = clock.now();
      const id = hexId();
      const row: PolicyRow = {
        id,
        account_id: accountId,
        name: `custom_${id}`,
        display_name: input.displayName,
        description: input.description,
        type: input.type,
        document: JSON.stringify(input.document),
        created_at: now,
        updated_at: now,
      };
      await store.transaction(async rows => {
        const existing = await rows.policies(accountId);
        if (existing.some(policy => policy.display_name === input.displayName)) {
          throw duplicate('policy', input.displayName);
        }
        if (existing.length >= LIMITS.policies) {
          throw overLimit('custom policies', LIMITS.policies, 'Delete policies that nobody uses.');
        }
        await rows.insertPolicy(row);
      });
      return row;
    },

    async updatePolicy(accountId: string, id: string, input: PolicyInput): Promise<PolicyRow> {
      const policy = await policyOf(accountId, id);
      checkPolicy(input);
      const patch = {
        display_name: input.displayName,
        description: input.description,
        type: input.type,
        document: JSON.stringify(input.document),
        updated_at: clock.now(),
      };
      await store.transaction(async rows => {
        const taken = (await rows.policies(accountId)).some(
          other => other.display_name === input.displayName && other.id !== id,
        );
        if (taken) throw duplicate('policy', input.displayName);
        await rows.updatePolicy(id, patch);
      });
      changed();
      return { ...policy, ...patch };
    },

    async deletePolicy(accountId: string, id: string): Promise<void> {
      await policyOf(accountId, id);
      await store.transaction(rows => rows.deletePolicy(id));
      changed();
    },

    /** Ids of the policies a subject holds in a scope. */
    async grantsOf(accountId: string, kind: SubjectKind, id: string, scope: GrantScope): Promise<string[]> {
      await checkGrant(accountId, kind, id, scope);
      return (await store.grants(kind, [id]))
        .filter(grant => grant.scope === scopeText(scope))
        .map(grant => grant.policy_id);
    },

    async setGrant(
      accountId: string,
      kind: SubjectKind,
      id: string,
      policyId: string,
      scope: GrantScope,
      granted: boolean,
    ): Promise<void> {
      await checkGrant(accountId, kind, id, scope, policyId);
      const row = { subject_kind: kind, subject_id: id, policy_id: policyId, scope: scopeText(scope) };
      await (granted ? store.addGrant(row) : store.removeGrant(row));
      changed();
    },

    /** Grants in an enterprise project, with who holds them. */
    async grantsIn(accountId: string, enterpriseProjectId: string): Promise<GrantRow[]> {
      await checkEnterpriseProject(accountId, enterpriseProjectId);
      const grants = await store.grantsInScope(scopeText({ enterpriseProjectId }));
      // Every account has a project "0": what others grant there is theirs.
      const own: GrantRow[] = [];
      for (const grant of grants) if (await isOf(accountId, grant)) own.push(grant);
      return own;
    },

    /** Ids of the enterprise projects in which a subject holds grants. */
    async enterpriseProjectsOf(accountId: string, kind: SubjectKind, id: string): Promise<string[]> {
      await checkSubject(accountId, kind, id);
      const scopes = (await store.grants(kind, [id]))
        .map(grant => grant.scope)
        .filter(scope => scope.startsWith('ep:'));
      return [...new Set(scopes.map(scope => scope.slice('ep:'.length)))].sort();
    },

    /** Every grant of the account's groups, agencies and users. */
    async allGrants(accountId: string): Promise<GrantRow[]> {
      const groups = (await store.groups(accountId)).map(group => group.id);
      const agencies = (await store.agencies(accountId)).map(agency => agency.id);
      const users = (await store.users(accountId)).map(user => user.id);
      return [
        ...(await store.grants('group', groups)),
        ...(await store.grants('agency', agencies)),
        ...(await store.grants('user', users)),
      ];
    },

    /** `policies`: names or ids of system-defined policies, granted for all resources. */
    async createAgency(input: {
      accountId: string;
      name: string;
      description?: string | undefined;
      trust: string;
      policies: readonly string[];
      duration?: unknown;
    }): Promise<Agency> {
      checkName(input.name, 'agency');
      const policies = input.policies.map(name => {
        const policy = findSystemPolicy(name);
        if (!policy) throw missing('policy', name);
        return policy.id;
      });
      const agency: Agency = {
        id: hexId(),
        accountId: input.accountId,
        name: input.name,
        description: input.description ?? '',
        trust: input.trust,
        generation: 1,
        createdAt: clock.now(),
        ...agencyLife(input.duration, clock.now()),
      };
      await store.transaction(async rows => {
        if (await rows.agencyByName(input.accountId, input.name)) throw duplicate('agency', input.name);
        if ((await rows.agencies(input.accountId)).length >= LIMITS.agencies) {
          throw overLimit('agencies', LIMITS.agencies, 'Delete agencies that nobody uses.');
        }
        await rows.insertAgency(agency);
        for (const policyId of policies) {
          await rows.addGrant({
            subject_kind: 'agency',
            subject_id: agency.id,
            policy_id: policyId,
            scope: 'inherited',
          });
        }
      });
      changed();
      return agency;
    },

    /** A new trust revokes the credentials that were issued under the old one; a new duration counts from now. */
    async updateAgency(
      accountId: string,
      id: string,
      input: { description?: string | undefined; trust?: string | undefined; duration?: unknown },
    ): Promise<Agency> {
      const { description, trust, duration } = input;
      const patch = {
        ...(description === undefined ? {} : { description }),
        ...(trust === undefined ? {} : { trust }),
        ...(duration === undefined || duration === null ? {} : agencyLife(duration, clock.now())),
      };
      await store.transaction(async rows => {
        const agency = await rows.agency(id);
        if (agency?.accountId !== accountId) throw missing('agency', id);
        await rows.updateAgency(id, patch, trust !== undefined && trust !== agency.trust);
      });
      changed();
      return agencyOf(accountId, id);
    },

    async deleteAgency(accountId: string, id: string): Promise<void> {
      await agencyOf(accountId, id);
      await store.transaction(rows => rows.deleteAgency(id));
      changed();
    },

    /**
     * The principal of an agency as another principal assumes it: the agency must trust the caller's account, and the caller must
     * be allowed to switch roles. Who may not, learns nothing of the agency.
     */
    async assume(
      caller: Principal,
      input: { accountId?: string | undefined; accountName?: string | undefined; agencyName: string },
    ): Promise<Principal> {
      if (caller.kind === 'agency') {
        throw new Failure({ code: 'IAM.0003', status: 403, message: 'A session of an agency cannot assume another.' });
      }
      const account = input.accountId
        ? await store.account(input.accountId)
        : await store.accountByName(input.accountName ?? '');
      const agency = account && (await store.agencyByName(account.id, input.agencyName));
      if (!account?.enabled || agency?.trust !== caller.accountId || !isAlive(agency, clock.now())) {
        throw missing('agency', input.agencyName);
      }
      const resource = `/iam/agencies/${agency.id}`;
      const special = await authorizer.decide(caller, { action: 'iam:agencies:assume', resource });
      if (!special.allowed && !(await authorizer.decide(caller, { action: 'iam:tokens:assume' })).allowed) {
        throw new Failure({
          code: 'IAM.0003',
          status: 403,
          message: `Policy doesn't allow iam:agencies:assume to be performed. ${special.reason}`,
          solution: 'Ask an administrator of the account for the role Agent Operator.',
        });
      }
      return {
        kind: 'agency',
        id: agency.id,
        name: agency.name,
        accountId: account.id,
        accountName: account.name,
        credential: 'token',
        onBehalfOf: {
          id: caller.id,
          name: caller.name,
          accountId: caller.accountId,
          accountName: caller.accountName,
        },
      };
    },
  };
}

export type PolicyService = ReturnType<typeof policyService>;
