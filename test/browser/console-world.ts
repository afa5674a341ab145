import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSite } from '../../src/http/index.ts';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import type { Program } from '../../src/runtime/fake/index.ts';
import { ENGINE, serviceBody } from '../scenarios/things.ts';
import { type Answer, createWorld, type World, type WorldOptions } from '../world.ts';

/** Where the launcher builds the console. */
export const BUILT = join(import.meta.dirname, '../../dist/console');

export interface ConsoleWorld extends World {
  /** A call as the first account's root user. */
  root_: (method: string, path: string, body?: object) => Promise<Answer>;
  /** Submits a training job that does what `program` says; resolves with its id. `resource`: members of `spec.resource`. */
  train(name: string, program: Program, resource?: object): Promise<string>;
  /** Makes an AI application that says what its requests should hold; resolves with its id when it is published. */
  model(name: string, version: string, apis?: object[]): Promise<string>;
  /** Deploys a model as a service; resolves with its id when it runs. */
  deploy(name: string, modelId: string, program?: Program): Promise<string>;
  /** What came to the gateway, the latest last. */
  predictions: Prediction[];
  /** What the gateway answers. */
  answer: { status: number; type: string; body: string | Buffer };
}

interface Prediction {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** What the digits' model declares: an image in a form. */
const DIGIT_APIS = [
  {
    url: '/',
    method: 'post',
    request: {
      'Content-type': 'multipart/form-data',
      data: {
        type: 'object',
        properties: { images: { type: 'file', description: 'A drawn digit' }, top: { type: 'integer' } },
        required: ['images'],
      },
    },
  },
];

/** The platform with the built console, an authorization and a bucket with code, ready to train. */
export async function consoleWorld(options: WorldOptions = {}): Promise<ConsoleWorld> {
  let next: Program = {};
  const predictions: Prediction[] = [];
  const answer: ConsoleWorld['answer'] = { status: 200, type: 'application/json', body: '{"predicted_label":"7"}' };
  const gateway = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    predictions.push({ method, url, headers, body: Buffer.concat(await request.toArray()) });
    response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body);
  });
  await new Promise<void>(resolve => gateway.listen(0, '127.0.0.1', resolve));
  const inference = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const world = await createWorld({ ...options, site: createSite(BUILT), program: () => next, work: true, inference });
  const { account, accountId, projectId, userId } = world.root;
  const token = await world.login(world.root);
  const call = async (method: string, path: string, body?: object) => {
    const answer = await world.send(method, path, { token, ...(body ? { body } : {}) });
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status} ${answer.text}`);
    return answer;
  };
  const { agency_name } = (await call('POST', `/v2/${projectId}/agency`, { agency_name_suffix: 'console' })).body;
  await call('POST', `/v2/${projectId}/authorizations`, { user_id: 'all', type: 'agency', content: agency_name });
  const principal = {
    kind: 'root',
    id: userId,
    name: account,
    accountId,
    accountName: account,
    credential: 'internal',
  } as const;
  const { service } = world.families.objects;
  await service.createBucket(principal, 'digits');
  await service.put(principal, { bucket: 'digits', key: 'code/train.py' }, Buffer.from('print("hello")'));
  const v1 = `/v1/${projectId}`;
  return {
    ...world,
    root_: call,
    predictions,
    answer,
    async remove() {
      await world.remove();
      gateway.closeAllConnections();
      await new Promise(resolve => gateway.close(resolve));
    },
    async model(name, version, apis = DIGIT_APIS) {
      const config = { model_algorithm: 'image_classification', model_type: 'PyTorch', runtime: ENGINE, apis };
      const files = { 'model.pt': 'weights', 'customize_service.py': '', 'config.json': JSON.stringify(config) };
      for (const [file, text] of Object.entries(files)) {
        await service.put(principal, { bucket: 'digits', key: `package/model/${file}` }, Buffer.from(text));
      }
      const body = {
        model_name: name,
        model_version: version,
        model_type: 'PyTorch',
        source_location: 'obs://digits/package/',
        description: 'Knows digits',
      };
      const { model_id } = (await call('POST', `${v1}/models`, body)).body;
      const status = async () => (await call('GET', `${v1}/models/${model_id}`)).body.model_status;
      await world.until(async () => (await status()) === 'published');
      return model_id;
    },
    async deploy(name, modelId, program = {}) {
      next = program;
      const { service_id } = (await call('POST', `${v1}/services`, serviceBody(name, modelId))).body;
      const status = async () => (await call('GET', `${v1}/services/${service_id}`)).body.status;
      await world.until(async () => (await status()) === 'running');
      return service_id;
    },
    async train(name, program, resource = {}) {
      next = program;
      const body = {
        kind: 'job',
        metadata: { name, description: 'Reads handwritten digits' },
        algorithm: {
          code_dir: '/digits/code/',
          boot_file: '/digits/code/train.py',
          engine: { engine_id: ENGINE },
          outputs: [{ name: 'train_url', remote: { obs: { obs_url: `/digits/${name}/` } } }],
          environments: { EPOCHS: '3' },
        },
        spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1, ...resource } },
      };
      const { id } = (await call('POST', `/v2/${projectId}/training-jobs`, body)).body.metadata;
      const phase = async () => (await call('GET', `/v2/${projectId}/training-jobs/${id}`)).body.status.phase;
      await world.until(async () => !['Creating', 'Pending'].includes(await phase()) || program.runMs === undefined);
      // What ends by itself was meant for this one alone.
      if (program.runMs !== undefined) next = {};
      return id;
    },
  };
}

/** An algorithm of the code that is there; resolves with its id. */
export async function sampleAlgorithm(world: ConsoleWorld): Promise<string> {
  const body = {
    metadata: { name: 'digits-algorithm', description: 'Reads handwritten digits' },
    job_config: {
      code_dir: '/digits/code/',
      boot_file: '/digits/code/train.py',
      engine: { engine_id: ENGINE },
      parameters: [{ name: 'epochs', value: '3', constraint: { type: 'Integer', required: true } }],
      inputs: [{ name: 'data_url', description: 'Images and labels' }],
      outputs: [{ name: 'train_url', description: 'The model' }],
    },
  };
  const answer = await world.root_('POST', `/v2/${world.root.projectId}/algorithms`, body);
  return answer.body.metadata.id;
}

/** A notebook that runs, a network and a pool; their ids by the names that pages have for them. */
export async function computeSamples(world: ConsoleWorld): Promise<Record<string, string>> {
  const { projectId } = world.root;
  const flavor = 'modelarts.vm.cpu.1u';
  const notebook = await world.root_('POST', `/v1/${projectId}/notebooks`, {
    name: 'digits-notebook',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor,
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
  });
  const at = `/v1/${projectId}/notebooks/${notebook.body.id}`;
  await world.until(async () => (await world.root_('GET', at)).body.status === 'RUNNING');
  const labels = (name: string) => ({ metadata: { labels: { 'os.modelarts/name': name } } });
  const network = await world.root_('POST', `/v1/${projectId}/networks`, {
    apiVersion: 'v1',
    kind: 'Network',
    ...labels('lab-network'),
    spec: { cidr: '192.168.240.0/24' },
  });
  const networkId: string = network.body.metadata.name;
  const pool = await world.root_('POST', `/v2/${projectId}/pools`, {
    apiVersion: 'v2',
    kind: 'Pool',
    ...labels('lab-pool'),
    spec: {
      type: 'Dedicate',
      scope: ['Train', 'Infer', 'Notebook'],
      resources: [{ flavor, count: 1 }],
      network: { name: networkId },
    },
  });
  const poolId: string = pool.body.metadata.name;
  const shown = `/v2/${projectId}/pools/${poolId}`;
  await world.until(async () => (await world.root_('GET', shown)).body.status.phase === 'Running');
  return { notebookId: notebook.body.id, networkId, poolId };
}

/** A user in a group that holds a policy, an agency, a workspace; their ids by the names that pages have for them. */
export async function identitySamples(world: ConsoleWorld): Promise<Record<string, string>> {
  const { accountId, projectId } = world.root;
  const user = { name: 'li-lei', domain_id: accountId, password: 'Given-pass-1', description: 'Vision team' };
  const userId: string = (await world.root_('POST', '/v3.0/OS-USER/users', { user })).body.user.id;
  const group = { name: 'developers', description: 'Own notebooks and jobs' };
  const groupId: string = (await world.root_('POST', '/v3/groups', { group })).body.group.id;
  await world.root_('PUT', `/v3/groups/${groupId}/users/${userId}`);
  const policy = {
    Version: '1.1',
    Statement: [
      { Effect: 'Allow', Action: ['modelarts:*:*', 'obs:object:GetObject'] },
      {
        Effect: 'Deny',
        Action: ['modelarts:trainJob:create', 'modelarts:notebook:create'],
        Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
      },
    ],
  };
  const role = { display_name: 'dedicated-pools-only', type: 'XA', description: 'Nothing in the public pool', policy };
  const policyId: string = (await world.root_('POST', '/v3.0/OS-ROLE/roles', { role })).body.role.id;
  const grant = `/v3/OS-INHERIT/domains/${accountId}/groups/${groupId}/roles/${policyId}/inherited_to_projects`;
  await world.root_('PUT', grant);
  const agency = { name: 'for-pipelines', domain_id: accountId, trust_domain_name: 'op_svc_modelarts' };
  const agencyId: string = (await world.root_('POST', '/v3.0/OS-AGENCY/agencies', { agency })).body.agency.id;
  const workspace = { name: 'vision-lab', auth_type: 'INTERNAL', grants: [{ user_id: userId }] };
  const workspaceId: string = (await world.root_('POST', `/v1/${projectId}/workspaces`, workspace)).body.id;
  return { userId, groupId, policyId, agencyId, workspaceId };
}

/** Something of every kind that has a page; ids by the names that pages have for them. */
export async function everySample(world: ConsoleWorld): Promise<Record<string, string>> {
  const jobId = await world.train('digits-done', {
    runMs: 50,
    output: [{ text: 'epoch 1 loss 0.41' }, { text: 'epoch 2 loss 0.07' }],
  });
  const modelId = await world.model('digits', '0.0.1');
  return {
    jobId,
    modelId,
    bucketName: 'digits',
    algorithmId: await sampleAlgorithm(world),
    serviceId: await world.deploy('digits', modelId),
    ...(await computeSamples(world)),
    ...(await identitySamples(world)),
  };
}

/** Puts `count` jobs like one of this name into the database, `many-0` the oldest of all. */
export async function repeatJob({ db }: World, name: string, count: number): Promise<void> {
  const row = await db.selectFrom('training_jobs').selectAll().where('name', '=', name).executeTakeFirstOrThrow();
  // As many as a statement may have values.
  const step = 250;
  for (let from = 0; from < count; from += step) {
    const rows = Array.from({ length: Math.min(step, count - from) }, (_, i) => ({
      ...row,
      id: `many-${from + i}`,
      name: `many-${from + i}`,
      created_at: 1_000_000 + from + i,
      next_at: null,
    }));
    await db.insertInto('training_jobs').values(rows).execute();
  }
}
