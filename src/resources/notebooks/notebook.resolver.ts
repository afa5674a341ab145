import { isFailure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Flavor } from '../flavors/index.ts';
import type { Endpoint, NotebookImage } from './notebook.model.ts';
import type { NotebooksDeps } from './notebook.ports.ts';
import { checkEndpoints, type RawEndpoint, refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';
import { checkSsh } from './ssh.check.ts';

export interface Place {
  projectId: string;
  workspaceId: string;
}

/** Finds what a request for an instance names, each in the codes of this family (behaviour/notebooks.md 5), or throws Failure. */
export function notebookResolver(deps: NotebooksDeps, store: Pick<NotebookStore, 'volumes'>) {
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

  /** Throws Failure 6528 when the machine cannot promise so many bytes more. */
  async function checkRoom(bytes: number): Promise<void> {
    const free = await deps.volumes.room(await store.volumes());
    if (bytes <= free) return;
    const gb = (size: number) => Math.max(0, Math.floor(size / 1024 ** 3));
    throw refuse(
      '6528',
      `There is no volume of ${gb(bytes)} GB available: the machine has ${gb(free)} GB that are promised to nobody.`,
      'Choose a smaller volume, or delete instances that are no longer needed.',
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

  return { flavorOf, imageOf, poolOf, endpointsOf, checkRoom, agencyOf };
}
