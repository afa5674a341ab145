import { operation, textAt, workspaceOfQuery } from '../../wire/operation.ts';
import { anyObject, nullable, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const base = {
  family: 'networks',
  errors: 'modelarts',
  invalid: { code: 'ModelArts.50004000', status: 400 },
  status: 200,
} as const;
const PATH = '/v1/{project_id}/networks';
const one = { ...base, path: `${PATH}/{network_name}`, target: { kind: 'network', param: 'network_name' } } as const;
const text = Type.Optional(Type.String());

/** A network as every answer shows it (reference modelarts.json, Network). */
const network = open({
  apiVersion: Type.String(),
  kind: Type.String(),
  metadata: open({ name: Type.String(), creationTimestamp: Type.String(), labels: anyObject, annotations: anyObject }),
  spec: open({ cidr: Type.String() }),
  status: open({ phase: Type.String() }),
});
const connection = open({
  peerConnectionList: Type.Optional(nullable(Type.Array(anyObject, { maxItems: 100 }))),
  sfsTurboConnectionList: Type.Optional(nullable(Type.Array(anyObject, { maxItems: 100 }))),
});

export const listNetworks = operation({
  ...base,
  id: 'ListNetworks',
  summary: 'List networks',
  method: 'GET',
  path: PATH,
  action: 'modelarts:network:list',
  workspace: workspaceOfQuery,
  query: open({
    workspaceId: text,
    labelSelector: Type.Optional(Type.String({ maxLength: 1024 })),
    limit: queryInteger(1, 500),
    continue: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  response: open({ apiVersion: Type.String(), kind: Type.String(), metadata: anyObject, items: Type.Array(network) }),
});

export const createNetwork = operation({
  ...base,
  id: 'CreateNetwork',
  summary: 'Create a network',
  method: 'POST',
  path: PATH,
  action: 'modelarts:network:create',
  workspace: ({ body }) => textAt(body, 'metadata', 'labels', 'os.modelarts/workspace.id'),
  makes: { kind: 'network', id: 'metadata.name' },
  body: open({
    apiVersion: oneOf(['v1']),
    kind: oneOf(['Network']),
    metadata: open({
      labels: open({ 'os.modelarts/name': Type.String(), 'os.modelarts/workspace.id': text }),
      annotations: Type.Optional(anyObject),
    }),
    spec: open({ cidr: Type.String({ maxLength: 64 }), connection: Type.Optional(connection) }),
  }),
  response: network,
});

export const showNetwork = operation({
  ...one,
  id: 'ShowNetwork',
  summary: 'Show a network',
  method: 'GET',
  action: 'modelarts:network:get',
  response: network,
});

export const patchNetwork = operation({
  ...one,
  id: 'PatchNetwork',
  summary: 'Change a network',
  method: 'PATCH',
  action: 'modelarts:network:update',
  body: open({
    metadata: Type.Optional(open({ annotations: Type.Optional(nullable(anyObject)) })),
    spec: Type.Optional(open({ cidr: text, connection: Type.Optional(nullable(connection)) })),
  }),
  response: network,
});

export const deleteNetwork = operation({
  ...one,
  id: 'DeleteNetwork',
  summary: 'Delete a network',
  method: 'DELETE',
  action: 'modelarts:network:delete',
  response: network,
});

export const showNetworkAvailableIp = operation({
  ...one,
  path: `${PATH}/{network_name}/network-ip-availabilities`,
  id: 'ShowNetworkAvailableIp',
  summary: 'Show how many addresses of a network are used',
  method: 'GET',
  action: 'modelarts:network:get',
  query: open({ network_id: text }),
  response: open({
    name: Type.String(),
    networkId: Type.String(),
    subnetIpAvailability: Type.Array(
      open({ cidr: Type.String(), ipVersion: Type.Integer(), usedIps: Type.Integer(), totalIps: Type.Integer() }),
    ),
  }),
});

export const networksOperations = [
  listNetworks,
  createNetwork,
  showNetwork,
  patchNetwork,
  deleteNetwork,
  showNetworkAvailableIp,
];
