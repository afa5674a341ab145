export { ensurePresetImages, type PresetBuildOptions } from './preset-build.ts';
export {
  BASE_IMAGE,
  type EngineChoice,
  engineOfRuntime,
  engines,
  findEngine,
  type PresetEngine,
  PYTORCH_IMAGE,
} from './preset-image.ts';
