/** One file of a model package, its path relative to the `model` directory. */
export interface PackageFile {
  path: string;
  size: number;
}

/** Largest package, in bytes (behaviour/inference.md 1). */
export const LARGEST_PACKAGE = 20 * 1024 ** 3;

const MODEL_FILES: Record<string, readonly string[]> = {
  PyTorch: ['.pt', '.pth'],
  MindSpore: ['.ckpt', '.mindir'],
  XGBoost: ['.m'],
  Scikit_Learn: ['.m'],
  Caffe: ['.caffemodel'],
  MXNet: ['.params'],
};

/**
 * What is wrong with the list of files before anything is copied: nothing there, too large, names that the runtime cannot use.
 * `location` is the directory the user chose, for the text. Returns the first finding, or undefined.
 */
export function checkListing(
  files: readonly PackageFile[],
  location: string,
): { code: string; message: string } | undefined {
  if (files.length === 0) {
    return {
      code: 'ModelArts.3017',
      message: `There is no "model" directory with files in ${location}. The package must lie in a directory named "model"; choose the directory that contains it.`,
    };
  }
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (size > LARGEST_PACKAGE) {
    return {
      code: 'ModelArts.3044',
      message: `The model package has ${(size / 1024 ** 3).toFixed(1)} GiB, more than the limit of 20 GiB. Remove files that inference does not need.`,
    };
  }
  const spaced = files
    .map(file => file.path.split('/').slice(0, -1))
    .find(steps => steps.some(step => /\s/.test(step)));
  if (spaced) {
    return {
      code: 'ModelArts.3017',
      message: `The directory name "${spaced.join('/')}" in the model package contains a space. Rename it.`,
    };
  }
  return undefined;
}

/**
 * Checks which files a package has (behaviour/inference.md 1). `hasConfig`: the configuration came with the request, so that
 * config.json may be missing. Returns the first finding, or undefined.
 */
export function checkFiles(files: readonly PackageFile[], modelType: string, hasConfig: boolean): string | undefined {
  return (
    exactlyOne(files, 'config.json', !hasConfig) ??
    exactlyOne(files, 'customize_service.py', true) ??
    modelFileProblem(files, modelType)
  );
}

function exactlyOne(files: readonly PackageFile[], name: string, mandatory: boolean): string | undefined {
  const found = files.map(file => file.path).filter(path => path === name || path.endsWith(`/${name}`));
  if (found.length > 1) {
    return `The model package must contain exactly one ${name}; it has ${found.length}: ${listed(found)}.`;
  }
  if (found.length === 1 && found[0] !== name) {
    return `${name} must lie directly in the "model" directory; it is at ${found[0]}.`;
  }
  if (found.length === 0 && mandatory) {
    return `${name} is missing in the "model" directory; it is mandatory${name === 'config.json' ? '' : ' for preset engines'}.`;
  }
  return undefined;
}

function modelFileProblem(files: readonly PackageFile[], modelType: string): string | undefined {
  const paths = files.map(file => file.path);
  if (modelType === 'TensorFlow') {
    if (!paths.includes('saved_model.pb')) {
      return 'The model file saved_model.pb is missing in the "model" directory; TensorFlow needs it and the directory variables/.';
    }
    if (!paths.some(path => path.startsWith('variables/'))) {
      return 'The directory variables/ is missing beside saved_model.pb.';
    }
    return undefined;
  }
  const extensions = MODEL_FILES[modelType];
  if (!extensions) return undefined;
  const found = paths.filter(path => extensions.some(extension => path.toLowerCase().endsWith(extension)));
  const wanted = extensions.map(extension => `*${extension}`).join(' or ');
  if (found.length === 0) return `There is no model file in the "model" directory; ${modelType} needs one ${wanted}.`;
  if (found.length > 1) {
    return `There is more than one model file in the package: ${listed(found)}. ${modelType} needs exactly one ${wanted}.`;
  }
  if (found[0]!.includes('/')) {
    return `The model file must lie directly in the "model" directory; it is at ${found[0]}.`;
  }
  return undefined;
}

function listed(paths: readonly string[]): string {
  return paths.length <= 5 ? paths.join(', ') : `${paths.slice(0, 5).join(', ')} and ${paths.length - 5} more`;
}
