import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import type { Session } from '../../client/session.ts';
import { Failure } from '../../kernel/failure.ts';
import { listNetworks } from '../../resources/networks/network.api.ts';
import * as catalogApi from '../../resources/pools/catalog.api.ts';
import * as nodeApi from '../../resources/pools/node.api.ts';
import * as poolApi from '../../resources/pools/pool.api.ts';
import { calling, type Leaf } from '../leaves.ts';
import { Names, pick, type Shown } from '../names.ts';
import { badArgument, wholeNumber } from '../options.ts';
import { printOne } from '../output.ts';
import { startProgress } from '../progress.ts';

const thePool = ['<pool>', 'name or id'] as const;
const theNodes = ['<node...>', 'names of nodes, as `pool nodes` shows them'] as const;
const workspace = ['--workspace <name>', 'name or id of the workspace; the default one when absent'] as const;
const NAME = 'os.modelarts/name';
const POLL_MS = 1_000;

interface Listed {
  metadata: { name: string; labels: Record<string, unknown> };
}

/** Things of pools and networks by their display names: those are labels, ids are `metadata.name`. */
export function named(what: string, wanted: string, all: readonly Listed[]): string {
  return pick(
    what,
    wanted,
    all.map(({ metadata }) => ({ id: metadata.name, name: String(metadata.labels[NAME]) })),
  ).id;
}

async function inWorkspace(names: Names, name: string | undefined): Promise<{ workspaceId?: string }> {
  return name === undefined ? {} : { workspaceId: (await names.workspace(name)).id };
}

async function poolId(names: Names, [name]: readonly string[], options: { workspace?: string } = {}) {
  const query = await inWorkspace(names, options.workspace);
  const { items } = await names.session.call(poolApi.listPools, { query });
  return { params: { pool_name: named('pool', name!, items) } };
}

/** The id of a dedicated pool by its id or its name; ids are taken as they are, also by those who may not list pools. */
export async function poolNamed(session: Session, wanted: string): Promise<string> {
  if (/-[0-9a-f]{32}$/.test(wanted)) return wanted;
  return named('pool', wanted, (await session.call(poolApi.listPools, {})).items);
}

function row(pool: Shown & Listed & { spec: Shown; status: Shown }) {
  const resources = pool.spec.resources as { flavor: string; count: number }[];
  const storage = pool.status.storage as { capacity: string; available: string } | undefined;
  return {
    id: pool.metadata.name,
    name: pool.metadata.labels[NAME],
    phase: pool.status.phase ?? 'Creating',
    job_types: (pool.spec.scope as string[]).join(', '),
    nodes: resources.map(({ flavor, count }) => `${count} × ${flavor}`).join(', '),
    ...(storage ? { disk: `${storage.available} of ${storage.capacity} left` } : {}),
    ...(pool.status.parent ? { parent: pool.status.parent } : {}),
    ...(pool.status.message ? { message: pool.status.message } : {}),
  };
}

/** Shows a pool until all of its nodes are there. Throws Failure when it becomes abnormal. */
async function follow(session: Session, id: string, quiet: boolean): Promise<Record<string, unknown>> {
  const bar = startProgress(id.replace(/-[0-9a-f]{32}$/, ''), { quiet });
  try {
    for (;;) {
      const pool = (await session.call(poolApi.showPool, { params: { pool_name: id } })) as never as Parameters<
        typeof row
      >[0] & { status: { resources: Record<string, { count: number }[]> } };
      const count = (phase: string) => (pool.status.resources[phase] ?? []).reduce((all, each) => all + each.count, 0);
      const [there, moving] = [count('available'), count('creating') + count('deleting')];
      bar.update(there / Math.max(there + moving, 1), String(pool.status.message ?? ''));
      if (pool.status.phase === 'Abnormal') {
        throw new Failure({ code: 'Atelier.PoolAbnormal', status: 500, message: String(pool.status.message) });
      }
      if (pool.status.phase === 'Running' && moving === 0) return row(pool);
      await sleep(POLL_MS);
    }
  } finally {
    bar.done();
  }
}

/** Changes the number of nodes of one flavor by so many. */
function scaling(word: 'grow' | 'shrink', about: string): Leaf {
  return {
    words: word,
    about,
    args: [thePool, ['<count>', 'how many nodes']],
    options: [
      ['--flavor <id>', 'of which size; the one that the pool has when absent'],
      ['--no-wait', 'do not wait'],
      workspace,
    ],
    example: `pool ${word} vision 1`,
    operations: [poolApi.showPool, poolApi.patchPool],
    async run({ session, format, quiet }, args, options) {
      const { params } = await poolId(new Names(session), args, options);
      const by = wholeNumber(1)(args[1]!);
      const shown = await session.call(poolApi.showPool, { params });
      const resources = shown.spec.resources as { flavor: string; count: number; maxCount: number }[];
      const flavor: string | undefined = options.flavor ?? (resources.length === 1 ? resources[0]!.flavor : undefined);
      if (flavor === undefined) throw badArgument('Of which size?', 'Name it with --flavor; `pool show` tells them.');
      const count = (resources.find(each => each.flavor === flavor)?.count ?? 0) + (word === 'grow' ? by : -by);
      if (count < 0) throw badArgument(`The pool has not so many nodes of ${flavor}.`);
      const others = resources
        .filter(each => each.flavor !== flavor)
        .map(each => ({ flavor: each.flavor, count: each.count }));
      await session.call(poolApi.patchPool, { params, body: { spec: { resources: [...others, { flavor, count }] } } });
      if (options.wait) printOne(format, await follow(session, params.pool_name, quiet));
    },
  };
}

/** A command about some nodes of a pool. */
function aboutNodes<M extends object>(words: string, about: string, more: M) {
  return {
    words,
    about,
    args: [thePool, theNodes],
    options: [workspace],
    example: `pool ${words} vision os-node-created-abcd2345`,
    input: async (names: Names, [pool, ...nodeNames]: readonly string[], options: { workspace?: string }) => ({
      ...(await poolId(names, [pool!], options)),
      body: { nodeNames, ...more },
    }),
    done: () => 'Done.',
  };
}
const DELETION = { actions: ['delete' as const] };

/** `atelier pool …` */
export const poolLeaves: readonly Leaf[] = [
  calling(poolApi.listPools, {
    words: 'list',
    options: [workspace],
    example: 'pool list',
    input: async (names, _args, options) => ({ query: await inWorkspace(names, options.workspace) }),
    rows: answer => answer.items.map(item => row(item as never)),
    columns: {
      Name: pool => pool.name,
      Phase: pool => pool.phase,
      Nodes: pool => pool.nodes,
      'Job types': pool => pool.job_types,
      Message: pool => pool.message,
      Id: pool => pool.id,
    },
  }),
  calling(poolApi.showPool, {
    words: 'show',
    args: [thePool],
    options: [workspace],
    example: 'pool show vision',
    input: poolId,
    one: answer => row(answer as never),
  }),
  {
    words: 'create',
    about: 'reserve nodes of this machine for a project, and wait until they are there',
    args: [['<name>', '4 to 25 lower-case letters, digits and -']],
    required: [['--flavor <id>', 'size of a node; `pool flavors` lists them']],
    options: [
      ['--network <name>', 'network of the pool; `network create` makes one'],
      ['--nodes <count>', 'how many nodes', '1'],
      ['--disk <GiB>', 'disk of each node; by its flavor, or its part of the machine, when absent'],
      ['--parent <pool>', 'make it a sub-pool of this one: so many nodes are left to it'],
      ['--most <count>', 'of a sub-pool: so many nodes it may take at most'],
      new Option('--job-type <type...>', 'what may run there').choices(['Train', 'Infer', 'Notebook']),
      ['--description <text>', 'what it is for'],
      ['--no-wait', 'do not wait until it runs'],
      workspace,
    ],
    example: 'pool create vision --network lab-net --flavor modelarts.vm.cpu.2u --nodes 2',
    operations: [poolApi.createPool, listNetworks, poolApi.showPool],
    async run({ session, format, quiet }, [name], options) {
      const names = new Names(session);
      const query = await inWorkspace(names, options.workspace);
      const count = wholeNumber(0)(options.nodes);
      const parent = options.parent && (await poolId(names, [options.parent], options)).params.pool_name;
      if (!parent && !options.network) throw badArgument('On which network?', 'Name it with --network.');
      const networks = parent ? [] : (await session.call(listNetworks, { query })).items;
      const body = {
        apiVersion: 'v2',
        kind: 'Pool',
        metadata: {
          labels: {
            [NAME]: name!,
            ...(query.workspaceId === undefined ? {} : { 'os.modelarts/workspace.id': query.workspaceId }),
          } as { [NAME]: string },
          annotations: options.description ? { 'os.modelarts/description': options.description } : {},
        },
        spec: {
          type: parent ? 'Logical' : 'Dedicate',
          scope: options.jobType ?? ['Train', 'Infer', 'Notebook'],
          resources: [
            {
              flavor: options.flavor,
              count,
              ...(options.most ? { maxCount: wholeNumber(1)(options.most) } : {}),
              ...(options.disk === undefined
                ? {}
                : { rootVolume: { volumeType: 'SSD', size: String(wholeNumber(1)(options.disk)) } }),
            },
          ],
          ...(parent ? { parent } : { network: { name: named('network', options.network, networks) } }),
        },
      };
      const made = await session.call(poolApi.createPool, { body });
      if (!options.wait) printOne(format, row(made as never));
      else printOne(format, await follow(session, made.metadata.name, quiet));
    },
  },
  scaling('grow', 'add nodes to a pool'),
  scaling('shrink', 'take nodes from a pool, idle ones first; refused below what runs there'),
  calling(poolApi.deletePool, {
    words: 'delete',
    args: [thePool],
    options: [workspace],
    example: 'pool delete vision',
    destroys: true,
    input: poolId,
    done: ([name]) => `Pool ${name} is being deleted with what runs there.`,
  }),
  calling(nodeApi.listPoolNodes, {
    words: 'nodes',
    args: [thePool],
    options: [workspace],
    example: 'pool nodes vision',
    input: poolId,
    rows: answer => answer.items,
    columns: {
      Node: node => part(node, 'metadata').name,
      Flavor: node => part(node, 'spec').flavor,
      Phase: node => part(node, 'status').phase,
      Disk: node => `${(part(node, 'spec').rootVolume as { size: string }).size} GiB`,
      Free: node => free(part(node, 'status').availableResources as Record<string, string>),
      Taints: node => (part(node, 'status').taints as { key: string }[]).map(({ key }) => key).join(', '),
    },
  }),
  calling(poolApi.listWorkloads, {
    words: 'workloads',
    args: [thePool],
    options: [workspace],
    example: 'pool workloads vision',
    input: poolId,
    rows: answer => answer.items,
    columns: {
      Name: item => item.jobName,
      Type: item => item.type,
      Status: item => item.status,
      Priority: item => item.priority,
      Position: item => item.pendingPosition,
      Why: item => item.message,
    },
  }),
  calling(
    nodeApi.batchDrainPoolNodes,
    aboutNodes('drain', 'empty nodes: what runs there ends and begins elsewhere', {}),
  ),
  calling(
    nodeApi.batchIsolatePoolNodes,
    aboutNodes('isolate', 'place nothing more on nodes; what runs there runs on', {}),
  ),
  calling(nodeApi.batchReturnPoolNodes, aboutNodes('return', 'use nodes again that were drained or isolated', {})),
  calling(nodeApi.batchLockPoolNodes, aboutNodes('lock', 'protect nodes from being taken away', DELETION)),
  calling(nodeApi.batchUnlockPoolNodes, aboutNodes('unlock', 'let nodes be taken away again', DELETION)),
  calling(catalogApi.listResourceFlavors, {
    words: 'flavors',
    example: 'pool flavors',
    rows: answer => answer.items,
    columns: {
      Flavor: flavor => part(flavor, 'metadata').name,
      vCPUs: flavor => part(flavor, 'spec').cpu,
      Memory: flavor => part(flavor, 'spec').memory,
      Disk: flavor => `${(part(flavor, 'spec').rootVolume as { size: string }).size}Gi`,
      Free: flavor => (part(flavor, 'status').phase as { local: string }).local,
    },
  }),
];

/** Quantities as people read them: `{cpu: '1000m', memory: '2048Mi'}` is `1 vCPUs, 2 GiB`. */
function free({ cpu = '0', memory = '0', 'nvidia.com/gpu': gpus }: Record<string, string>): string {
  const size = `${Number.parseFloat(cpu) / 1000} vCPUs, ${Math.round((Number.parseFloat(memory) / 1024) * 10) / 10} GiB`;
  return gpus === undefined ? size : `${size}, ${gpus} accelerators`;
}

function part(thing: Shown, name: string): Record<string, unknown> {
  return thing[name] as Record<string, unknown>;
}
