import { operation } from '../../wire/operation.ts';
import { anyObject, open, Type } from '../../wire/schema.ts';

/** Where the grants of a subject are looked at and changed. */
interface GrantPlace<P extends string> {
  /** SDK names of the four operations. */
  ids: { list: string; grant: string; check: string; revoke: string };
  /** What is granted to whom, for people. */
  what: string;
  listPath: string;
  path: P;
  /** The actions' endings: `iam:permissions:listRolesFor…`. */
  on: string;
  errors: 'keystone' | 'iam';
}

/** Policies of a subject at a path: GET lists, PUT grants, HEAD checks, DELETE revokes. */
function grantOperations<const P extends string>(place: GrantPlace<P>) {
  const base = { family: 'iam', errors: place.errors } as const;
  return {
    list: operation({
      ...base,
      id: place.ids.list,
      summary: `List ${place.what}`,
      method: 'GET',
      path: place.listPath,
      action: `iam:permissions:listRolesFor${place.on}`,
      status: 200,
      response: open({ roles: Type.Array(anyObject), links: Type.Optional(anyObject) }),
    }),
    grant: operation({
      ...base,
      id: place.ids.grant,
      summary: `Grant ${place.what}`,
      method: 'PUT',
      path: place.path,
      action: `iam:permissions:grantRoleTo${place.on}`,
      status: 204,
    }),
    check: operation({
      ...base,
      id: place.ids.check,
      summary: `Check ${place.what}`,
      method: 'HEAD',
      path: place.path,
      action: `iam:permissions:checkRoleFor${place.on}`,
      status: 204,
    }),
    revoke: operation({
      ...base,
      id: place.ids.revoke,
      summary: `Revoke ${place.what}`,
      method: 'DELETE',
      path: place.path,
      action: `iam:permissions:revokeRoleFrom${place.on}`,
      status: 204,
    }),
  };
}

export const domainGrantsOfAgency = grantOperations({
  ids: {
    list: 'ListDomainPermissionsForAgency',
    grant: 'AssociateAgencyWithDomainPermission',
    check: 'CheckDomainPermissionForAgency',
    revoke: 'RemoveDomainPermissionFromAgency',
  },
  what: 'permissions of an agency on global services',
  listPath: '/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles',
  path: '/v3.0/OS-AGENCY/domains/{domain_id}/agencies/{agency_id}/roles/{role_id}',
  on: 'AgencyOnDomain',
  errors: 'iam',
});
export const projectGrantsOfAgency = grantOperations({
  ids: {
    list: 'ListProjectPermissionsForAgency',
    grant: 'AssociateAgencyWithProjectPermission',
    check: 'CheckProjectPermissionForAgency',
    revoke: 'RemoveProjectPermissionFromAgency',
  },
  what: 'permissions of an agency in a project',
  listPath: '/v3.0/OS-AGENCY/projects/{project}/agencies/{agency_id}/roles',
  path: '/v3.0/OS-AGENCY/projects/{project}/agencies/{agency_id}/roles/{role_id}',
  on: 'AgencyOnProject',
  errors: 'iam',
});
export const allGrantsOfAgency = grantOperations({
  ids: {
    list: 'ListAllProjectsPermissionsForAgency',
    grant: 'AssociateAgencyWithAllProjectsPermission',
    check: 'CheckAllProjectsPermissionForAgency',
    revoke: 'RemoveAllProjectsPermissionFromAgency',
  },
  what: 'permissions of an agency on all resources',
  listPath: '/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles/inherited_to_projects',
  path: '/v3.0/OS-INHERIT/domains/{domain_id}/agencies/{agency_id}/roles/{role_id}/inherited_to_projects',
  on: 'Agency',
  errors: 'iam',
});
export const domainGrantsOfGroup = grantOperations({
  ids: {
    list: 'KeystoneListDomainPermissionsForGroup',
    grant: 'KeystoneAssociateGroupWithDomainPermission',
    check: 'KeystoneCheckDomainPermissionForGroup',
    revoke: 'KeystoneRemoveDomainPermissionFromGroup',
  },
  what: 'permissions of a group on global services',
  listPath: '/v3/domains/{domain_id}/groups/{group_id}/roles',
  path: '/v3/domains/{domain_id}/groups/{group_id}/roles/{role_id}',
  on: 'GroupOnDomain',
  errors: 'keystone',
});
export const projectGrantsOfGroup = grantOperations({
  ids: {
    list: 'KeystoneListProjectPermissionsForGroup',
    grant: 'KeystoneAssociateGroupWithProjectPermission',
    check: 'KeystoneCheckProjectPermissionForGroup',
    revoke: 'KeystoneRemoveProjectPermissionFromGroup',
  },
  what: 'permissions of a group in a project',
  listPath: '/v3/projects/{project}/groups/{group_id}/roles',
  path: '/v3/projects/{project}/groups/{group_id}/roles/{role_id}',
  on: 'GroupOnProject',
  errors: 'keystone',
});
export const allGrantsOfGroup = grantOperations({
  ids: {
    list: 'KeystoneListAllProjectPermissionsForGroup',
    grant: 'UpdateDomainGroupInheritRole',
    check: 'KeystoneCheckroleForGroup',
    revoke: 'DeleteDomainGroupInheritedRole',
  },
  what: 'permissions of a group on all resources',
  listPath: '/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects',
  path: '/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects',
  on: 'Group',
  errors: 'keystone',
});
