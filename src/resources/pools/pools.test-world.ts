import { createWorld, type Tenant, type World, type WorldOptions } from '../../../test/world.ts';

export const GIB = 1024 ** 3;
export const ONE = 'modelarts.vm.cpu.1u';
export const TWO = 'modelarts.vm.cpu.2u';

export interface PoolSpec {
  scope?: string[];
  resources?: object[];
  network?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, unknown>;
  type?: string;
  parent?: string;
}

/** A world with the calls of pools and networks in the name of its first root user. */
export async function poolWorld(options: WorldOptions = {}) {
  const world: World = await createWorld({
    work: true,
    capacity: { vcpus: 8, memoryBytes: 16 * GIB, gpus: 0 },
    ...options,
  });
  let token = await world.login(world.root);
  const project = () => world.root.projectId;
  const v1 = `/v1/${project()}`;
  const v2 = `/v2/${project()}`;
  const call = (method: string, path: string, body?: unknown) => world.send(method, path, { token, body });

  const network = (name: string, cidr: string, more: object = {}) =>
    call('POST', `${v1}/networks`, {
      apiVersion: 'v1',
      kind: 'Network',
      metadata: { labels: { 'os.modelarts/name': name }, ...more },
      spec: { cidr },
    });
  const pool = (name: string, spec: PoolSpec = {}) =>
    call('POST', `${v2}/pools`, {
      apiVersion: 'v2',
      kind: 'Pool',
      metadata: { labels: { 'os.modelarts/name': name, ...spec.labels }, annotations: spec.annotations ?? {} },
      spec: {
        type: spec.type ?? 'Dedicate',
        scope: spec.scope ?? ['Train', 'Infer'],
        resources: spec.resources ?? [{ flavor: ONE, count: 1 }],
        ...(spec.network === undefined ? {} : { network: { name: spec.network } }),
        ...(spec.parent === undefined ? {} : { parent: spec.parent }),
      },
    });
  const show = async (id: string) => (await call('GET', `${v2}/pools/${id}`)).body;
  const patch = (id: string, body: object) =>
    world.send('PATCH', `${v2}/pools/${id}`, {
      token,
      body,
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });
  const nodes = async (id: string) => (await call('GET', `${v2}/pools/${id}/nodes`)).body.items;
  const phase = (id: string, wanted: string) =>
    world.until(async () => (await call('GET', `${v2}/pools/${id}`)).body.status?.phase === wanted);
  const gone = (path: string) => world.until(async () => (await call('GET', path)).status === 404);
  let submitted = 0;
  /** A workload of `vcpus`, as a family would submit it. */
  const work = (pool: string | undefined, vcpus = 1, more: object = {}) =>
    world.families.admission.submit({
      id: `work-${++submitted}`,
      kind: 'training-job',
      name: `work-${submitted}`,
      accountId: world.root.accountId,
      projectId: world.root.projectId,
      vcpus,
      memoryBytes: GIB,
      gpus: 0,
      ...(pool === undefined ? {} : { pool }),
      ...more,
    });
  return {
    world,
    v1,
    v2,
    call,
    network,
    pool,
    show,
    patch,
    nodes,
    phase,
    gone,
    work,
    async as(tenant: Tenant & { name?: string }) {
      token = await world.login(tenant);
    },
    /** A network and a running pool on it; their ids. */
    async running(name = 'pool-a', resources: object[] = [{ flavor: ONE, count: 2 }], cidr = '192.168.20.0/24') {
      const made = await network(`net-${name}`.slice(0, 25), cidr);
      if (made.status !== 200) throw new Error(made.text);
      const answer = await pool(name, { network: made.body.metadata.name, resources });
      if (answer.status !== 200) throw new Error(answer.text);
      const id: string = answer.body.metadata.name;
      await phase(id, 'Running');
      return { id, network: made.body.metadata.name as string };
    },
  };
}
