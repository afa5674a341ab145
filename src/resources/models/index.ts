import { mkdirSync } from 'node:fs';
import type { Locators, Route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { Reconciler } from '../../loop/reconciler.ts';
import type { Database } from '../../store-kit/index.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import { type PackageSource, packageDir } from './model.import.ts';
import { type ModelReconcilerDeps, modelReconciler, sweepPackages } from './model.reconciler.ts';
import { modelRoutes } from './model.routes.ts';
import {
  type Engine,
  type EngineCatalog,
  type ModelServiceDeps,
  modelService,
  type TrainingOutputs,
} from './model.service.ts';
import { modelStore } from './model.store.ts';
import type { ModelStatus } from './model.ts';
import type { ModelApi } from './package-config.ts';

export { modelsOperations } from './model.api.ts';
export { modelsMigrations } from './model.store.ts';

/** A model as services deploy it. */
export interface DeployableModel {
  id: string;
  name: string;
  version: string;
  projectId: string;
  type: string;
  status: ModelStatus;
  /** Directory of this machine with the staged package: read-only, durable. */
  packageDir: string;
  /** Absent until published. */
  engine?: Engine;
  apis: ModelApi[];
  health?: Record<string, unknown>;
  installType: string[];
}

export interface ModelsDeps {
  db: Database;
  clock: Clock;
  log: Log;
  objects: PackageSource & ModelServiceDeps['objects'];
  iam: ModelReconcilerDeps['iam'];
  authorizations: ModelServiceDeps['authorizations'];
  training: TrainingOutputs;
  workspaces?: { admit: Admit };
  images: EngineCatalog;
  /** Directory of the packages; made when absent. */
  dir: string;
}

export interface Models {
  routes: Route[];
  locators: Locators;
  contents: WorkspaceContents;
  reconciler: Reconciler;
  /** Throws Failure ModelArts.3001 (404). */
  get(projectId: string, modelId: string): Promise<DeployableModel>;
  find(projectId: string, modelId: string): Promise<DeployableModel | undefined>;
  /** Says who uses models, so that those in use cannot be deleted. Set once, by whoever composes. */
  setUsedBy(usedBy: ModelServiceDeps['usedBy']): void;
  /** Removes leftovers of deleted models and starts the reconciler. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The family of models (AI applications). */
export function createModels(deps: ModelsDeps): Models {
  mkdirSync(deps.dir, { recursive: true, mode: 0o700 });
  const store = modelStore(deps.db);
  const reconciler = modelReconciler({ ...deps, store });
  let usedBy: ModelServiceDeps['usedBy'] = async () => [];
  const service = modelService({
    store,
    clock: deps.clock,
    images: deps.images,
    training: deps.training,
    objects: deps.objects,
    workspaces: deps.workspaces,
    authorizations: deps.authorizations,
    usedBy: model => usedBy(model),
    poke: (id, interrupt) => reconciler.poke(id, { interrupt }),
  });

  async function find(projectId: string, modelId: string): Promise<DeployableModel | undefined> {
    const model = await store.find(projectId, modelId);
    if (!model) return undefined;
    const engine = model.engineId ? deps.images.engineOfRuntime(model.engineId) : undefined;
    return {
      id: model.id,
      name: model.name,
      version: model.version,
      projectId: model.projectId,
      type: model.type,
      status: model.status,
      packageDir: packageDir(deps.dir, model.id),
      ...(engine ? { engine } : {}),
      apis: model.apis,
      ...(model.health ? { health: model.health } : {}),
      installType: model.installType,
    };
  }

  return {
    routes: modelRoutes(service),
    contents: service.contents,
    locators: {
      async model(id, { projectId }) {
        const model = await store.find(projectId, id);
        return model && { workspaceId: model.workspaceId, ownerId: model.ownerId };
      },
    },
    reconciler,
    find,
    async get(projectId, modelId) {
      await service.show(projectId, modelId);
      return (await find(projectId, modelId))!;
    },
    setUsedBy(listener) {
      usedBy = listener;
    },
    async start() {
      const removed = await sweepPackages(deps.dir, store);
      if (removed > 0) deps.log.info({ removed }, 'removed packages of models that no longer exist');
      await reconciler.start();
    },
    stop: () => reconciler.stop(),
  };
}
