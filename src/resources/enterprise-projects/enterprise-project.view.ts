import type { BoundResource, EnterpriseProject } from './enterprise-project.ts';

/** An enterprise project on the wire: status 1 enabled, 2 disabled. `deletable`: whether DELETE may be tried. */
export function enterpriseProjectView(project: EnterpriseProject, deletable: boolean) {
  return {
    id: project.id,
    name: project.name,
    description: project.description,
    status: statusOf(project),
    type: project.type,
    created_at: isoSeconds(project.createdAt),
    updated_at: isoSeconds(project.updatedAt),
    delete_flag: deletable,
  };
}

export function statusOf(project: EnterpriseProject): 1 | 2 {
  return project.enabled ? 1 : 2;
}

/** A bound resource on the wire. */
export function boundResourceView(resource: BoundResource, enterpriseProjectId: string, projectName: string) {
  return {
    enterprise_project_id: enterpriseProjectId,
    project_id: resource.projectId,
    project_name: projectName,
    resource_id: resource.id,
    resource_name: resource.name,
    resource_type: resource.type,
    resource_detail: {},
  };
}

/** As EPS writes times: `2026-01-31T08:00:00Z`. */
function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
