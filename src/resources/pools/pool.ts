import { Failure } from '../../kernel/failure.ts';
import { badRequest } from '../../kernel/object-list.ts';
import type { Demand, Workload, WorkloadKind } from './pool.admission.ts';
import type { JobType } from './pool.port.ts';

/** States of a pool on the wire (behaviour/resources.md 2). */
export type PoolPhase = 'Creating' | 'Running' | 'Abnormal' | 'Deleting';
export type NodePhase = 'Creating' | 'Available' | 'Abnormal' | 'Deleting';

export const JOB_TYPES: readonly JobType[] = ['Train', 'Infer', 'Notebook'];
export const KIND_OF: Record<JobType, WorkloadKind> = {
  Train: 'training-job',
  Infer: 'service-instance',
  Notebook: 'notebook',
};
/** Pools of a project, and flavors of a pool (behaviour/resources.md 2 and 8). */
export const POOL_QUOTA = 15;
export const MOST_FLAVORS = 10;
export const MOST_NODES = 200;

/** So many nodes of a flavor; of a sub-pool: what is left to it (`count`), and what it may take at most. */
export interface PoolResource {
  flavor: string;
  count: number;
  maxCount: number;
  /** Disk of each node, in GiB; the usual when absent. */
  diskGiB?: number;
}

export interface Pool {
  /** `metadata.name`: display name and project. */
  id: string;
  accountId: string;
  projectId: string;
  workspaceId: string;
  /** Display name. */
  name: string;
  ownerId: string;
  type: 'Dedicate' | 'Logical';
  /** Of a sub-pool: the pool whose nodes it shares. */
  parent: string;
  networkId: string;
  nodePrefix: string;
  scope: JobType[];
  resources: PoolResource[];
  annotations: Record<string, string>;
  desired: 'running' | 'deleted';
  phase: PoolPhase;
  /** Why it is not Running, or what is amiss. */
  message: string;
  createdAt: number;
}

/** Why a node takes no new tasks; empty when it does. */
export type Cordon = '' | 'isolated' | 'draining' | 'rebooting';

export interface Node extends Demand {
  name: string;
  poolId: string;
  flavor: string;
  /** Of the machine's disk. */
  diskBytes: number;
  phase: NodePhase;
  message: string;
  cordon: Cordon;
  /** It may not be deleted. */
  locked: boolean;
  /** A spare: it takes no tasks until it is told to. */
  redundant: boolean;
  createdAt: number;
}

/** Work on a node: as the API's scheduled events are (reference modelarts.json, ScheduledEvent). */
export interface Maintenance {
  id: string;
  project_id: string;
  workspace_id: string;
  pool_id: string;
  pool_name: string;
  node: string;
  type: 'node_reboot' | 'node_maintenance' | 'node_redeploy';
  description: string;
  state: 'executing' | 'completed' | 'canceled';
  started_at: number;
  finished_at: number | null;
}

/** Whether new tasks may be placed on it. */
export function takesTasks(node: Node): boolean {
  return node.cordon === '' && !node.redundant && node.phase !== 'Deleting' && node.phase !== 'Abnormal';
}

/** A change of nodes as it was asked for: of each flavor how many more, or fewer. */
export interface Scaling {
  grow: { flavor: string; by: number }[];
  shrink: { flavor: string; by: number }[];
}

/**
 * What a new list of resources changes (behaviour/resources.md 2, PATCH). A flavor that is not in it any more goes. Throws Failure 400
 * where it would grow one flavor and shrink another, or leave none.
 */
export function scalingOf(before: readonly PoolResource[], after: readonly PoolResource[]): Scaling {
  const scaling: Scaling = { grow: [], shrink: [] };
  for (const flavor of new Set([...before, ...after].map(each => each.flavor))) {
    const by = countOf(after, flavor) - countOf(before, flavor);
    if (by > 0) scaling.grow.push({ flavor, by });
    if (by < 0) scaling.shrink.push({ flavor, by: -by });
  }
  if (after.every(each => each.count === 0)) {
    throw badRequest(
      '[spec.resources] must leave at least one node.',
      'Delete the pool when it is not needed any more.',
    );
  }
  if (scaling.grow.length > 0 && scaling.shrink.length > 0) {
    const names = (parts: Scaling['grow']) => parts.map(each => each.flavor).join(', ');
    throw badRequest(
      `[spec.resources] would grow ${names(scaling.grow)} and shrink ${names(scaling.shrink)} in one change.`,
      'Send two changes, one after the other.',
    );
  }
  return scaling;
}

function countOf(resources: readonly PoolResource[], flavor: string): number {
  return resources.find(each => each.flavor === flavor)?.count ?? 0;
}

/**
 * Which nodes of a flavor go: those that are not there yet, then idle ones, newest first. Throws Failure 400 naming what runs where
 * there are not enough, or that they are locked.
 */
export function nodesToRemove(
  nodes: readonly Node[],
  shrink: Scaling['shrink'],
  workloads: readonly Workload[],
): Node[] {
  const gone: Node[] = [];
  for (const { flavor, by } of shrink) {
    const all = nodes.filter(node => node.flavor === flavor && node.phase !== 'Deleting');
    const free = all.filter(node => !node.locked && workOn(node, workloads).length === 0);
    const rank = (node: Node) => (node.phase === 'Creating' || node.phase === 'Abnormal' ? 1 : 0);
    free.sort((a, b) => rank(b) - rank(a) || b.createdAt - a.createdAt || (a.name < b.name ? 1 : -1));
    if (free.length < by) {
      const busy = all.flatMap(node => workOn(node, workloads).map(({ name }) => `${name} (${node.name})`));
      const locked = all.filter(node => node.locked).map(node => node.name);
      const why = [
        ...(busy.length > 0 ? [`these run there: ${busy.slice(0, 20).join(', ')}`] : []),
        ...(locked.length > 0 ? [`these are locked: ${locked.join(', ')}`] : []),
      ];
      throw badRequest(
        `Of ${flavor} ${by} nodes cannot be taken from the pool, only ${free.length}: ${why.join('; ')}.`,
        'Stop what runs there, drain nodes (POST …/nodes/batch-drain) or unlock them, then try again.',
      );
    }
    gone.push(...free.slice(0, by));
  }
  return gone;
}

/** What has a task on a node. */
export function workOn(node: Pick<Node, 'name'>, workloads: readonly Workload[]): Workload[] {
  return workloads.filter(each => each.nodes?.includes(node.name));
}

/** The phase of a pool and what there is to say of it; pure. */
export function phaseOf(
  pool: Pool,
  nodes: readonly Node[],
  network: { phase: string; message: string } | undefined,
): { phase: PoolPhase; message: string } {
  if (pool.desired === 'deleted') return { phase: 'Deleting', message: pool.message };
  const starts = pool.phase === 'Creating';
  if (pool.type === 'Dedicate' && network?.phase !== 'Active') {
    const why = network ? `Its network is ${network.phase}. ${network.message}`.trim() : 'Its network is gone.';
    return { phase: starts && network?.phase !== 'Abnormal' ? 'Creating' : 'Abnormal', message: why };
  }
  const ailing = nodes.filter(node => node.phase === 'Abnormal');
  if (ailing.length > 0) {
    return { phase: 'Abnormal', message: `${ailing.length} nodes are abnormal: ${ailing[0]!.message}` };
  }
  const creating = nodes.filter(node => node.phase === 'Creating').length;
  const waits =
    creating > 0
      ? `${creating} of ${nodes.length} nodes wait until what runs in the public pool leaves room for them.`
      : '';
  return { phase: starts && creating > 0 ? 'Creating' : 'Running', message: waits };
}

/** How many nodes are in which phase, as events tell it: available, abnormal, creating, deleting. */
export function tally(nodes: readonly Node[]): string {
  const count = (phase: NodePhase) => nodes.filter(node => node.phase === phase).length;
  return [count('Available'), count('Abnormal'), count('Creating'), count('Deleting')].join('/');
}

export function poolMissing(id: string): Failure {
  return new Failure({
    code: 'ModelArts.50015001',
    status: 404,
    message: `Pool not found. There is no pool ${id.slice(0, 80)} in this project.`,
    solution: 'GET /v2/{project_id}/pools lists them.',
  });
}

export function nodeMissing(name: string, pool: Pick<Pool, 'name'>): Failure {
  return new Failure({
    code: 'ModelArts.50015001',
    status: 404,
    message: `Node not found. There is no node ${name.slice(0, 80)} in the pool ${pool.name}.`,
    solution: 'GET /v2/{project_id}/pools/{pool_name}/nodes lists them.',
  });
}
