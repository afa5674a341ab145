import { Reply, type Route, route } from '../../http/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import * as api from './assignment.api.ts';
import { invalid, missing } from './iam.failures.ts';
import type { GrantRow } from './iam.schema.ts';
import { type IamViews, onPage } from './iam.view.ts';
import type { SubjectKind } from './identity.ts';
import { policyView } from './policy.routes.ts';
import type { PolicyService } from './policy.service.ts';
import type { UserService } from './user.service.ts';

export interface AssignmentRouteDeps {
  policies: PolicyService;
  users: UserService;
  views: IamViews;
}

/** Grants in enterprise projects, and the list of all grants. */
export function assignmentRoutes({ policies, users, views }: AssignmentRouteDeps): Route[] {
  type At = { principal: Principal; params: { enterprise_project_id: string; role_id?: string } };

  const roles = async ({ principal, params }: At, kind: SubjectKind, subject: string) => {
    const scope = { enterpriseProjectId: params.enterprise_project_id };
    const ids = await policies.grantsOf(principal.accountId, kind, subject, scope);
    return { roles: await Promise.all(ids.map(id => policyView(policies, views, principal, id))) };
  };
  const set = async ({ principal, params }: At, kind: SubjectKind, subject: string, granted: boolean) => {
    const scope = { enterpriseProjectId: params.enterprise_project_id };
    await policies.setGrant(principal.accountId, kind, subject, params.role_id!, scope, granted);
    return new Reply(undefined);
  };
  const projects = async (principal: Principal, kind: SubjectKind, subject: string) => ({
    'enterprise-projects': (await policies.enterpriseProjectsOf(principal.accountId, kind, subject)).map(projectId => ({
      projectId,
    })),
  });
  const setAll = async (
    principal: Principal,
    assignments: readonly { agency_id: string; enterprise_project_id: string; role_id: string }[],
    granted: boolean,
  ) => {
    const inputs = assignments.map(item => ({
      kind: 'agency' as const,
      id: item.agency_id,
      policyId: item.role_id,
      scope: { enterpriseProjectId: item.enterprise_project_id },
    }));
    await policies.setGrants(principal.accountId, inputs, granted);
    return new Reply(undefined);
  };

  return [
    route(api.listGroupsOfProject, async ({ principal, params }) => {
      const grants = await policies.grantsIn(principal.accountId, params.enterprise_project_id);
      const ids = new Set(grants.filter(grant => grant.subject_kind === 'group').map(grant => grant.subject_id));
      const groups = (await users.groups(principal.accountId)).filter(group => ids.has(group.id));
      return {
        groups: groups.map(group => ({
          id: group.id,
          name: group.name,
          description: group.description,
          domainId: group.account_id,
          createTime: group.created_at,
        })),
      };
    }),
    route(api.listUsersOfProject, async ({ principal, params }) => {
      const grants = await policies.grantsIn(principal.accountId, params.enterprise_project_id);
      const held = (id: string) => grants.filter(grant => grant.subject_kind === 'user' && grant.subject_id === id);
      const found = (await users.users(principal.accountId)).filter(user => held(user.id).length > 0);
      return {
        users: found.map(user => ({
          id: user.id,
          name: user.name,
          domain_id: user.accountId,
          enabled: user.enabled,
          description: user.description,
          policy_num: held(user.id).length,
          lastest_policy_time: Math.max(...held(user.id).map(grant => grant.granted_at)),
        })),
      };
    }),
    route(api.listGroupRoles, call => roles(call, 'group', call.params.group_id)),
    route(api.grantGroupRole, call => set(call, 'group', call.params.group_id, true)),
    route(api.revokeGroupRole, call => set(call, 'group', call.params.group_id, false)),
    route(api.listUserRoles, call => roles(call, 'user', call.params.user_id)),
    route(api.grantUserRole, call => set(call, 'user', call.params.user_id, true)),
    route(api.revokeUserRole, call => set(call, 'user', call.params.user_id, false)),
    route(api.listProjectsOfGroup, ({ principal, params }) => projects(principal, 'group', params.group_id)),
    route(api.listProjectsOfUser, ({ principal, params }) => projects(principal, 'user', params.user_id)),
    route(api.grantAgencyRoles, ({ principal, body }) => setAll(principal, body.role_assignments, true)),
    route(api.revokeAgencyRoles, ({ principal, body }) => setAll(principal, body.role_assignments, false)),
    route(api.listAssignments, async ({ principal, query }) => {
      const { accountId } = principal;
      if (query.domain_id !== undefined && query.domain_id !== accountId) throw missing('account', query.domain_id);
      const subjects = ['subject', 'subject.user_id', 'subject.group_id', 'subject.agency_id'] as const;
      if (subjects.filter(name => query[name] !== undefined).length > 1) {
        throw invalid(`Parameters ${subjects.map(name => `[${name}]`).join(', ')} exclude each other.`);
      }
      const userId = query['subject.user_id'];
      const groupsOfUser = userId !== undefined && query.include_group ? await users.groupsOf(userId) : [];
      const wanted = (grant: GrantRow): boolean => {
        const { subject_kind: kind, subject_id: id, scope } = grant;
        const isUser = kind === 'user' && id === userId;
        return [
          query.role_id === undefined || grant.policy_id === query.role_id,
          query.subject === undefined || kind === query.subject,
          userId === undefined || isUser || (kind === 'group' && groupsOfUser.includes(id)),
          query['subject.group_id'] === undefined || (kind === 'group' && id === query['subject.group_id']),
          query['subject.agency_id'] === undefined || (kind === 'agency' && id === query['subject.agency_id']),
          query.scope === undefined || scopeName(scope) === query.scope,
          query['scope.project_id'] === undefined || scope === `project:${query['scope.project_id']}`,
          query['scope.enterprise_projects_id'] === undefined ||
            scope === `ep:${query['scope.enterprise_projects_id']}`,
          query['scope.domain_id'] === undefined || query['scope.domain_id'] === accountId,
          query.is_inherited === undefined || (scope === 'inherited') === query.is_inherited,
        ].every(Boolean);
      };
      const found = (await policies.allGrants(accountId)).filter(wanted);
      return {
        total_num: found.length,
        role_assignments: onPage(found, { page: query.page ?? 1, per_page: query.per_page ?? 50 }).map(grant => ({
          [grant.subject_kind]: { id: grant.subject_id },
          role: { id: grant.policy_id },
          scope: scopeView(grant.scope, accountId),
          is_inherited: grant.scope === 'inherited',
        })),
      };
    }),
  ];
}

function scopeName(scope: string): 'domain' | 'project' | 'enterprise_project' {
  if (scope.startsWith('project:')) return 'project';
  return scope.startsWith('ep:') ? 'enterprise_project' : 'domain';
}

function scopeView(scope: string, accountId: string): Record<string, { id: string }> {
  const name = scopeName(scope);
  return { [name]: { id: name === 'domain' ? accountId : scope.slice(scope.indexOf(':') + 1) } };
}
