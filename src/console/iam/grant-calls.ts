import {
  grantAgencyRoles,
  grantGroupRole,
  grantUserRole,
  revokeAgencyRoles,
  revokeGroupRole,
  revokeUserRole,
} from '../../resources/iam/assignment.api.ts';
import * as grants from '../../resources/iam/grant.api.ts';
import { call } from '../call.ts';
import { textOf } from '../parts/facts.tsx';

export type SubjectKind = 'group' | 'agency' | 'user';

/** Where a grant counts. */
export type Scope =
  | { kind: 'all' }
  | { kind: 'global' }
  | { kind: 'project'; id: string }
  | { kind: 'enterpriseProject'; id: string };

/** The scope of a grant in the list of all grants. */
export function scopeOf(assignment: { is_inherited?: unknown; scope?: unknown }): Scope {
  if (assignment.is_inherited === true) return { kind: 'all' };
  const project = textOf(assignment.scope, 'project', 'id');
  if (project) return { kind: 'project', id: project };
  const enterpriseProject = textOf(assignment.scope, 'enterprise_project', 'id');
  return enterpriseProject ? { kind: 'enterpriseProject', id: enterpriseProject } : { kind: 'global' };
}

/** Grants a policy, or takes it back. Each kind and scope has an operation of its own. Throws Failure. */
export async function setGrant(
  domain_id: string,
  subject: { kind: SubjectKind; id: string },
  role_id: string,
  scope: Scope,
  granted: boolean,
): Promise<void> {
  const { kind, id } = subject;
  const verb = granted ? 'grant' : 'revoke';
  if (scope.kind === 'enterpriseProject') return setInEnterpriseProject(subject, role_id, scope.id, granted);
  if (kind === 'group') {
    const at = { group_id: id, role_id };
    if (scope.kind === 'project')
      await call(grants.projectGrantsOfGroup[verb], { params: { ...at, project: scope.id } });
    else if (scope.kind === 'all') await call(grants.allGrantsOfGroup[verb], { params: { ...at, domain_id } });
    else await call(grants.domainGrantsOfGroup[verb], { params: { ...at, domain_id } });
  } else if (kind === 'agency') {
    const at = { agency_id: id, role_id };
    if (scope.kind === 'project')
      await call(grants.projectGrantsOfAgency[verb], { params: { ...at, project: scope.id } });
    else if (scope.kind === 'all') await call(grants.allGrantsOfAgency[verb], { params: { ...at, domain_id } });
    else await call(grants.domainGrantsOfAgency[verb], { params: { ...at, domain_id } });
  } else throw new Error('a user holds policies of its own in enterprise projects alone');
}

async function setInEnterpriseProject(
  { kind, id }: { kind: SubjectKind; id: string },
  role_id: string,
  enterprise_project_id: string,
  granted: boolean,
): Promise<void> {
  if (kind === 'agency') {
    const body = { role_assignments: [{ agency_id: id, enterprise_project_id, role_id }] };
    await call(granted ? grantAgencyRoles : revokeAgencyRoles, { body });
  } else if (kind === 'group') {
    const params = { enterprise_project_id, group_id: id, role_id };
    await call(granted ? grantGroupRole : revokeGroupRole, { params });
  } else {
    const params = { enterprise_project_id, user_id: id, role_id };
    await call(granted ? grantUserRole : revokeUserRole, { params });
  }
}
