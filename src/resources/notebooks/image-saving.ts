import { type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { imageView } from '../images/index.ts';
import { createImage } from './image-saving.api.ts';
import type { NotebooksDeps } from './notebook.ports.ts';
import { refuse } from './notebook.request.ts';
import type { NotebookStore } from './notebook.store.ts';
import type { Snapshots } from './snapshots.ts';

/** Saving of instances as images: what users ask for; the family of images does it in the background. */
export function imageSavingRoutes(
  deps: Pick<NotebooksDeps, 'images'> & { clock: Clock },
  store: NotebookStore,
  snapshots: Snapshots,
): Route[] {
  return [
    route(createImage, async ({ principal, projectId, workspaceId, params, body }) => {
      const notebook = await store.findInProject(projectId, params.id);
      if (!notebook) throw refuse('6309', `There is no notebook instance ${params.id.slice(0, 64)} in this project.`);
      if (notebook.status === 'SNAPSHOTTING') throw refuse('6357', 'The notebook instance is being saved already.');
      if (notebook.status !== 'RUNNING') {
        throw refuse(
          '6327',
          `The notebook instance is ${notebook.status}; only a running one can be saved.`,
          'Start it first.',
        );
      }
      if (body.workspace_id && body.workspace_id !== workspaceId) {
        throw refuse('6336', `Parameter [workspace_id] must be ${workspaceId}, where the instance is.`);
      }
      const { shown } = notebook.spec.image;
      const image = await deps.images.save(principal, {
        projectId,
        workspaceId,
        instanceId: notebook.id,
        name: body.name,
        namespace: body.namespace,
        tag: body.tag || 'latest',
        description: body.description ?? '',
        like: {
          arch: shown.arch === 'AARCH64' ? 'AARCH64' : 'X86_64',
          resourceCategories: ['CPU'],
          devServices: ['NOTEBOOK', 'SSH'],
        },
      });
      // Shown as SNAPSHOTTING at once; should this process die here, whoever saves it says so again.
      await snapshots.begin(projectId, notebook.id, image.id);
      const by = image.owner.name;
      await store.event(notebook.id, {
        time: deps.clock.now(),
        level: 'Info',
        message: `${by} saves the instance as the image ${image.namespace}/${image.name}:${image.tag}.`,
      });
      return imageView(image);
    }),
  ];
}
