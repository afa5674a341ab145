import { Reply, type Route, route } from '../../http/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import { findSystemPolicy, lintPolicy, systemPolicies } from '../../policy/index.ts';
import type { AccountService } from './account.service.ts';
import * as grants from './grant.api.ts';
import { invalid, missing } from './iam.failures.ts';
import { type IamViews, onPage } from './iam.view.ts';
import { type GrantScope, PLATFORM_TRUST, type SubjectKind } from './identity.ts';
import * as api from './policy.api.ts';
import type { PolicyService } from './policy.service.ts';

export interface PolicyRouteDeps {
  policies: PolicyService;
  accounts: AccountService;
  views: IamViews;
}

/** What an agency that trusts the platform names in trust_domain_name, as on the real service. */
const PLATFORM_NAME = 'op_svc_modelarts';

/** Policies, agencies, and what is granted to groups and agencies. */
export function policyRoutes(deps: PolicyRouteDeps): Route[] {
  return [...ofPolicies(deps), ...ofAgencies(deps), ...ofGrants(deps)];
}

function ofPolicies({ policies, views }: PolicyRouteDeps): Route[] {
  const input = (role: { display_name: string; type: string; description?: string; policy: unknown }) => ({
    displayName: role.display_name,
    type: role.type,
    description: role.description ?? '',
    document: role.policy,
  });
  return [
    route(api.listRoles, async call => {
      const { name, display_name, catalog, permission_type, domain_id, type } = call.query;
      const { accountId } = call.principal;
      if (domain_id !== undefined && domain_id !== accountId) throw missing('account', domain_id);
      // With the account's id the list is that of its own policies, otherwise everything it can grant.
      const system = domain_id === undefined ? systemPolicies.map(views.policy) : [];
      const custom = (await policies.policies(accountId)).map(views.policy);
      const roles = [...system, ...custom]
        .filter(role => name === undefined || role.name === name)
        .filter(role => display_name === undefined || role.display_name.includes(display_name))
        .filter(role => catalog === undefined || role.catalog === catalog)
        .filter(role => type === undefined || role.type === type || role.type === 'AA')
        .filter(role => permission_type === undefined || isRole(role.policy) === (permission_type === 'role'));
      return { roles: onPage(roles, call.query), links: views.links('/v3/roles'), total_number: roles.length };
    }),
    route(api.showRole, async call => ({
      role: await policyView(policies, views, call.principal, call.params.role_id),
    })),
    route(api.listCustomPolicies, async call => {
      const roles = (await policies.policies(call.principal.accountId)).map(views.policy);
      const links = views.links('/v3.0/OS-ROLE/roles');
      return { roles: onPage(roles, call.query), links, total_number: roles.length };
    }),
    route(api.createCustomPolicy, async call => ({
      role: {
        ...views.policy(await policies.createPolicy(call.principal.accountId, input(call.body.role))),
        ...warningsOf(call.body.role.policy),
      },
    })),
    route(api.showCustomPolicy, async call => ({
      role: views.policy(await policies.policyOf(call.principal.accountId, call.params.role_id)),
    })),
    route(api.updateCustomPolicy, async call => ({
      role: {
        ...views.policy(
          await policies.updatePolicy(call.principal.accountId, call.params.role_id, input(call.body.role)),
        ),
        ...warningsOf(call.body.role.policy),
      },
    })),
    route(api.deleteCustomPolicy, async call => {
      await policies.deletePolicy(call.principal.accountId, call.params.role_id);
      return { message: 'Delete success.' };
    }),
  ];
}

/** What is legal in a document and probably a mistake, beside the answer; a member that the cloud does not have. */
function warningsOf(document: unknown): { warnings?: { path: string; message: string }[] } {
  const { warnings } = lintPolicy(JSON.stringify(document));
  return warnings.length > 0 ? { warnings } : {};
}

/** A policy on the wire, system-defined or of the caller's account. Throws Failure when there is none of that id. */
export async function policyView(policies: PolicyService, views: IamViews, principal: Principal, id: string) {
  const system = findSystemPolicy(id);
  return views.policy(system?.id === id ? system : await policies.policyOf(principal.accountId, id));
}

function isRole(document: unknown): boolean {
  return (document as { Version?: string } | undefined)?.Version === '1.0';
}

function ofAgencies({ policies, accounts, views }: PolicyRouteDeps): Route[] {
  interface AgencyBody {
    trust_domain_id?: string;
    trust_domain_name?: string;
  }

  async function trustOf(input: AgencyBody): Promise<string | undefined> {
    const { trust_domain_id: id, trust_domain_name: name } = input;
    if (name === PLATFORM_NAME) return PLATFORM_TRUST;
    if (!id && !name) return undefined;
    const trusted = id ? await accounts.account(id) : await accounts.accountByName(name!);
    if (!trusted) throw missing('account', id ?? name!);
    return trusted.id;
  }

  const viewed = async (agency: Parameters<IamViews['agency']>[0]) =>
    views.agency(
      agency,
      agency.trust === PLATFORM_TRUST ? PLATFORM_NAME : (await accounts.account(agency.trust))?.name,
    );

  return [
    route(api.listAgencies, async call => {
      const { domain_id, name, trust_domain_id } = call.query;
      if (domain_id !== undefined && domain_id !== call.principal.accountId) throw missing('account', domain_id);
      const found = (await policies.agencies(call.principal.accountId))
        .filter(agency => name === undefined || agency.name === name)
        .filter(agency => trust_domain_id === undefined || agency.trust === trust_domain_id);
      return { agencies: await Promise.all(onPage(found, call.query).map(viewed)) };
    }),
    route(api.createAgency, async call => {
      const { agency } = call.body;
      const { accountId } = call.principal;
      if (agency.domain_id !== undefined && agency.domain_id !== accountId) throw missing('account', agency.domain_id);
      const trust = await trustOf(agency);
      if (!trust) throw invalid('Field [agency.trust_domain_id] or [agency.trust_domain_name] is required.');
      const { name, description, duration } = agency;
      return {
        agency: await viewed(
          await policies.createAgency({ accountId, name, description, trust, duration, policies: [] }),
        ),
      };
    }),
    route(api.showAgency, async call => ({
      agency: await viewed(await policies.agencyOf(call.principal.accountId, call.params.agency_id)),
    })),
    route(api.updateAgency, async call => {
      const { description, duration } = call.body.agency;
      const changes = { description, duration, trust: await trustOf(call.body.agency) };
      const agency = await policies.updateAgency(call.principal.accountId, call.params.agency_id, changes);
      return { agency: await viewed(agency) };
    }),
    route(api.deleteAgency, call => policies.deleteAgency(call.principal.accountId, call.params.agency_id)),
  ];
}

type Params = Record<string, string>;
type GrantSet = typeof grants.domainGrantsOfAgency;

function ofGrants({ policies, views }: PolicyRouteDeps): Route[] {
  const domain = () => 'domain' as const;
  const inherited = () => 'inherited' as const;
  const project = (params: Params) => ({ projectId: params.project! });
  // The sets differ in their paths' types alone, which the handlers read through Params.
  const places: [unknown, SubjectKind, (params: Params) => GrantScope][] = [
    [grants.domainGrantsOfAgency, 'agency', domain],
    [grants.projectGrantsOfAgency, 'agency', project],
    [grants.allGrantsOfAgency, 'agency', inherited],
    [grants.domainGrantsOfGroup, 'group', domain],
    [grants.projectGrantsOfGroup, 'group', project],
    [grants.allGrantsOfGroup, 'group', inherited],
  ];
  return places.flatMap(([set, kind, scope]) => ofPlace(set as GrantSet, kind, scope));

  function ofPlace(set: GrantSet, kind: SubjectKind, scope: (params: Params) => GrantScope): Route[] {
    /** Account, subject and scope that the path names; the account must be the caller's. */
    function read(call: { principal: Principal; params: unknown }) {
      const params = call.params as Params;
      const { accountId } = call.principal;
      if (params.domain_id !== undefined && params.domain_id !== accountId) throw missing('account', params.domain_id);
      return { accountId, subject: params[`${kind}_id`]!, roleId: params.role_id ?? '', scope: scope(params) };
    }
    return [
      route(set.list, async call => {
        const at = read(call);
        const ids = await policies.grantsOf(at.accountId, kind, at.subject, at.scope);
        const roles = await Promise.all(ids.map(id => policyView(policies, views, call.principal, id)));
        return { roles, links: views.links(set.list.path) };
      }),
      route(set.check, async call => {
        const at = read(call);
        const ids = await policies.grantsOf(at.accountId, kind, at.subject, at.scope);
        if (!ids.includes(at.roleId)) throw missing(`policy granted to this ${kind}`, at.roleId);
        return new Reply(undefined);
      }),
      route(set.grant, async call => {
        const at = read(call);
        await policies.setGrant(at.accountId, kind, at.subject, at.roleId, at.scope, true);
        return new Reply(undefined);
      }),
      route(set.revoke, async call => {
        const at = read(call);
        await policies.setGrant(at.accountId, kind, at.subject, at.roleId, at.scope, false);
        return new Reply(undefined);
      }),
    ];
  }
}
