import { type Call, Reply, type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Authorizer, findSystemPolicy } from '../../policy/index.ts';
import * as api from './iam.api.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamService } from './iam.service.ts';
import type { IamViews } from './iam.view.ts';
import type { Account, GrantScope, SubjectKind } from './identity.ts';

export interface IamRouteDeps {
  service: IamService;
  views: IamViews;
  authorizer: Authorizer;
  accountByName(name: string): Promise<Account | undefined>;
  account(id: string): Promise<Account | undefined>;
}

/** Users, groups, policies, keys, agencies and grants. */
export function iamRoutes(deps: IamRouteDeps): Route[] {
  return [
    ...userRoutes(deps),
    ...groupRoutes(deps),
    ...policyRoutes(deps),
    ...keyRoutes(deps),
    ...agencyRoutes(deps),
    ...grantRoutes(deps),
  ];
}

function userRoutes({ service, views }: IamRouteDeps): Route[] {
  const create = async (call: Call<typeof api.createUser>) => ({
    user: views.user(await service.createUser(call.principal.accountId, call.body.user)),
  });
  const show = async (call: { principal: Principal; params: { user_id: string } }) => ({
    user: views.user(await service.userOf(call.principal.accountId, call.params.user_id)),
  });
  return [
    route(api.listUsers, async call => ({
      users: (await service.users(call.principal.accountId))
        .filter(user => call.query.name === undefined || user.name === call.query.name)
        .filter(user => call.query.enabled === undefined || user.enabled === call.query.enabled)
        .map(views.user),
      links: views.links('/v3/users'),
    })),
    route(api.createUser, create),
    route(api.createUserByAdmin, call => create(call as unknown as Call<typeof api.createUser>)),
    route(api.showUser, show),
    route(api.showUserDetails, show),
    route(api.updateUser, async call => ({
      user: views.user(await service.updateUser(call.principal.accountId, call.params.user_id, call.body.user)),
    })),
    route(api.deleteUser, async call => service.deleteUser(call.principal.accountId, call.params.user_id)),
    route(api.changePassword, async call => {
      const { password, original_password } = call.body.user;
      await service.changePassword(call.principal, call.params.user_id, original_password, password);
    }),
    route(api.listGroupsOfUser, async call => {
      await service.userOf(call.principal.accountId, call.params.user_id);
      const ids = new Set(await service.groupsOf(call.params.user_id));
      const groups = (await service.groups(call.principal.accountId)).filter(group => ids.has(group.id));
      return { groups: groups.map(views.group), links: views.links(`/v3/users/${call.params.user_id}/groups`) };
    }),
  ];
}

function groupRoutes({ service, views }: IamRouteDeps): Route[] {
  return [
    route(api.listGroups, async call => ({
      groups: (await service.groups(call.principal.accountId))
        .filter(group => call.query.name === undefined || group.name === call.query.name)
        .map(views.group),
      links: views.links('/v3/groups'),
    })),
    route(api.createGroup, async call => {
      const { name, description } = call.body.group;
      return { group: views.group(await service.createGroup(call.principal.accountId, name, description ?? '')) };
    }),
    route(api.showGroup, async call => ({
      group: views.group(await service.groupOf(call.principal.accountId, call.params.group_id)),
    })),
    route(api.deleteGroup, async call => service.deleteGroup(call.principal.accountId, call.params.group_id)),
    route(api.listUsersOfGroup, async call => {
      await service.groupOf(call.principal.accountId, call.params.group_id);
      const users = await service.membersOf(call.params.group_id);
      return { users: users.map(views.user), links: views.links(`/v3/groups/${call.params.group_id}/users`) };
    }),
    route(api.addUserToGroup, async ({ principal, params }) =>
      service.setMember(principal.accountId, params.group_id, params.user_id, true),
    ),
    route(api.removeUserFromGroup, async ({ principal, params }) =>
      service.setMember(principal.accountId, params.group_id, params.user_id, false),
    ),
  ];
}

function policyRoutes({ service, views }: IamRouteDeps): Route[] {
  const input = (role: { display_name: string; type: string; description?: string; policy: unknown }) => ({
    displayName: role.display_name,
    type: role.type,
    description: role.description ?? '',
    document: role.policy,
  });
  return [
    route(api.listRoles, async call => {
      const { system, custom } = await service.allPolicies(call.principal.accountId);
      const { name, display_name, catalog, permission_type } = call.query;
      const roles = [...system.map(views.policy), ...custom.map(views.policy)]
        .filter(role => name === undefined || role.name === name)
        .filter(role => display_name === undefined || role.display_name.includes(display_name))
        .filter(role => catalog === undefined || role.catalog === catalog)
        .filter(role => permission_type === undefined || isRole(role.policy) === (permission_type === 'role'));
      return { roles, links: views.links('/v3/roles'), total_number: roles.length };
    }),
    route(api.showRole, async call => {
      const policy =
        findSystemPolicy(call.params.role_id) ??
        (await service.policyOf(call.principal.accountId, call.params.role_id));
      return { role: views.policy(policy) };
    }),
    route(api.listCustomPolicies, async call => {
      const roles = (await service.policies(call.principal.accountId)).map(views.policy);
      return { roles, links: views.links('/v3.0/OS-ROLE/roles'), total_number: roles.length };
    }),
    route(api.createCustomPolicy, async call => ({
      role: views.policy(await service.createPolicy(call.principal.accountId, input(call.body.role))),
    })),
    route(api.showCustomPolicy, async call => ({
      role: views.policy(await service.policyOf(call.principal.accountId, call.params.role_id)),
    })),
    route(api.updateCustomPolicy, async call => ({
      role: views.policy(
        await service.updatePolicy(call.principal.accountId, call.params.role_id, input(call.body.role)),
      ),
    })),
    route(api.deleteCustomPolicy, async call => {
      await service.deletePolicy(call.principal.accountId, call.params.role_id);
      return {};
    }),
  ];
}

function isRole(document: unknown): boolean {
  return (document as { Version?: string } | undefined)?.Version === '1.0';
}

function keyRoutes({ service, views, authorizer }: IamRouteDeps): Route[] {
  /** Own keys are free; those of others need the action. Agencies have none. */
  async function guard(principal: Principal, ownerId: string, action: string): Promise<void> {
    if (principal.kind !== 'agency' && principal.id === ownerId) return;
    const decision = await authorizer.decide(principal, { action });
    if (decision.allowed) return;
    throw new Failure({
      code: 'IAM.0003',
      status: 403,
      message: `Policy doesn't allow ${action} to be performed. ${decision.reason}`,
    });
  }
  return [
    route(api.createKey, async call => {
      const { user_id, description } = call.body.credential;
      await guard(call.principal, user_id, 'iam:credentials:createCredential');
      const user = await service.userOf(call.principal.accountId, user_id);
      const { secret, ...key } = await service.createKey(user, description ?? '');
      return { credential: { ...views.key(key), secret } };
    }),
    route(api.listKeys, async call => {
      const owner = call.query.user_id ?? call.principal.id;
      await guard(call.principal, owner, 'iam:credentials:listCredentials');
      await service.userOf(call.principal.accountId, owner);
      return { credentials: (await service.keysOf(owner)).map(views.key) };
    }),
    route(api.showKey, async call => {
      const key = await service.keyOf(call.principal.accountId, call.params.access_key);
      await guard(call.principal, key.user_id, 'iam:credentials:getCredential');
      return { credential: views.key(key) };
    }),
    route(api.updateKey, async call => {
      const key = await service.keyOf(call.principal.accountId, call.params.access_key);
      await guard(call.principal, key.user_id, 'iam:credentials:updateCredential');
      const next = await service.updateKey(call.principal.accountId, key.access, call.body.credential);
      return { credential: views.key(next) };
    }),
    route(api.deleteKey, async call => {
      const key = await service.keyOf(call.principal.accountId, call.params.access_key);
      await guard(call.principal, key.user_id, 'iam:credentials:deleteCredential');
      await service.deleteKey(call.principal.accountId, key.access);
    }),
  ];
}

function agencyRoutes({ service, views, account, accountByName }: IamRouteDeps): Route[] {
  async function trustOf(input: { trust_domain_id?: string; trust_domain_name?: string }): Promise<string | undefined> {
    if (input.trust_domain_name === 'op_svc_modelarts') return 'service:modelarts';
    const trusted = input.trust_domain_id
      ? await account(input.trust_domain_id)
      : input.trust_domain_name
        ? await accountByName(input.trust_domain_name)
        : undefined;
    if (trusted) return trusted.id;
    if (input.trust_domain_id || input.trust_domain_name)
      throw missing('account', input.trust_domain_id ?? input.trust_domain_name ?? '');
    return undefined;
  }
  return [
    route(api.listAgencies, async call => ({
      agencies: (await service.agencies(call.principal.accountId))
        .filter(agency => call.query.name === undefined || agency.name === call.query.name)
        .map(views.agency),
    })),
    route(api.createAgency, async call => {
      const { agency } = call.body;
      const trust = await trustOf(agency);
      if (!trust) throw invalid('Field [agency.trust_domain_id] or [agency.trust_domain_name] is required.');
      const created = await service.createAgency({
        accountId: call.principal.accountId,
        name: agency.name,
        description: agency.description,
        trust,
        policies: [],
      });
      return { agency: views.agency(created) };
    }),
    route(api.showAgency, async call => ({
      agency: views.agency(await service.agencyOf(call.principal.accountId, call.params.agency_id)),
    })),
    route(api.updateAgency, async call => {
      const trust = await trustOf(call.body.agency);
      const changes = { description: call.body.agency.description, trust };
      return {
        agency: views.agency(await service.updateAgency(call.principal.accountId, call.params.agency_id, changes)),
      };
    }),
    route(api.deleteAgency, async call => service.deleteAgency(call.principal.accountId, call.params.agency_id)),
  ];
}

function grantRoutes({ service, views }: IamRouteDeps): Route[] {
  type Params = Record<string, string>;
  const sets: { set: typeof api.domainGrantsOfAgency; kind: SubjectKind; scope: (params: Params) => GrantScope }[] = [
    { set: api.domainGrantsOfAgency, kind: 'agency', scope: () => 'domain' },
    { set: api.projectGrantsOfAgency as never, kind: 'agency', scope: params => ({ projectId: params.project! }) },
    { set: api.allGrantsOfAgency as never, kind: 'agency', scope: () => 'inherited' },
    { set: api.domainGrantsOfGroup as never, kind: 'group', scope: () => 'domain' },
    { set: api.projectGrantsOfGroup as never, kind: 'group', scope: params => ({ projectId: params.project! }) },
    { set: api.allGrantsOfGroup as never, kind: 'group', scope: () => 'inherited' },
  ];
  return sets.flatMap(({ set, kind, scope }) => {
    const subject = (params: Params) => params[`${kind}_id`]!;
    const checkDomain = (call: { principal: Principal; params: Params }) => {
      if (call.params.domain_id !== undefined && call.params.domain_id !== call.principal.accountId) {
        throw missing('account', call.params.domain_id);
      }
    };
    return [
      route(set.list, async call => {
        const params = call.params as Params;
        checkDomain({ principal: call.principal, params });
        const ids = await service.grantsOf(call.principal.accountId, kind, subject(params), scope(params));
        const roles = await Promise.all(
          ids.map(async id =>
            views.policy(findSystemPolicy(id) ?? (await service.policyOf(call.principal.accountId, id))),
          ),
        );
        return { roles, links: views.links('') };
      }),
      ...(
        [
          ['grant', true],
          ['revoke', false],
        ] as const
      ).map(([verb, granted]) =>
        route(set[verb], async call => {
          const params = call.params as Params;
          checkDomain({ principal: call.principal, params });
          await service.setGrant(
            call.principal.accountId,
            kind,
            subject(params),
            params.role_id!,
            scope(params),
            granted,
          );
          return new Reply(undefined);
        }),
      ),
      route(set.check, async call => {
        const params = call.params as Params;
        checkDomain({ principal: call.principal, params });
        const ids = await service.grantsOf(call.principal.accountId, kind, subject(params), scope(params));
        if (!ids.includes(params.role_id!)) throw missing('grant of policy', params.role_id!);
        return new Reply(undefined);
      }),
    ];
  });
}
