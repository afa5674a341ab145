import { type Route, route } from '../../http/index.ts';
import * as api from './workspace.api.ts';
import type { WorkspaceDeletion } from './workspace.deletion.ts';
import type { Evaluate } from './workspace.evaluator.ts';
import type { WorkspaceQuotas } from './workspace.quotas.ts';
import type { WorkspaceInput, WorkspaceService } from './workspace.service.ts';
import { admits } from './workspace.ts';
import { workspaceDetail, workspaceView } from './workspace.view.ts';

/** The handlers of the family's operations. */
export function workspaceRoutes(deps: {
  service: WorkspaceService;
  quotas: WorkspaceQuotas;
  deletion: WorkspaceDeletion;
  evaluate: Evaluate;
}): Route[] {
  const { service, quotas, deletion, evaluate } = deps;
  return [
    route(api.listWorkspaces, async call => {
      const { enterprise_project_id, name, filter_accessible, limit = 1000, offset = 0 } = call.query;
      const found = (await service.list(call.principal, call.projectId))
        .filter(({ workspace }) => !filter_accessible || admits(workspace, call.principal).allowed)
        .filter(
          ({ workspace }) =>
            enterprise_project_id === undefined || workspace.enterpriseProjectId === enterprise_project_id,
        )
        .filter(({ workspace }) => name === undefined || workspace.name.toLowerCase().includes(name.toLowerCase()));
      const key = SORT_KEYS[(call.query.sort_by as keyof typeof SORT_KEYS | undefined) ?? 'name'];
      const sign = call.query.order === 'asc' ? 1 : -1;
      found.sort(({ workspace: a }, { workspace: b }) => sign * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
      const page = found.slice(offset, offset + limit);
      return {
        total_count: found.length,
        count: page.length,
        workspaces: page.map(each => workspaceView(each.workspace, each.enterpriseProjectName)),
      };
    }),
    route(api.createWorkspace, async call => {
      const { name } = call.body;
      const made = await service.create(call.principal, call.projectId, { ...input(call.body), name });
      return workspaceDetail(made.workspace, made.enterpriseProjectName);
    }),
    route(api.showWorkspace, async call => {
      const found = await service.show(call.principal, call.projectId, call.params.workspace_id);
      return workspaceDetail(found.workspace, found.enterpriseProjectName);
    }),
    route(api.updateWorkspace, async call => {
      const id = call.params.workspace_id;
      await service.update(call.principal, call.projectId, id, input(call.body));
      return { workspace_id: id };
    }),
    route(api.deleteWorkspace, async call => {
      const id = call.params.workspace_id;
      await deletion.request(call.principal, call.projectId, id);
      return { workspace_id: id };
    }),
    route(api.listWorkspaceQuotas, async call => ({
      quotas: await quotas.list(call.principal.accountId, call.projectId, call.params.workspace_id),
    })),
    route(api.validateAuthorization, async call => {
      const requests = call.body.requests.map(each => ({
        actionId: each.action_id,
        action: each.action,
        resource: each.resource,
        attributes: each.service_attributes ?? {},
      }));
      return {
        results: await evaluate(call.principal, call.projectId, call.params.workspace_id, requests),
      };
    }),
    route(api.updateWorkspaceQuotas, async call => ({
      quotas: await quotas.update(call.principal.accountId, call.projectId, call.params.workspace_id, call.body.quotas),
    })),
  ];
}

const SORT_KEYS = { name: 'name', update_time: 'updatedAt', status: 'status' } as const;

interface Body {
  name?: string;
  description?: string;
  auth_type?: string;
  enterprise_project_id?: string;
  grants?: { user_id?: string; user_name?: string; user_type?: string }[];
}

/** Empty texts where the consoles send them mean nothing was chosen. */
function input(body: Body): WorkspaceInput {
  return {
    name: body.name,
    description: body.description,
    authType: body.auth_type || undefined,
    enterpriseProjectId: body.enterprise_project_id || undefined,
    grants: body.grants,
  };
}
