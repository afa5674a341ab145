import { type Route, route } from '../../http/index.ts';
import { pageView } from './notebook.view.ts';
import { attachDynamicStorage, detachDynamicStorage, listDynamicStorages, showDynamicStorage } from './storage.api.ts';
import type { StorageService } from './storage.service.ts';
import { pathOf, type Storage, uriOf } from './storage.ts';

/** Handlers of storage mounted into instances. */
export function storageRoutes(storages: StorageService): Route[] {
  return [
    route(listDynamicStorages, async ({ projectId, params, query: { offset = 0, limit = 100 } }) => {
      const all = await storages.list(projectId, params.instance_id);
      const items = all.slice(offset, offset + limit).map(storageView);
      return pageView({ total: all.length, items }, { offset, limit });
    }),
    route(attachDynamicStorage, async ({ principal, projectId, params, body }) =>
      storageView(await storages.attach(principal, projectId, params.instance_id, body)),
    ),
    route(showDynamicStorage, async ({ projectId, params }) =>
      storageView(await storages.get(projectId, params.instance_id, params.storage_id)),
    ),
    route(detachDynamicStorage, async ({ principal, projectId, params }) =>
      storageView(await storages.detach(principal, projectId, params.instance_id, params.storage_id)),
    ),
  ];
}

function storageView(storage: Storage) {
  return {
    id: storage.id,
    category: 'OBSFS',
    mount_path: pathOf(storage),
    mount_type: 'DYNAMIC',
    uri: uriOf(storage),
    status: storage.status,
    ...(storage.reason === null ? {} : { failure_reason: storage.reason }),
  };
}
