import { type Route, route } from '../../http/index.ts';
import { labelSelector, pageOf } from '../../kernel/object-list.ts';
import * as api from './network.api.ts';
import type { NetworkService } from './network.service.ts';
import { usableAddresses } from './network.ts';
import { labelsOf, networkView } from './network.view.ts';

/** The handlers of networks. `addressesUsed`: how many containers are on one. */
export function networkRoutes(deps: {
  service: NetworkService;
  addressesUsed(networkId: string): Promise<number>;
}): Route[] {
  const { service } = deps;
  return [
    route(api.listNetworks, async ({ projectId, workspaceId, query }) => {
      const selected = labelSelector(query.labelSelector);
      const all = (await service.list(projectId, workspaceId))
        .map(network => ({ name: network.id, labels: labelsOf(network), network }))
        .filter(({ labels }) => selected(labels));
      const { items, metadata } = pageOf(all, query);
      return {
        apiVersion: 'v1',
        kind: 'NetworkList',
        metadata,
        items: items.map(({ network }) => networkView(network)),
      };
    }),
    route(api.createNetwork, async call =>
      networkView(await service.create(call.principal, call.projectId, call.workspaceId, call.body)),
    ),
    route(api.showNetwork, async ({ projectId, params }) =>
      networkView(await service.show(projectId, params.network_name)),
    ),
    route(api.patchNetwork, async ({ projectId, params, body }) =>
      networkView(await service.patch(projectId, params.network_name, body)),
    ),
    route(api.deleteNetwork, async ({ projectId, params }) =>
      networkView(await service.remove(projectId, params.network_name)),
    ),
    route(api.showNetworkAvailableIp, async ({ projectId, params }) => {
      const network = await service.show(projectId, params.network_name);
      const usedIps = await deps.addressesUsed(network.id);
      const totalIps = usableAddresses(network.cidr);
      return {
        name: network.name,
        networkId: network.id,
        subnetIpAvailability: [{ cidr: network.cidr, ipVersion: 4, usedIps, totalIps }],
      };
    }),
  ];
}
