import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { type Endpoint, type NotebookImage, servesWeb } from './notebook.model.ts';
import type { NotebooksDeps } from './notebook.ports.ts';
import { refuse } from './notebook.request.ts';

/** Throws Failure 6789 where a way in over SSH names no key pair, or one that the caller may not use (behaviour/notebooks.md 4). */
export async function checkSsh(
  deps: Pick<NotebooksDeps, 'ssh'>,
  principal: Principal,
  projectId: string,
  endpoint: Endpoint,
): Promise<void> {
  if (endpoint.keyPairs.length === 0) {
    throw refuse('6789', 'Parameter [endpoints]: SSH needs the name of a key pair in key_pair_names.');
  }
  const found = await deps.ssh?.publicKeys(projectId, ownerOf(principal).id, endpoint.keyPairs);
  const missing = found ? found.missing : endpoint.keyPairs;
  if (missing.length === 0) return;
  throw refuse(
    '6789',
    `Parameter [endpoints]: Failed to find SSH key pair ${missing.join(', ').slice(0, 200)} among those that you may use.`,
    "Update the instance to a key pair of your own: on its SSH tab, or with POST /v3/{project_id}/keypairs and the instance's [endpoints].",
  );
}

/** Throws Failure 6768 for an image that can be reached over SSH alone where SSH is not asked for. */
export function checkServices(image: NotebookImage, endpoints: readonly Endpoint[]): void {
  if (servesWeb(image)) return;
  if (endpoints.some(endpoint => endpoint.service === 'SSH')) return;
  throw refuse(
    '6768',
    'Parameter [image_id]: the image serves SSH alone, so [endpoints] must hold one of service SSH.',
  );
}
