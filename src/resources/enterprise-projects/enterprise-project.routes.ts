import { Reply, type Route, route } from '../../http/index.ts';
import * as api from './enterprise-project.api.ts';
import type { EnterpriseProjectInput, EnterpriseProjectService } from './enterprise-project.service.ts';
import { DEFAULT, type EnterpriseProject, type EnterpriseProjectType, LIMIT } from './enterprise-project.ts';
import { boundResourceView, enterpriseProjectView, statusOf } from './enterprise-project.view.ts';

/** Names are read from the project's own family. */
export type ProjectName = (projectId: string) => Promise<string | undefined>;

const WORKSPACE = 'workspace';

/** The handlers of the family's operations. */
export function enterpriseProjectRoutes(deps: {
  service: EnterpriseProjectService;
  region: string;
  projectName: ProjectName;
}): Route[] {
  const { service, region, projectName } = deps;
  const view = (project: EnterpriseProject) => enterpriseProjectView(project, project.id !== DEFAULT.id);
  return [
    route(api.listEnterpriseProjects, async call => {
      const { id, name, status, type, sort_key, sort_dir, limit = 1000, offset = 0 } = call.query;
      const found = (await service.list(call.principal.accountId))
        .filter(project => id === undefined || project.id === id)
        .filter(project => name === undefined || project.name.toLowerCase().includes(name.toLowerCase()))
        .filter(project => status === undefined || statusOf(project) === status)
        .filter(project => type === undefined || project.type === type);
      if (sort_key) {
        const key = sort_key === 'created_at' ? 'createdAt' : 'updatedAt';
        found.sort((a, b) => a[key] - b[key]);
      }
      if (sort_dir === 'desc') found.reverse();
      return { enterprise_projects: found.slice(offset, offset + limit).map(view), total_count: found.length };
    }),
    route(api.createEnterpriseProject, async call => ({
      enterprise_project: view(await service.create(call.principal.accountId, input(call.body))),
    })),
    route(api.showEnterpriseProjectQuota, async call => {
      const used = (await service.list(call.principal.accountId)).filter(project => project.id !== DEFAULT.id).length;
      return { quotas: { resources: [{ type: 'enterprise_project', quota: LIMIT, used }] } };
    }),
    route(api.listProviders, async call => {
      const { provider, limit = 200, offset = 0 } = call.query;
      const workspaces = {
        resource_type: WORKSPACE,
        resource_type_i18n_display_name: call.query.locale === 'zh-cn' ? '工作空间' : 'Workspace',
        regions: [region],
        global: false,
      };
      const all = [
        { provider: 'modelarts', provider_i18n_display_name: 'ModelArts', resource_types: [workspaces] },
      ].filter(each => provider === undefined || each.provider === provider);
      return { providers: all.slice(offset, offset + limit), total_count: all.length };
    }),
    route(api.showEpConfigs, async () => ({ support_item: { delete_ep_support: 'true' } })),
    route(api.showEnterpriseProject, async call => ({
      enterprise_project: view(await service.show(call.principal.accountId, call.params.enterprise_project_id)),
    })),
    route(api.updateEnterpriseProject, async call => {
      const { accountId } = call.principal;
      const id = call.params.enterprise_project_id;
      return { enterprise_project: view(await service.update(accountId, id, input(call.body))) };
    }),
    route(api.switchEnterpriseProject, async call => {
      const { accountId } = call.principal;
      await service.switch(accountId, call.params.enterprise_project_id, call.body.action === 'enable');
      return new Reply(undefined);
    }),
    route(api.deleteEnterpriseProject, async call => {
      await service.remove(call.principal.accountId, call.params.enterprise_project_id);
      return new Reply(undefined);
    }),
    route(api.showResourcesOfEnterpriseProject, async call => {
      const id = call.params.enterprise_project_id;
      const { projects = [], resource_types, matches = [], limit = 1000, offset = 0 } = call.body;
      const found = (await service.resources(call.principal.accountId, id))
        .filter(each => projects.length === 0 || projects.includes(each.projectId))
        .filter(each => resource_types.length === 0 || resource_types.includes(each.type))
        .filter(each =>
          matches.every(({ key, value }) => (key === 'resource_id' ? each.id === value : each.name.includes(value))),
        );
      const names = new Map<string, string>();
      for (const { projectId } of found) {
        if (!names.has(projectId)) names.set(projectId, (await projectName(projectId)) ?? '');
      }
      const resources = found
        .slice(offset, offset + limit)
        .map(each => boundResourceView(each, id, names.get(each.projectId)!));
      return { resources, errors: [], total_count: found.length };
    }),
    route(api.migrateResource, call => service.migrate(call.principal.accountId, call.params.enterprise_project_id)),
  ];
}

function input(body: { name: string; description?: string; type?: unknown }): EnterpriseProjectInput {
  return { name: body.name, description: body.description, type: body.type as EnterpriseProjectType | undefined };
}
