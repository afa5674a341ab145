import type { Grant, Workspace } from './workspace.ts';

/** A workspace as the list shows it: without its grants. */
export function workspaceView(workspace: Workspace, enterpriseProjectName: string) {
  return {
    id: workspace.id,
    name: workspace.name,
    description: workspace.description,
    owner: workspace.ownerName,
    create_time: workspace.createdAt,
    update_time: workspace.updatedAt,
    auth_type: workspace.authType,
    enterprise_project_id: workspace.enterpriseProjectId,
    enterprise_project_name: enterpriseProjectName,
    status: workspace.status,
    status_info: workspace.statusInfo,
  };
}

/** A workspace with its grants. */
export function workspaceDetail(workspace: Workspace, enterpriseProjectName: string) {
  return { ...workspaceView(workspace, enterpriseProjectName), grants: workspace.grants.map(grantView) };
}

function grantView(grant: Grant) {
  return {
    ...(grant.userId === undefined ? {} : { user_id: grant.userId }),
    ...(grant.userName === undefined ? {} : { user_name: grant.userName }),
    user_type: grant.userType,
  };
}
