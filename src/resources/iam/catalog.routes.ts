import { Reply, type Route, route } from '../../http/index.ts';
import type { AccountService } from './account.service.ts';
import * as api from './catalog.api.ts';
import { invalid, missing } from './iam.failures.ts';
import type { IamViews } from './iam.view.ts';
import { LIMITS, type ProjectStatus } from './identity.ts';
import type { PolicyService } from './policy.service.ts';
import type { UserService } from './user.service.ts';

export interface CatalogRouteDeps {
  accounts: AccountService;
  users: UserService;
  policies: PolicyService;
  views: IamViews;
  region: string;
}

/** Services, regions, quotas, and the state of projects. */
export function catalogRoutes({ accounts, users, policies, views, region }: CatalogRouteDeps): Route[] {
  const services = () =>
    views
      .catalog(undefined)
      .map(({ id, name, type }) => ({ id, name, type, enabled: true, links: views.links(`/v3/services/${id}`) }));
  const endpoints = () =>
    views.catalog(undefined).flatMap(service =>
      service.endpoints.map(({ id, url }) => ({
        id,
        service_id: service.id,
        interface: 'public',
        region,
        region_id: region,
        url,
        enabled: true,
        links: views.links(`/v3/endpoints/${id}`),
      })),
    );
  const found = <T extends { id: string }>(items: readonly T[], what: string, id: string): T => {
    const item = items.find(each => each.id === id);
    if (!item) throw missing(what, id);
    return item;
  };

  return [
    route(api.showVersion, async () => ({
      version: {
        id: 'v3.6',
        status: 'stable',
        updated: '2016-04-04T00:00:00Z',
        'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
        links: [{ rel: 'self', href: views.links('/v3').self }],
      },
    })),
    route(api.showRegion, async ({ params }) => ({ region: found([views.region()], 'region', params.region_id) })),
    route(api.listServices, async ({ query }) => ({
      services: services().filter(service => query.type === undefined || service.type === query.type),
      links: views.links('/v3/services'),
    })),
    route(api.showService, async ({ params }) => ({ service: found(services(), 'service', params.iam_service_id) })),
    route(api.listEndpoints, async ({ query }) => ({
      endpoints: endpoints()
        .filter(endpoint => query.interface === undefined || endpoint.interface === query.interface)
        .filter(endpoint => query.service_id === undefined || endpoint.service_id === query.service_id),
      links: views.links('/v3/endpoints'),
    })),
    route(api.showEndpoint, async ({ params }) => ({ endpoint: found(endpoints(), 'endpoint', params.endpoint_id) })),
    route(api.showDomainQuota, async ({ principal, params, query }) => {
      const { accountId } = principal;
      if (params.domain_id !== accountId) throw missing('account', params.domain_id);
      const given = await policies.allGrants(accountId);
      // What the subject that has most of them has.
      const most = (kind: string, inEnterpriseProjects: boolean): number => {
        const counted = given.filter(
          grant => grant.subject_kind === kind && grant.scope.startsWith('ep:') === inEnterpriseProjects,
        );
        return Math.max(0, ...[...Map.groupBy(counted, grant => grant.subject_id).values()].map(of => of.length));
      };
      const resource = (type: string, quota: number, used: number) => ({ type, quota, min: 0, max: quota, used });
      const resources = [
        resource('user', LIMITS.users, (await users.users(accountId)).length),
        resource('group', LIMITS.groups, (await users.groups(accountId)).length),
        resource('policy', LIMITS.policies, (await policies.policies(accountId)).length),
        resource('agency', LIMITS.agencies, (await policies.agencies(accountId)).length),
        resource('assigment_group_mp', LIMITS.grantsPerSubject, most('group', false)),
        resource('assigment_agency_mp', LIMITS.grantsPerSubject, most('agency', false)),
        resource('assigment_group_ep', LIMITS.grantsPerSubject, most('group', true)),
        resource('assigment_user_ep', LIMITS.grantsPerSubject, most('user', true)),
      ];
      const wanted = resources.filter(resource => query.type === undefined || resource.type === query.type);
      if (wanted.length === 0) {
        throw invalid(`Parameter [type] should be one of ${JSON.stringify(resources.map(resource => resource.type))}.`);
      }
      return { quotas: { resources: wanted } };
    }),
    route(api.showProjectQuota, async ({ principal, params }) => {
      const { accountId } = await accounts.projectOf(principal.accountId, params.project);
      const used = (await accounts.projects(accountId)).length;
      return {
        quotas: { resources: [{ type: 'project', quota: LIMITS.projects, min: 0, max: LIMITS.projects, used }] },
      };
    }),
    route(api.updateProject, async ({ principal, params, body }) => {
      const { name, description } = body.project;
      const patch = { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) };
      return { project: views.project(await accounts.updateProject(principal.accountId, params.project, patch)) };
    }),
    route(api.showProjectStatus, async ({ principal, params }) => {
      const project = await accounts.projectOf(principal.accountId, params.project);
      return { project: { ...views.project(project), status: project.status } };
    }),
    route(api.updateProjectStatus, async ({ principal, params, body }) => {
      const status = body.project.status as ProjectStatus;
      await accounts.updateProject(principal.accountId, params.project, { status });
      return new Reply(undefined);
    }),
  ];
}
