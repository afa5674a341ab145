import type { Locators, Route } from '../../http/index.ts';
import { algorithmRoutes } from './algorithm.routes.ts';
import { type AlgorithmDeps, type Algorithms, algorithmService } from './algorithm.service.ts';

export { algorithmOperations } from './algorithm.api.ts';
export { type Algorithms, type EngineCatalog, requireEngine, withoutNulls } from './algorithm.service.ts';
export { algorithmMigrations } from './algorithm.store.ts';
export {
  type BootForm,
  type Channel,
  checkConfig,
  checkDescription,
  checkNaming,
  type JobConfig,
} from './algorithm.ts';
export {
  asDenied,
  type CodeLimits,
  DEFAULT_CODE_LIMITS,
  inspectBootFile,
  inspectCode,
  requireBucket,
} from './code-tree.ts';
export { asDirectory, lastStep, type StoragePath, storagePath, storageUrl } from './obs-path.ts';
export { mergeParameters, type Parameter } from './parameter.ts';

/** The family of algorithms: its operations' handlers, and what training jobs ask of it. */
export function createAlgorithms(deps: AlgorithmDeps): Algorithms & { routes: Route[]; locators: Locators } {
  const service = algorithmService(deps);
  const locators: Locators = {
    async algorithm(id, { projectId }) {
      const found = await service.find(projectId, id);
      return found && { workspaceId: found.workspaceId };
    },
  };
  return { ...service, routes: algorithmRoutes(service), locators };
}
