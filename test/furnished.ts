import type { Principal } from '../src/kernel/principal.ts';
import { NOTEBOOK_IMAGE_ID } from '../src/resources/images/image.api.ts';
import { PASSWORD, type World } from './world.ts';

const ENGINE = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';
const FLAVOR = 'modelarts.vm.cpu.1u';
const WAIT_MS = 20_000;

/**
 * Gives the world's first account one thing of every family. Returns their ids by the names that paths have for them. The world
 * must have been made with `work`, since a service needs a model that was imported.
 */
export async function furnish(world: World): Promise<Record<string, string>> {
  const { root } = world;
  const token = await world.login(root);
  const { made } = asRoot(world, token);

  const principal: Principal = {
    kind: 'root',
    id: root.userId,
    name: root.account,
    accountId: root.accountId,
    accountName: root.account,
    credential: 'internal',
  };
  const objects = world.families.objects.service;
  await objects.createBucket(principal, 'furnished');
  const files: Record<string, string> = {
    'code/train.py': 'print(1)',
    'package/model/model.pt': 'weights',
    'package/model/customize_service.py': 'class Service: pass',
    'package/model/config.json': JSON.stringify({
      model_algorithm: 'image_classification',
      model_type: 'PyTorch',
      runtime: ENGINE,
    }),
  };
  for (const [key, content] of Object.entries(files)) {
    await objects.put(principal, { bucket: 'furnished', key }, Buffer.from(content));
  }

  const user = await made('/v3/users', { user: { name: 'ann', password: PASSWORD } });
  const group = await made('/v3/groups', { group: { name: 'staff' } });
  const agency = await made('/v3.0/OS-AGENCY/agencies', {
    agency: { name: 'helpers', trust_domain_name: root.account },
  });
  const key = await made('/v3.0/OS-CREDENTIAL/credentials', { credential: { user_id: user.user.id } });
  const role = await made('/v3.0/OS-ROLE/roles', {
    role: {
      display_name: 'readers',
      type: 'AX',
      policy: { Version: '1.1', Statement: [{ Effect: 'Allow', Action: ['modelarts:trainJob:list'] }] },
    },
  });

  const enterprise = await made('/v1.0/enterprise-projects', { name: 'furnished-enterprise-project' });
  const provider = '/v3/OS-FEDERATION/identity_providers/corp-idp';
  await made(provider, { identity_provider: {} }, 'PUT');
  const rules = [{ remote: [{ type: 'sub' }], local: [{ user: { name: '{0}' } }] }];
  await made('/v3/OS-FEDERATION/mappings/corp-rules', { mapping: { rules } }, 'PUT');
  await made(`${provider}/protocols/oidc`, { protocol: { mapping_id: 'corp-rules' } }, 'PUT');

  const v1 = `/v1/${root.projectId}`;
  const v2 = `/v2/${root.projectId}`;
  const workspace = await made(`${v1}/workspaces`, { name: 'furnished-workspace' });
  const bound = await made(`${v2}/agency`, {});
  await made(`${v2}/authorizations`, { user_id: 'all', type: 'agency', content: bound.agency_name });
  const things = await furnishThings(world);
  const labels = (name: string) => ({ metadata: { labels: { 'os.modelarts/name': name } } });
  const network = await made(`${v1}/networks`, {
    apiVersion: 'v1',
    kind: 'Network',
    ...labels('lab-network'),
    spec: { cidr: '192.168.240.0/24' },
  });
  const pool = await made(`${v2}/pools`, {
    apiVersion: 'v2',
    kind: 'Pool',
    ...labels('lab-pool'),
    spec: {
      type: 'Dedicate',
      scope: ['Train', 'Infer', 'Notebook'],
      resources: [{ flavor: FLAVOR, count: 1 }],
      network: { name: network.metadata.name },
    },
  });
  const pool_name = pool.metadata.name;
  const { items } = (await world.send('GET', `${v2}/pools/${pool_name}/nodes`, { token })).body;
  const orders = (await world.send('GET', `${v1}/orders`, { token })).body.items;

  return {
    project_id: root.projectId,
    project: root.projectId,
    domain_id: root.accountId,
    user_id: user.user.id,
    group_id: group.group.id,
    agency_id: agency.agency.id,
    access_key: key.credential.access,
    role_id: role.role.id,
    enterprise_project_id: enterprise.enterprise_project.id,
    workspace_id: workspace.id,
    idp_id: 'corp-idp',
    protocol_id: 'oidc',
    mapping_id: 'corp-rules',
    ...things,
    task_id: 'worker-0',
    // What belongs to the installation, and families that have no things yet.
    region_id: 'none',
    iam_service_id: 'none',
    endpoint_id: 'none',
    old_instance_id: 'none',
    // Of these there is never one.
    nodepool_name: 'none',
    template_name: 'none',
    plugintemplate_name: 'none',
    nodeconfigtemplate_name: 'none',
    virtualresourcetemplate_name: 'none',
    node_ip: 'none',
    event_id: 'none',
    instance_id: things.id!,
    resource_id: things.id!,
    storage_id: 'none',
    image_id: 'none',
    keypair_name: 'none',
    pool_name,
    network_name: network.metadata.name,
    node_name: items[0].metadata.name,
    order_name: orders[0].orderName,
  };
}

/** An algorithm, a job, a model, a service and a notebook in a workspace of a furnished world; their ids by the names that paths have for them. */
export async function furnishThings(world: World, workspace_id = '0'): Promise<Record<string, string>> {
  const { root } = world;
  const { made, reached } = asRoot(world, await world.login(root));
  const v1 = `/v1/${root.projectId}`;
  const v2 = `/v2/${root.projectId}`;
  const code = {
    code_dir: '/furnished/code/',
    boot_file: '/furnished/code/train.py',
    engine: { engine_id: ENGINE },
  };
  const algorithm = await made(`${v2}/algorithms`, {
    metadata: { name: 'furnished-algorithm', workspace_id },
    job_config: code,
  });
  const outputs = [{ name: 'train_url', remote: { obs: { obs_url: `/furnished/out-${workspace_id}/` } } }];
  const job = await made(`${v2}/training-jobs`, {
    kind: 'job',
    metadata: { name: 'furnished-job', workspace_id },
    algorithm: { ...code, outputs },
    spec: { resource: { flavor_id: FLAVOR, node_count: 1 } },
  });
  const model = await made(`${v1}/models`, {
    model_name: 'furnished-model',
    model_version: '0.0.1',
    model_type: 'PyTorch',
    source_location: 'obs://furnished/package/',
    workspace_id,
  });
  await reached(`${v1}/models/${model.model_id}`, body => body.model_status === 'published');
  const service = await made(`${v1}/services`, {
    service_name: 'furnished-service',
    infer_type: 'real-time',
    config: [{ model_id: model.model_id, weight: 100, specification: FLAVOR, instance_count: 1 }],
    workspace_id,
  });
  const notebook = await made(`${v1}/notebooks`, {
    name: 'furnished-notebook',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: FLAVOR,
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    workspace_id,
  });
  return {
    algorithm_id: algorithm.metadata.id,
    training_job_id: job.metadata.id,
    model_id: model.model_id,
    service_id: service.service_id,
    id: notebook.id,
  };
}

/** Calls in the name of the world's first root user. */
function asRoot(world: World, token: string) {
  const made = async (path: string, body: object, method = 'POST') => {
    const answer = await world.send(method, path, { token, body });
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer.body;
  };
  const reached = async (path: string, done: (body: Record<string, unknown>) => boolean) => {
    for (const end = Date.now() + WAIT_MS; ; ) {
      const { body, text } = await world.send('GET', path, { token });
      if (done(body)) return;
      if (Date.now() > end) throw new Error(`${path} stays ${text}`);
      await new Promise(resolve => setTimeout(resolve, 10));
    }
  };
  return { made, reached };
}
