import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { randomText } from '../../kernel/ids.ts';
import { badRequest } from '../../kernel/object-list.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { BodyOf } from '../../wire/operation.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import type { createNetwork, patchNetwork } from './network.api.ts';
import type { NetworkStore } from './network.store.ts';
import {
  checkApiAnnotation,
  checkCidr,
  checkDisplayName,
  mergeAnnotations,
  NETWORK_QUOTA,
  type Network,
  overlapping,
} from './network.ts';

/** Names of the pools on a network, those of other workspaces too. */
export type UsedBy = (networkId: string, db: Database) => Promise<string[]>;

export interface NetworkServiceDeps {
  store: NetworkStore;
  clock: Clock;
  driver: Pick<RuntimeDriver, 'usedSubnets'>;
  workspaces: { admit: Admit };
  usedBy: UsedBy;
  poke(id: string): Promise<void>;
}

const WORKSPACE_QUOTA = 'network.count';

export type NetworkService = ReturnType<typeof networkService>;

/** The use cases of networks (behaviour/resources.md 4). */
export function networkService(deps: NetworkServiceDeps) {
  const { store, clock } = deps;

  async function show(projectId: string, id: string): Promise<Network> {
    const network = await store.find(projectId, id);
    if (network) return network;
    throw missing(id);
  }

  async function discard(network: Network): Promise<void> {
    await store.transaction(async (rows, db) => {
      const users = await deps.usedBy(network.id, db);
      if (users.length > 0) {
        throw badRequest(
          `The network ${network.name} is used by ${users.length === 1 ? 'the pool' : 'the pools'} ${users.join(', ')}.`,
          'Delete the pools first.',
        );
      }
      await rows.setDeleted(network.id);
    });
    await deps.poke(network.id);
  }

  const contents: WorkspaceContents = {
    kind: 'network',
    deleteAction: 'modelarts:network:delete',
    quota: {
      resource: WORKSPACE_QUOTA,
      name_en: 'Networks',
      name_cn: '网络',
      unit_en: '',
      unit_cn: '个',
      max: NETWORK_QUOTA,
    },
    count: async (projectId, workspaceId) => (await store.list(projectId, workspaceId)).length,
    async clear(projectId, workspaceId) {
      for (const network of await store.list(projectId, workspaceId)) {
        if (network.desired === 'active') await discard(network);
      }
      return (await store.list(projectId, workspaceId)).length;
    },
  };

  return {
    show,
    contents,
    list: (projectId: string, workspaceId: string) => store.list(projectId, workspaceId),
    count: async (projectId: string) => (await store.list(projectId)).length,

    async create(
      principal: Principal,
      projectId: string,
      workspaceId: string,
      body: BodyOf<typeof createNetwork>,
    ): Promise<Network> {
      const name = body.metadata.labels['os.modelarts/name'];
      checkDisplayName(name);
      const subnet = checkCidr(body.spec.cidr);
      checkConnection(body.spec.connection);
      const annotations = mergeAnnotations({}, body.metadata.annotations);
      checkApiAnnotation(annotations);
      // An engine that is silent says nothing of the machine's routes; then it refuses later, and the network is Abnormal.
      const ours = await deps.driver.usedSubnets().catch(() => []);
      const now = clock.now();
      const network: Network = {
        id: `network-${randomText(4, '0123456789abcdef')}-${projectId}`,
        accountId: principal.accountId,
        projectId,
        workspaceId,
        name,
        cidr: body.spec.cidr,
        annotations,
        ownerId: ownerOf(principal).id,
        desired: 'active',
        phase: 'Creating',
        message: '',
        createdAt: now,
      };
      await store.transaction(async (rows, db) => {
        const mine = await rows.list(projectId);
        if (mine.some(other => other.name === name)) {
          throw new Failure({
            code: 'ModelArts.50025000',
            status: 409,
            message: 'Network already exists.',
            solution: `Choose another name than ${name}, or delete that network.`,
          });
        }
        if (mine.length >= NETWORK_QUOTA) {
          throw badRequest(
            `A project may have at most ${NETWORK_QUOTA} networks; there are ${mine.length}.`,
            'Delete one that is not needed any more.',
          );
        }
        const overlap = mine.find(other => overlapping(subnet, [other.cidr]));
        if (overlap) {
          throw badRequest(`[spec.cidr] "${network.cidr}" overlaps ${overlap.cidr} of the network ${overlap.name}.`);
        }
        // Whose addresses these are is nobody else's business.
        const others = [...(await rows.cidrs()), ...ours];
        if (overlapping(subnet, others) !== undefined) {
          throw badRequest(
            `[spec.cidr] "${network.cidr}" overlaps addresses that this machine or another of its networks uses.`,
            'Take another range, such as a smaller one.',
          );
        }
        const used = mine.filter(other => other.workspaceId === workspaceId).length;
        await deps.workspaces.admit(projectId, workspaceId, WORKSPACE_QUOTA, used, db);
        await rows.insert(network, now);
      });
      await deps.poke(network.id);
      return network;
    },

    /** A merge patch of annotations and connections; everything else of a network stays as it is. */
    async patch(projectId: string, id: string, body: BodyOf<typeof patchNetwork>): Promise<Network> {
      const network = await show(projectId, id);
      if (network.desired === 'deleted') throw badRequest(`The network ${network.name} is being deleted.`);
      if (body.spec?.cidr !== undefined && body.spec.cidr !== network.cidr) {
        throw badRequest(`[spec.cidr] of a network stays ${network.cidr}; make another network for other addresses.`);
      }
      checkConnection(body.spec?.connection ?? undefined);
      const patch = body.metadata?.annotations;
      await store.transaction(async rows => {
        const current = await rows.find(projectId, id);
        if (!current) throw missing(id);
        const annotations = mergeAnnotations(current.annotations, patch);
        checkApiAnnotation(annotations);
        await rows.setAnnotations(id, annotations);
      });
      await deps.poke(id);
      return show(projectId, id);
    },

    async remove(projectId: string, id: string): Promise<Network> {
      const network = await show(projectId, id);
      if (network.desired === 'active') await discard(network);
      return (await store.find(projectId, id)) ?? { ...network, phase: 'Deleting' };
    },
  };
}

export function missing(id: string): Failure {
  return new Failure({
    code: 'ModelArts.50025001',
    status: 404,
    message: `Network not exist. There is no network ${id.slice(0, 80)} in this project.`,
    solution: 'GET /v1/{project_id}/networks lists them.',
  });
}

/** There are no clouds' networks and shares to be joined with here; an empty list asks for none. */
function checkConnection(
  connection: { peerConnectionList?: unknown[] | null; sfsTurboConnectionList?: unknown[] | null } | undefined,
): void {
  for (const [name, what] of [
    ['peerConnectionList', 'VPCs to peer with'],
    ['sfsTurboConnectionList', 'SFS Turbo file systems to connect; shared directories need no connection'],
  ] as const) {
    if ((connection?.[name]?.length ?? 0) === 0) continue;
    throw badRequest(`[spec.connection.${name}] must be empty: this installation has no ${what}.`);
  }
}
