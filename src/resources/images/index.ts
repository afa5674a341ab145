import { declaredRoutes } from '../../http/declared.ts';
import { imagesOperations } from './image.api.ts';

export { forNotebook } from './notebook-image.ts';
export { ensureNotebookImage, ensurePresetImages, type PresetBuildOptions } from './preset-build.ts';
export {
  BASE_IMAGE,
  type EngineChoice,
  engineOfRuntime,
  engines,
  findEngine,
  NOTEBOOK_IMAGE,
  type PresetEngine,
  PYTORCH_IMAGE,
} from './preset-image.ts';
export { imagesOperations };

/** Registered images: who may do what is decided; there are none yet. */
export const imagesRoutes = declaredRoutes(imagesOperations, 'registered images');
