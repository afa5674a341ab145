import type { Operation } from '../../wire/operation.ts';
import { refusal } from '../../wire/refusal.ts';

const POOL = '/v2/{project_id}/pools/{pool_name}';
const target = { kind: 'pool', param: 'pool_name' };

function refused(
  id: string,
  method: Operation['method'],
  path: string,
  summary: string,
  message: string,
  solution: string,
  { code = 'ModelArts.50004000', status = 400 } = {},
) {
  const ofPool = path.includes('{pool_name}');
  const action = method === 'GET' ? 'modelarts:pool:get' : 'modelarts:pool:update';
  return refusal(
    { id, method, path, summary, action, family: 'pools', errors: 'modelarts', ...(ofPool ? { target } : {}) },
    { code, status, message, solution },
  );
}

const NODE_POOLS = 'Nodes of a pool are grouped by their flavor alone; there are no node pools.';
const SCALE = 'Scale a flavor with PATCH …/pools/{pool_name} and spec.resources, or make a pool of its own.';
const PLUGINS =
  'Pools are parts of one machine without plug-ins: scheduling, name resolution and logs are the platform’s own.';
const NO_PLUGIN = 'Nothing is to be installed; GET …/plugintemplates lists none.';
const NODE_CONFIG = 'All nodes are parts of one machine and have its operating system and configuration.';
const HOST = 'Whoever runs the installation configures the machine.';
const MISSING = { code: 'ModelArts.50005101', status: 404 };

/** Operations on pools that make no sense where all nodes are one machine (reference modelarts.json and modelarts-docs.json). */
export const refusedOfPools = [
  refused('ListNodePools', 'GET', `${POOL}/nodepools`, 'list node pools', NODE_POOLS, SCALE),
  refused('CreateNodePool', 'POST', `${POOL}/nodepools`, 'create a node pool', NODE_POOLS, SCALE),
  refused('ShowNodePool', 'GET', `${POOL}/nodepools/{nodepool_name}`, 'show a node pool', NODE_POOLS, SCALE, MISSING),
  refused(
    'PatchNodePool',
    'PATCH',
    `${POOL}/nodepools/{nodepool_name}`,
    'scale a node pool',
    NODE_POOLS,
    SCALE,
    MISSING,
  ),
  refused(
    'DeleteNodePool',
    'DELETE',
    `${POOL}/nodepools/{nodepool_name}`,
    'delete a node pool',
    NODE_POOLS,
    SCALE,
    MISSING,
  ),
  refused(
    'ListNodePoolNodes',
    'GET',
    `${POOL}/nodepools/{nodepool_name}/nodes`,
    'list the nodes of a node pool',
    NODE_POOLS,
    'GET …/pools/{pool_name}/nodes lists all nodes.',
    MISSING,
  ),
  refused(
    'BatchBindPoolNodes',
    'POST',
    `${POOL}/nodes/batch-bind`,
    'bind nodes to a quota of a sub-pool',
    'Sub-pools share the nodes of their parent by amounts; single nodes are not bound to them.',
    'Say with spec.resources of the sub-pool what is left to it (count) and what it may take (maxCount).',
  ),
  refused(
    'BatchMigratePoolNodes',
    'POST',
    `${POOL}/nodes/batch-migrate`,
    'move nodes to another pool',
    'Nodes are shares of one machine and are not moved: what one pool gives up another may take.',
    'Take them from this pool (POST …/nodes/batch-delete), then let the other grow (PATCH …/pools/{pool_name}).',
  ),
  refused('CreatePoolPlugin', 'POST', `${POOL}/plugins`, 'install a plug-in', PLUGINS, NO_PLUGIN, MISSING),
  refused('ShowPoolPlugin', 'GET', `${POOL}/plugins/{template_name}`, 'show a plug-in', PLUGINS, NO_PLUGIN, MISSING),
  refused(
    'PatchPoolPlugin',
    'PATCH',
    `${POOL}/plugins/{template_name}`,
    'change a plug-in',
    PLUGINS,
    NO_PLUGIN,
    MISSING,
  ),
  refused(
    'DeletePoolPlugin',
    'DELETE',
    `${POOL}/plugins/{template_name}`,
    'remove a plug-in',
    PLUGINS,
    NO_PLUGIN,
    MISSING,
  ),
  refused(
    'ShowPluginTemplate',
    'GET',
    '/v1/{project_id}/plugintemplates/{plugintemplate_name}',
    'show a template of plug-ins',
    PLUGINS,
    NO_PLUGIN,
    MISSING,
  ),
  refused('ShowPoolNodeConfig', 'GET', `${POOL}/node-config`, 'show the configuration of nodes', NODE_CONFIG, HOST),
  refused(
    'ShowPoolNodeConfigTemplate',
    'GET',
    `${POOL}/node-config-template`,
    'show what of nodes can be configured',
    NODE_CONFIG,
    HOST,
  ),
  refused(
    'ShowNodeConfigTemplate',
    'GET',
    '/v1/{project_id}/nodeconfigtemplates/{nodeconfigtemplate_name}',
    'show a template of configurations',
    NODE_CONFIG,
    HOST,
    MISSING,
  ),
  refused(
    'ListPoolsByTags',
    'POST',
    '/v1/{project_id}/pools/resource-instances/filter',
    'search pools by tags',
    'Pools are not searched by tags.',
    'GET /v2/{project_id}/pools lists at most 15 of them, and GET /v1/{project_id}/pools/{pool_name}/tags tells their tags.',
  ),
  refused(
    'ShowNodeMetrics',
    'GET',
    '/v1/{project_id}/pools/{pool_name}/nodes/{node_ip}/metric-statistic',
    'show how a node is used',
    'Nodes are parts of one machine with one address; how much is used is told of pools.',
    'Use GET /v2/{project_id}/pools/{pool_name}/monitor, or metrics/runtime/pools.',
  ),
  refused(
    'ShowVirtualResourceTemplate',
    'GET',
    '/v1/{project_id}/virtualresourcetemplates/{virtualresourcetemplate_name}',
    'show how accelerators are divided',
    'Accelerators are given whole; they are not divided.',
    'GET /v1/{project_id}/resourceflavors lists the flavors.',
    MISSING,
  ),
];
