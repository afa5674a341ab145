import { isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Flavor } from '../flavors/index.ts';
import type { SharedPlace } from '../shared-directories/index.ts';
import type { DataVolume, Endpoint, NotebookImage, NotebookSpec } from './notebook.model.ts';
import type { NotebookSettings, NotebooksDeps } from './notebook.ports.ts';
import { checkEndpoints, type RawEndpoint, refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';
import { checkSsh } from './ssh.check.ts';
import type { AskedShare, AskedVolume } from './volume.request.ts';

export interface Place {
  projectId: string;
  workspaceId: string;
}

/** Finds what a request for an instance names, each in the codes of this family (behaviour/notebooks.md 5), or throws Failure. */
export function notebookResolver(
  deps: NotebooksDeps,
  settings: Pick<NotebookSettings, 'layerBytes'>,
  store: Pick<NotebookStore, 'volumes' | 'steps'>,
) {
  function flavorOf(id: string | undefined): Flavor {
    if (!id) throw refuse('6335', 'Parameter [flavor] is required.');
    const flavor = deps.flavors.find(id);
    if (!flavor) {
      throw refuse(
        '6323',
        `Parameter [flavor]: there is no flavor "${id.slice(0, 64)}".`,
        'GET /v1/{project_id}/notebooks/flavors lists them.',
      );
    }
    return flavor;
  }

  async function imageOf(principal: Principal, place: Place, id: string | undefined): Promise<NotebookImage> {
    if (!id) throw refuse('6335', 'Parameter [image_id] is required.');
    const image = await deps.images.forNotebook(principal, place, id);
    if (image) return image;
    throw refuse(
      '6797',
      `Parameter [image_id]: there is no image ${id.slice(0, 64)} that notebook instances can run.`,
      'GET /v1/{project_id}/images lists them.',
    );
  }

  /** The pool of that id, if it may be used with the flavor; null for the public pool. */
  async function poolOf(accountId: string, place: Place, id: string | undefined, flavor: Flavor) {
    if (!id) {
      const verdict = deps.admission.fits(flavor);
      if (!verdict.ok) throw refuse('6360', `Parameter [flavor] ${flavor.id}: ${verdict.reason}`);
      return null;
    }
    const codes = { missing: 'ModelArts.6336', notRunning: 'ModelArts.6360', closed: 'ModelArts.6763' };
    const pool = await deps.pools?.use({ accountId, ...place }, id, 'Notebook', codes);
    if (!pool || !deps.pools) {
      throw refuse('6336', `Parameter [pool_id]: there is no dedicated resource pool ${id.slice(0, 64)}.`);
    }
    const verdict = deps.pools.fits(pool.id, flavor);
    if (!verdict.ok) {
      throw refuse(
        '6360',
        `Parameter [flavor] ${flavor.id} in the pool ${pool.name}: ${verdict.reason}`,
        `Its nodes are of the flavors ${pool.flavors.join(', ') || '(none)'}; choose one of them or a smaller one.`,
      );
    }
    return { id: pool.id, name: pool.name };
  }

  async function endpointsOf(
    principal: Principal,
    projectId: string,
    raw: readonly RawEndpoint[],
  ): Promise<Endpoint[]> {
    const endpoints = checkEndpoints(raw);
    for (const endpoint of endpoints) {
      if (endpoint.service !== 'SSH') continue;
      await checkSsh(deps, principal, projectId, endpoint);
    }
    return endpoints;
  }

  /** Throws Failure with the code of what is wrong: 6336 of its form, 6316 where it is not the account's, 6318 where it leads nowhere. */
  function shareOf(account: string, { uri, id, readOnly }: AskedShare, field: string): Promise<SharedPlace> {
    const codes = { form: 'ModelArts.6336', missing: 'ModelArts.6316', path: 'ModelArts.6318' };
    return deps.shared.resolve(account, uri, { name: field, prefix: 'Parameter', codes }, { id, readOnly });
  }

  async function volumeOf(account: string, asked: AskedVolume): Promise<NotebookSpec['volume']> {
    const { category, share } = asked;
    return share ? { category, shared: await shareOf(account, share, 'volume.uri') } : { category };
  }

  async function dataVolumesOf(
    account: string,
    asked: readonly { name: string; share: AskedShare }[],
  ): Promise<DataVolume[]> {
    const found: DataVolume[] = [];
    for (const [index, { name, share }] of asked.entries()) {
      found.push({ name, place: await shareOf(account, share, `data_volumes[${index}].uri`) });
    }
    return found;
  }

  /**
   * Throws Failure 6528 when the machine cannot promise so many bytes more. What containers may write besides is promised to each that is
   * not stopped.
   */
  async function checkRoom(bytes: number): Promise<void> {
    const living = [...(await store.steps()).values()].filter(step => step !== 'stopped').length;
    const free = (await deps.volumes.room(await store.volumes())) - living * settings.layerBytes;
    if (bytes <= free) return;
    const gb = (size: number) => Math.max(0, Math.floor(size / 1024 ** 3));
    throw refuse(
      '6528',
      `There is no room for ${gb(bytes)} GB: the machine has ${gb(free)} GB that are promised to nobody. Beside its storage, a running instance has ${gb(settings.layerBytes)} GB for what it writes elsewhere.`,
      'Choose a smaller volume, or stop and delete instances that are no longer needed.',
    );
  }

  /** Throws Failure 6528 when a pool has not so much disk left for storage; within the transaction that takes it. */
  async function checkDisk(pool: { id: string; name: string } | null, bytes: number, within: Database): Promise<void> {
    if (bytes <= 0 || !deps.pools) return;
    const left = await deps.pools.diskLeft(pool?.id, within);
    if (bytes <= left) return;
    const gb = (size: number) => Math.max(0, Math.floor(size / 1024 ** 3));
    throw refuse(
      '6528',
      `There is no room for ${gb(bytes)} GB of storage: ${pool ? `the disk of the pool ${pool.name} has` : 'the disk of the public pool has'} ${gb(left)} GB that are promised to nobody.`,
      pool
        ? 'Choose a smaller volume, delete instances of the pool that are no longer needed, or add a node to it.'
        : 'Choose a smaller volume, or delete instances that are no longer needed; dedicated pools have disk of their own.',
    );
  }

  /** The agency of whoever asks, in the codes of this family. */
  async function agencyOf(principal: Principal, projectId: string): Promise<string> {
    try {
      return await deps.authorizations.agencyFor(principal, projectId);
    } catch (error) {
      if (isFailure(error, 'ModelArts.2785')) throw refuse('6376', error.message, error.solution, error.status);
      throw error;
    }
  }

  return { flavorOf, imageOf, poolOf, endpointsOf, volumeOf, dataVolumesOf, checkRoom, checkDisk, agencyOf };
}
