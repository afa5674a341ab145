import { type Route, route } from '../../http/index.ts';
import {
  deleteImage,
  deleteImageGroup,
  listImage,
  listImageGroup,
  registerImage,
  showImage,
  syncImage,
  updateImageGroup,
} from './image.api.ts';
import type { ImageService } from './image.service.ts';
import { groupId, type Image } from './image.ts';
import { imageGroupView, imageView } from './image.view.ts';

/** Handlers of the operations on images. */
export function imageRoutes(images: ImageService): Route[] {
  return [
    route(listImage, async ({ principal, projectId, workspaceId, query }) => {
      const all = await images.list(principal, projectId, {
        name: query.name ?? query.show_name,
        fuzzy: query.name_fuzzy_match,
        namespace: query.namespace,
        type: query.type,
        serviceType: query.service_type,
        workspaceId,
        sortKey: query.sort_key,
        ascending: query.sort_dir?.toUpperCase() === 'ASC',
      });
      const shown = query.show_tag ? all.filter(each => each.tag === query.show_tag) : all;
      return page(shown.map(imageView), query.offset ?? 0, query.limit ?? 200);
    }),
    route(registerImage, async ({ principal, projectId, workspaceId, body }) =>
      imageView(await images.register(principal, projectId, workspaceId, body)),
    ),
    route(listImageGroup, async ({ principal, projectId, workspaceId, query }) => {
      const all = await images.list(principal, projectId, {
        name: query.name,
        fuzzy: query.name_fuzzy_match,
        namespace: query.namespace,
        type: query.type,
        workspaceId,
        ascending: false,
      });
      const groups = new Map<string, [Image, ...Image[]]>();
      for (const each of all) {
        const group = groups.get(groupId(each));
        if (group) group.push(each);
        else groups.set(groupId(each), [each]);
      }
      const notes = await images.notes(projectId, workspaceId);
      const views = [...groups.values()].map(versions => imageGroupView(versions, notes.get(groupId(versions[0]))));
      return { ...page(views, query.offset ?? 0, query.limit ?? 200), is_swr_enterprise: false };
    }),
    route(showImage, async ({ principal, projectId, params }) =>
      imageView(await images.get(principal, projectId, params.id)),
    ),
    route(deleteImage, async ({ principal, projectId, params, query, body }) => {
      const image = await images.get(principal, projectId, params.id);
      await images.remove(image, query.force ?? body?.is_force ?? false);
      return imageView({ ...image, status: 'DELETED' });
    }),
    route(updateImageGroup, async ({ principal, projectId, workspaceId, params, body }) => {
      const [version] = await images.group(principal, projectId, workspaceId, params.id);
      await images.describeGroup(version!, { readMe: body.read_me ?? undefined, tags: body.tags ?? undefined });
      return {};
    }),
    route(syncImage, async ({ principal, projectId, params }) =>
      imageView(await images.sync(principal, projectId, params.image_id)),
    ),
    route(deleteImageGroup, async ({ principal, projectId, workspaceId, params, query, body }) => {
      const versions = await images.group(principal, projectId, workspaceId, params.id);
      for (const image of versions) await images.remove(image, query.force ?? body?.is_force ?? false);
      return {};
    }),
  ];
}

/** One window in the envelope of notebooks and images (reference api/README 2.2): `current` counts pages from 0. */
function page<T>(all: readonly T[], offset: number, limit: number) {
  const data = all.slice(offset, offset + limit);
  return {
    current: Math.floor(offset / limit),
    pages: Math.ceil(all.length / limit),
    size: data.length,
    total: all.length,
    data,
  };
}
