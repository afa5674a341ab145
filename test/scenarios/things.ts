import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import type { World } from '../world.ts';
import { type Member, type Team, uploadCode } from './team.ts';

export const ENGINE = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';

/** Puts code, data and a model package into a new bucket of the team's account: `code/`, `data/`, `package/`. */
export async function uploadThings(world: World, team: Team, bucket: string): Promise<void> {
  await uploadCode(world, team, bucket);
  const { userId: id, account: name, accountId } = team.tenant;
  const principal = { kind: 'root', id, name, accountId, accountName: name, credential: 'internal' } as const;
  const config = { model_algorithm: 'image_classification', model_type: 'PyTorch', runtime: ENGINE };
  for (const [key, text] of Object.entries({
    'data/a.txt': 'data',
    'package/model/model.pt': 'weights',
    'package/model/customize_service.py': 'class Service: pass',
    'package/model/config.json': JSON.stringify(config),
  })) {
    await world.families.objects.service.put(principal, { bucket, key }, Buffer.from(text));
  }
}

const inWorkspace = (workspace: string | undefined) => (workspace ? { workspace_id: workspace } : {});

/** The body of an algorithm whose code is that of `uploadCode`. */
export function algorithmBody(name: string, bucket: string, workspace?: string): object {
  return {
    metadata: { name, ...inWorkspace(workspace) },
    job_config: {
      code_dir: `/${bucket}/code/`,
      boot_file: `/${bucket}/code/train.py`,
      engine: { engine_id: ENGINE },
    },
  };
}

/** The body of a model made of the package of `uploadThings`. */
export function modelBody(name: string, bucket: string, workspace?: string): object {
  return {
    model_name: name,
    model_version: '0.0.1',
    model_type: 'PyTorch',
    source_location: `obs://${bucket}/package/`,
    ...inWorkspace(workspace),
  };
}

/** The body of a service of one model. */
export function serviceBody(name: string, modelId: string, workspace?: string) {
  return {
    service_name: name,
    infer_type: 'real-time',
    config: [{ model_id: modelId, weight: 100, specification: 'modelarts.vm.cpu.1u', instance_count: 1 }],
    ...inWorkspace(workspace),
  };
}

/** Imports a model and waits until it is published; resolves with its id. */
export async function publish(world: Pick<World, 'until'>, team: Team, member: Member, body: object): Promise<string> {
  const made = await member.call('POST', `${team.v1}/models`, body);
  if (made.status !== 200) throw new Error(made.text);
  const { model_id } = made.body;
  await world.until(async () => {
    const shown = (await member.call('GET', `${team.v1}/models/${model_id}`)).body;
    if (shown.model_status === 'failed') throw new Error(shown.error_msg);
    return shown.model_status === 'published';
  });
  return model_id;
}

/** The body of a notebook instance. */
export function notebookBody(name: string, more: object = {}): object {
  return {
    name,
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    ...more,
  };
}

/** The body of a network. */
export function networkBody(name: string, cidr: string): object {
  return { apiVersion: 'v1', kind: 'Network', metadata: { labels: { 'os.modelarts/name': name } }, spec: { cidr } };
}

/** The body of a dedicated pool that is open for everything. */
export function poolBody(name: string, network: string, nodes: { flavor: string; count: number }): object {
  return {
    apiVersion: 'v2',
    kind: 'Pool',
    metadata: { labels: { 'os.modelarts/name': name } },
    spec: {
      type: 'Dedicate',
      scope: ['Train', 'Infer', 'Notebook'],
      resources: [nodes],
      network: { name: network },
    },
  };
}

/** Makes a network and on it a dedicated pool, and waits until it is Running; resolves with their ids. */
export async function makePool(
  world: Pick<World, 'until'>,
  team: Team,
  member: Member,
  name: string,
  nodes: { flavor: string; count: number },
  cidr = '192.168.20.0/24',
): Promise<{ id: string; network: string }> {
  const net = await member.call('POST', `${team.v1}/networks`, networkBody(`net-${name}`, cidr));
  if (net.status !== 200) throw new Error(net.text);
  const network: string = net.body.metadata.name;
  const made = await member.call('POST', `${team.v2}/pools`, poolBody(name, network, nodes));
  if (made.status !== 200) throw new Error(made.text);
  const id: string = made.body.metadata.name;
  await world.until(async () => (await member.call('GET', `${team.v2}/pools/${id}`)).body.status?.phase === 'Running');
  return { id, network };
}
