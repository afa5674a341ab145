import type { Locators, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Admit } from '../workspaces/index.ts';
import { type Instances, imageReconciler } from './image.reconciler.ts';
import { imageRoutes } from './image.routes.ts';
import { type ImageService, type ImageSettings, imageService } from './image.service.ts';
import { imageStore } from './image.store.ts';
import { groupId } from './image.ts';
import { presetImages } from './image-presets.ts';
import { engineOfRuntime, engines, findEngine } from './preset-image.ts';

export { imageAnswer, imagesOperations } from './image.api.ts';
export type { SaveRequest } from './image.service.ts';
export { imagesMigrations } from './image.store.ts';
export type { Image } from './image.ts';
export { imageView } from './image.view.ts';
export { ensurePresetImages, type PresetBuildOptions } from './preset-build.ts';
export {
  BASE_IMAGE,
  CLASSIC_IMAGE,
  type EngineChoice,
  engineOfRuntime,
  engines,
  findEngine,
  NOTEBOOK_IMAGE,
  type PresetEngine,
  PYTORCH_IMAGE,
} from './preset-image.ts';
export { ensureNotebookImage, jupyterLabOf, type NotebookBuildOptions } from './preset-notebook.ts';

export interface ImagesDeps {
  db: Database;
  clock: Clock;
  log: Log;
  driver: RuntimeDriver;
  /** No quotas when absent. */
  workspaces?: { admit: Admit };
  settings?: Partial<ImageSettings> | undefined;
}

/** The family of images: preset, registered and saved ones, and the catalog of preset engines. */
export interface Images
  extends Pick<ImageService, 'find' | 'get' | 'save' | 'saving' | 'reference' | 'forNotebook' | 'contents'> {
  findEngine: typeof findEngine;
  engines: typeof engines;
  engineOfRuntime: typeof engineOfRuntime;
  routes: Route[];
  locators: Locators;
  /** Says what uses an image. Set by whoever composes, once for each family that does. */
  addUsers(usedBy: (projectId: string, imageId: string) => Promise<string[]>): void;
  /** Says how instances are saved. Set once, by whoever composes. */
  setInstances(instances: Instances): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const DEFAULTS: ImageSettings = { largestBytes: 50e9, registries: [] };

/** Composes the family. */
export function createImages(deps: ImagesDeps): Images {
  const { db, clock, log, driver } = deps;
  const store = imageStore(db);
  const settings = { ...DEFAULTS, ...deps.settings };
  const users: ((projectId: string, imageId: string) => Promise<string[]>)[] = [];
  let instances: Instances | undefined;
  const reconciler = imageReconciler({
    db,
    clock,
    log,
    store,
    driver,
    settings,
    instances() {
      if (!instances) throw new Error('nothing was said about instances');
      return instances;
    },
  });
  const service = imageService({
    store,
    clock,
    driver,
    settings,
    ...(deps.workspaces ? { workspaces: deps.workspaces } : {}),
    usedBy: async (projectId, imageId) => (await Promise.all(users.map(ask => ask(projectId, imageId)))).flat(),
    hint: () => reconciler.hint(),
  });
  const { find, get, save, saving, reference, forNotebook, contents } = service;
  const presets = presetImages();
  const locators: Locators = {
    async image(id, { projectId }) {
      if (presets.some(each => each.id === id)) return {};
      const found = await store.find(projectId, id);
      return found && { workspaceId: found.workspaceId, ownerId: found.owner.id };
    },
    async 'image-group'(id, { projectId }) {
      const found = (await store.listAll(projectId)).find(each => groupId(each) === id);
      return found && { workspaceId: found.workspaceId };
    },
  };
  return {
    find,
    get,
    save,
    saving,
    reference,
    forNotebook,
    contents,
    findEngine,
    engines,
    engineOfRuntime,
    routes: imageRoutes(service),
    locators,
    addUsers: ask => void users.push(ask),
    setInstances(given) {
      instances = given;
    },
    start: () => reconciler.start(),
    stop: () => reconciler.stop(),
  };
}
