import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { randomText } from '../../kernel/ids.ts';
import { badRequest } from '../../kernel/object-list.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { BodyOf } from '../../wire/operation.ts';
import {
  checkDisplayName,
  DESCRIPTION,
  mergeAnnotations,
  type Network,
  networkMissing,
  WORKSPACE_LABEL,
} from '../networks/index.ts';
import type { Workspaces } from '../workspaces/index.ts';
import { askedDisk, diskOf, nodeMaker, type PoolFlavor } from './node.making.ts';
import type { PoolAdmission } from './pool.admission.ts';
import type { Announcer } from './pool.announcer.ts';
import type { createPool, patchPool } from './pool.api.ts';
import type { PoolDisk } from './pool.disk.ts';
import { checkResources, checkScope, type RawResource } from './pool.request.ts';
import { type PoolShares, poolRoom } from './pool.room.ts';
import type { PoolPatch, PoolRows, PoolStore } from './pool.store.ts';
import { KIND_OF, type Node, nodesToRemove, POOL_QUOTA, type Pool, poolMissing, scalingOf } from './pool.ts';

export interface PoolServiceDeps {
  store: PoolStore;
  clock: Clock;
  admission: PoolAdmission;
  announcer: Announcer;
  flavors: { find(id: string): PoolFlavor | undefined; list(): PoolFlavor[] };
  networks: { find(projectId: string, id: string, db?: Database): Promise<Network | undefined> };
  workspaces: Pick<Workspaces, 'admit' | 'find'>;
  shares: PoolShares;
  disk: PoolDisk;
  poke(id: string): Promise<void>;
}

export const POOL_WORKSPACE_QUOTA = 'pool.count';
export type PoolService = ReturnType<typeof poolService>;

/** The use cases of dedicated pools (behaviour/resources.md 2). */
export function poolService(deps: PoolServiceDeps) {
  const { store, clock, admission, disk } = deps;
  const { flavorOf, newNodes } = nodeMaker(deps);
  const { checkRoom, checkParent, checkChildren } = poolRoom(deps);

  async function show(projectId: string, id: string): Promise<Pool> {
    const pool = await store.find(projectId, id);
    if (pool) return pool;
    throw poolMissing(id);
  }

  async function order(rows: PoolRows, pool: Pool, operation: 'apply' | 'modify' | 'delete', from: number, to: number) {
    const now = clock.now();
    await rows.addOrder({
      name: `order-${randomText(12, '0123456789abcdefghijklmnopqrstuvwxyz')}`,
      pool_id: pool.id,
      pool_name: pool.name,
      project_id: pool.projectId,
      workspace_id: pool.workspaceId,
      operation,
      phase: 'running',
      init_count: from,
      spec_count: to,
      result_count: 0,
      reason: '',
      created_at: now,
      ended_at: null,
    });
  }

  const counted = (pool: Pool) => pool.resources.reduce((all, each) => all + each.count, 0);

  async function changed(id: string): Promise<void> {
    await deps.announcer.announce(id);
    await deps.poke(id);
  }

  async function scale(principal: Principal, pool: Pool, raw: readonly RawResource[]): Promise<void> {
    const next = checkResources(raw, pool.type === 'Logical').filter(each => each.maxCount > 0);
    for (const each of next) flavorOf(each.flavor);
    const workloads = await admission.workloads(pool.id);
    await store.transaction(async (rows, db) => {
      const current = await rows.find(pool.projectId, pool.id);
      if (!current || current.desired === 'deleted') throw poolMissing(pool.id);
      if (current.phase !== 'Running') {
        throw badRequest(
          `The pool ${pool.name} is ${current.phase}; it can be scaled only while it is Running. ${current.message}`.trim(),
        );
      }
      const scaling = scalingOf(current.resources, next);
      // A size of the disk that is not told again stays; another one is that of the nodes which are added.
      const before = askedDisk(current.resources);
      const resources = next.map(each => {
        const diskGiB = each.diskGiB ?? before.get(each.flavor);
        return diskGiB === undefined ? each : { ...each, diskGiB };
      });
      const after = { ...current, resources };
      if (current.type === 'Logical') {
        await checkParent(rows, after);
      } else {
        const added = newNodes(current, scaling.grow);
        const account = { id: principal.accountId, name: principal.accountName };
        const given = added.length > 0 ? await checkRoom(rows, account, added, askedDisk(resources), db) : [];
        const gone = nodesToRemove(await rows.nodes(pool.id), scaling.shrink, workloads);
        if (gone.length > 0) await checkChildren(rows, current, gone);
        await disk.checkStored(rows, db, current, diskOf(gone) - diskOf(given));
        for (const node of gone) await rows.updateNode(node.name, { phase: 'Deleting' });
        await rows.insertNodes(given);
      }
      await rows.update(pool.id, { resources });
      if (scaling.grow.length + scaling.shrink.length > 0) {
        await order(rows, after, 'modify', counted(current), counted(after));
      }
    });
  }

  /** Takes these nodes from a pool, and from what it shall have. */
  async function removeNodes(pool: Pool, names: readonly string[], pick: (nodes: readonly Node[]) => Node[]) {
    await store.transaction(async (rows, db) => {
      const nodes = await rows.nodes(pool.id);
      const gone = pick(nodes);
      if (nodes.filter(node => node.phase !== 'Deleting').length <= gone.length) {
        throw badRequest(
          `At least one node must remain in the pool ${pool.name}; it was asked to give up ${names.length}.`,
        );
      }
      await checkChildren(rows, pool, gone);
      await disk.checkStored(rows, db, pool, diskOf(gone));
      const current = (await rows.find(pool.projectId, pool.id))!;
      const resources = current.resources
        .map(each => {
          const count = each.count - gone.filter(node => node.flavor === each.flavor).length;
          return { ...each, count, maxCount: count };
        })
        .filter(each => each.count > 0);
      for (const node of gone) await rows.updateNode(node.name, { phase: 'Deleting' });
      await rows.update(pool.id, { resources });
      await order(rows, current, 'modify', counted(current), counted({ ...current, resources }));
    });
    await changed(pool.id);
  }

  /** Puts nodes of another flavor in the place of some. */
  async function replaceNodes(
    principal: Principal,
    pool: Pool,
    flavor: string,
    pick: (nodes: readonly Node[]) => Node[],
  ): Promise<void> {
    flavorOf(flavor);
    await store.transaction(async (rows, db) => {
      const current = await rows.find(pool.projectId, pool.id);
      if (current?.phase !== 'Running') throw badRequest(`The pool ${pool.name} is ${current?.phase}, not Running.`);
      const gone = pick(await rows.nodes(pool.id));
      const asked = askedDisk(current.resources);
      const account = { id: principal.accountId, name: principal.accountName };
      const added = await checkRoom(rows, account, newNodes(current, [{ flavor, by: gone.length }]), asked, db);
      await checkChildren(rows, current, gone);
      await disk.checkStored(rows, db, current, diskOf(gone) - diskOf(added));
      const counts = new Map(current.resources.map(each => [each.flavor, each.count]));
      for (const node of gone) counts.set(node.flavor, (counts.get(node.flavor) ?? 0) - 1);
      counts.set(flavor, (counts.get(flavor) ?? 0) + added.length);
      const list = [...counts].map(([name, count]) => ({ flavor: name, count, maxCount: count }));
      for (const node of gone) await rows.updateNode(node.name, { phase: 'Deleting' });
      await rows.insertNodes(added);
      const resources = checkResources(list, false)
        .filter(each => each.count > 0)
        .map(each => ({ ...current.resources.find(old => old.flavor === each.flavor), ...each }));
      await rows.update(pool.id, { resources });
      await order(rows, current, 'modify', counted(current), counted(current));
    });
    await changed(pool.id);
  }

  async function discard(pool: Pool): Promise<void> {
    await store.transaction(async rows => {
      const children = await rows.children(pool.id);
      if (children.length > 0) {
        throw badRequest(
          `The pool ${pool.name} has the sub-pools ${children.map(each => each.name).join(', ')}.`,
          'Delete them first.',
        );
      }
      const current = await rows.find(pool.projectId, pool.id);
      if (!current || current.desired === 'deleted') return;
      await rows.endOrders(pool.id, 'failed', 0, 'The pool was deleted meanwhile.', clock.now());
      await rows.update(pool.id, { desired: 'deleted', phase: 'Deleting' });
      await order(rows, current, 'delete', counted(current), 0);
      await rows.addEvent({
        pool_id: pool.id,
        project_id: pool.projectId,
        time: clock.now(),
        type: 'Normal',
        reason: 'PoolStatusChange',
        message: `Pool status changed, from ${current.phase} to Deleting, details: .`,
      });
    });
    await changed(pool.id);
  }

  return {
    show,
    discard,
    removeNodes,
    replaceNodes,
    changed,
    list: (projectId: string, workspaceId: string) => store.list(projectId, workspaceId),
    count: async (projectId: string) => (await store.list(projectId)).length,

    async create(
      principal: Principal,
      projectId: string,
      workspaceId: string,
      body: BodyOf<typeof createPool>,
    ): Promise<Pool> {
      const { labels, annotations } = body.metadata;
      const name = labels['os.modelarts/name'];
      checkDisplayName(name);
      const prefix = labels['os.modelarts/node.prefix'] ?? '';
      if (prefix !== '' && !/^[a-z][a-z0-9-]{0,30}$/.test(prefix)) {
        throw badRequest(
          '[metadata.labels."os.modelarts/node.prefix"] must have at most 31 lower-case letters, digits and hyphens, from a letter on.',
        );
      }
      const { spec } = body;
      const logical = spec.type === 'Logical';
      if (logical && !spec.parent)
        throw badRequest('[spec.parent] must name the pool whose nodes a Logical pool shares.');
      if (!logical && spec.parent)
        throw badRequest('[spec.parent] is of Logical pools alone; [spec.type] is Dedicate.');
      if (spec.driver?.gpuVersion || spec.driver?.npuVersion) {
        throw badRequest('[spec.driver] must be left out: nodes have the driver of the machine.');
      }
      const resources = checkResources(spec.resources as RawResource[], logical);
      const pool: Pool = {
        id: `${name}-${projectId}`,
        accountId: principal.accountId,
        projectId,
        workspaceId,
        name,
        ownerId: ownerOf(principal).id,
        type: logical ? 'Logical' : 'Dedicate',
        parent: spec.parent ?? '',
        networkId: spec.network?.name ?? '',
        nodePrefix: prefix,
        scope: checkScope(spec.scope),
        resources,
        annotations: mergeAnnotations({ [DESCRIPTION]: '', 'os.modelarts/billing.mode': '0' }, annotations),
        desired: 'running',
        phase: 'Creating',
        message: '',
        createdAt: clock.now(),
      };
      if (!logical && resources.some(each => each.count === 0)) {
        throw badRequest('[spec.resources] each flavor must have at least one node.');
      }
      let nodes = newNodes(
        pool,
        resources.map(each => ({ flavor: each.flavor, by: logical ? 0 : each.count })),
      );
      if (!logical && !pool.networkId) throw badRequest('[spec.network.name] must name a network.');
      await store.transaction(async (rows, db) => {
        if (await rows.load(pool.id)) {
          throw new Failure({
            code: 'ModelArts.50015000',
            status: 409,
            message: 'Pool already exists.',
            solution: `Choose another name than ${name}; a pool that is being deleted keeps its name until it is gone.`,
          });
        }
        const mine = await rows.list(projectId);
        if (mine.length >= POOL_QUOTA) {
          throw badRequest(`A project may have at most ${POOL_QUOTA} pools; there are ${mine.length}.`, 'Delete one.');
        }
        if (logical) {
          await checkParent(rows, pool);
          pool.networkId = (await rows.load(pool.parent))!.networkId;
        } else {
          const network = await deps.networks.find(projectId, pool.networkId, db);
          if (!network || !(await withinReach(network.workspaceId, workspaceId))) throw networkMissing(pool.networkId);
          const account = { id: principal.accountId, name: principal.accountName };
          nodes = await checkRoom(rows, account, nodes, askedDisk(resources), db);
        }
        const used = mine.filter(other => other.workspaceId === workspaceId).length;
        await deps.workspaces.admit(projectId, workspaceId, POOL_WORKSPACE_QUOTA, used, db);
        await rows.insert(pool, clock.now());
        await rows.insertNodes(nodes);
        await order(rows, pool, 'apply', 0, counted(pool));
      });
      await changed(pool.id);
      return show(projectId, pool.id);
    },

    /** A merge patch (RFC 7396), with the service's own rules (behaviour/resources.md 2). */
    async patch(principal: Principal, projectId: string, id: string, body: BodyOf<typeof patchPool>): Promise<Pool> {
      const pool = await show(projectId, id);
      if (pool.desired === 'deleted') throw badRequest(`The pool ${pool.name} is being deleted.`);
      const { spec, metadata } = body;
      for (const fixed of ['type', 'network', 'parent', 'jobFlavors'] as const) {
        if (spec?.[fixed] !== undefined) throw badRequest(`[spec.${fixed}] of a pool cannot be changed.`);
      }
      const driver = spec?.driver as { gpuVersion?: unknown; npuVersion?: unknown } | null | undefined;
      if (driver?.gpuVersion || driver?.npuVersion) {
        throw badRequest('[spec.driver] cannot be changed: nodes have the driver of the machine.');
      }
      if (spec?.resources === null) throw badRequest('[spec.resources] cannot be taken away.');
      if (spec?.scope === null) throw badRequest('[spec.scope] cannot be taken away.');
      const labels = metadata?.labels ?? {};
      const target = labels[WORKSPACE_LABEL];
      for (const key of Object.keys(labels)) {
        if (key !== WORKSPACE_LABEL) throw badRequest(`[metadata.labels."${key.slice(0, 60)}"] cannot be changed.`);
      }
      const moves = target !== undefined && target !== pool.workspaceId;
      const others = spec?.resources !== undefined || spec?.scope !== undefined || metadata?.annotations !== undefined;
      if (moves && others) {
        throw badRequest(
          `[metadata.labels."${WORKSPACE_LABEL}"] cannot be changed together with anything else.`,
          'Send two changes, one after the other.',
        );
      }
      if (moves) await move(principal, pool, String(target));
      const patch: PoolPatch = {};
      if (metadata?.annotations !== undefined) {
        patch.annotations = mergeAnnotations(pool.annotations, metadata.annotations);
      }
      if (spec?.scope !== undefined) patch.scope = checkScope(spec.scope);
      // What may be refused comes first, so that a change is made as a whole or not at all.
      if (patch.scope) await checkScopeFree(pool, patch.scope);
      if (spec?.resources !== undefined) await scale(principal, pool, spec.resources as RawResource[]);
      if (patch.scope || patch.annotations) await store.update(id, patch);
      await changed(id);
      return show(projectId, id);
    },

    async remove(projectId: string, id: string): Promise<Pool> {
      const pool = await show(projectId, id);
      await discard(pool);
      return (await store.find(projectId, id)) ?? { ...pool, desired: 'deleted', phase: 'Deleting' };
    },
  };

  async function withinReach(there: string, workspaceId: string): Promise<boolean> {
    return there === workspaceId || there === '0';
  }

  /** A job type is not closed over what runs. */
  async function checkScopeFree(pool: Pool, scope: readonly string[]): Promise<void> {
    const closed = pool.scope.filter(type => !scope.includes(type));
    const kinds = closed.map(type => KIND_OF[type]);
    const there = (await admission.workloads(pool.id)).filter(each => kinds.includes(each.kind));
    if (there.length === 0) return;
    throw badRequest(
      `[spec.scope] ${closed.join(', ')} cannot be disabled while these are in the pool: ${there
        .slice(0, 20)
        .map(each => each.name)
        .join(', ')}.`,
      'Stop them first.',
    );
  }

  async function move(principal: Principal, pool: Pool, workspaceId: string): Promise<void> {
    const workspace = await deps.workspaces.find(pool.projectId, workspaceId);
    if (!workspace?.admits(principal).allowed) {
      throw badRequest(
        `[metadata.labels."${WORKSPACE_LABEL}"] there is no workspace ${workspaceId.slice(0, 64)} for you.`,
      );
    }
    await store.transaction(async (rows, db) => {
      if (pool.type === 'Logical' || (await rows.children(pool.id)).length > 0) {
        throw badRequest(`The pool ${pool.name} is of one workspace with its ${pool.parent ? 'parent' : 'sub-pools'}.`);
      }
      const used = (await rows.list(pool.projectId, workspaceId)).length;
      await deps.workspaces.admit(pool.projectId, workspaceId, POOL_WORKSPACE_QUOTA, used, db);
      await rows.update(pool.id, { workspaceId });
    });
  }
}
