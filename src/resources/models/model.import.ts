import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Engine, EngineCatalog } from './model.service.ts';
import type { ImportResult } from './model.store.ts';
import type { Model } from './model.ts';
import { checkFiles, checkListing, type PackageFile } from './model-package.ts';
import { ConfigProblem, type PackageConfig, type PackageDependency, parsePackageConfig } from './package-config.ts';
import { localFiles, removeTree, sealTree, syncPath } from './staging.ts';

/** What an import needs of the object store. */
export interface PackageSource {
  walk(principal: Principal, path: { bucket: string; key: string }): AsyncIterable<{ key: string; size: number }>;
  read(principal: Principal, path: { bucket: string; key: string }): Promise<{ stream: Readable }>;
  download(
    principal: Principal,
    from: { bucket: string; key: string },
    dir: string,
    options?: { signal?: AbortSignal },
  ): Promise<unknown>;
}

export interface ImportDeps {
  objects: PackageSource;
  images: EngineCatalog;
  /** Where packages lie: one directory per model id. */
  dir: string;
  note(info: string): Promise<void>;
}

/** The package cannot become a model; a retry will not mend it. */
export class ImportProblem extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'ImportProblem';
    this.code = code;
  }
}

const CONFIG = 'config.json';
const LARGEST_CONFIG = 1024 * 1024;

/** The directory of a model's package on this machine. */
export function packageDir(dir: string, modelId: string): string {
  return join(dir, modelId);
}

/** Removes everything an import has left. */
export async function discardPackage(dir: string, modelId: string): Promise<void> {
  await removeTree(partialDir(dir, modelId));
  await removeTree(packageDir(dir, modelId));
}

/**
 * Brings a model's package to this machine with the agency's permissions and checks it (behaviour/inference.md 1). Checks run
 * on the listing first, so that a broken package is told before gigabytes are copied, and again on what was copied. Repeatable
 * after any interruption. Throws ImportProblem or Failure for what the user must mend.
 */
export async function importPackage(
  deps: ImportDeps,
  model: Model,
  principal: Principal,
  signal: AbortSignal,
): Promise<ImportResult> {
  const { objects, dir } = deps;
  const final = packageDir(dir, model.id);
  const { source, files } = await findPackage(objects, principal, model);
  const bucket = source.slice(0, source.indexOf('/'));
  const prefix = `${source.slice(bucket.length + 1)}model/`;
  const listingProblem = checkListing(files, `obs://${source}`);
  if (listingProblem) throw new ImportProblem(listingProblem.code, listingProblem.message);
  const config = effectiveConfig(model, files, await remoteConfig(objects, principal, bucket, prefix, files));
  examine(model, files, config);

  if (!existsSync(final)) {
    const partial = partialDir(dir, model.id);
    await mkdir(partial, { recursive: true });
    await objects.download(principal, { bucket, key: prefix }, partial, { signal });
    signal.throwIfAborted();
    if (model.initialConfig) await writeFile(join(partial, CONFIG), model.initialConfig);
    await sealTree(partial);
    await rename(partial, final);
    await syncPath(dirname(final));
  }
  await deps.note('The model package is staged; checking its files.');
  const staged = await localFiles(final);
  const stagedConfig = parse(await readFile(join(final, CONFIG), 'utf8'));
  examine(model, staged, stagedConfig);
  return resultOf(deps.images, model, stagedConfig, staged, `/${source}`);
}

function partialDir(dir: string, modelId: string): string {
  return join(dir, `${modelId}.partial`);
}

async function findPackage(
  objects: PackageSource,
  principal: Principal,
  model: Model,
): Promise<{ source: string; files: PackageFile[] }> {
  for (const source of model.sources) {
    const bucket = source.slice(0, source.indexOf('/'));
    const prefix = `${source.slice(bucket.length + 1)}model/`;
    const files: PackageFile[] = [];
    for await (const object of objects.walk(principal, { bucket, key: prefix })) {
      if (!object.key.endsWith('/')) files.push({ path: object.key.slice(prefix.length), size: object.size });
    }
    if (files.length > 0 || source === model.sources.at(-1)) return { source, files };
  }
  throw new ImportProblem('ModelArts.3017', 'The model has no source to import from.');
}

async function remoteConfig(
  objects: PackageSource,
  principal: Principal,
  bucket: string,
  prefix: string,
  files: readonly PackageFile[],
): Promise<string | undefined> {
  const entry = files.find(file => file.path === CONFIG);
  if (!entry) return undefined;
  if (entry.size > LARGEST_CONFIG) {
    throw new ImportProblem('ModelArts.3015', `${CONFIG} is larger than the limit of 1 MiB.`);
  }
  const { stream } = await objects.read(principal, { bucket, key: `${prefix}${CONFIG}` });
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}

function effectiveConfig(model: Model, files: readonly PackageFile[], text: string | undefined): PackageConfig {
  if (model.initialConfig) return parse(model.initialConfig);
  if (text === undefined) {
    throw new ImportProblem('ModelArts.3015', checkFiles(files, '', false) ?? `${CONFIG} is missing.`);
  }
  return parse(text);
}

function parse(text: string): PackageConfig {
  try {
    return parsePackageConfig(text);
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    throw new ImportProblem(error.kind === 'nonconforming' ? 'ModelArts.3015' : 'ModelArts.3016', error.message);
  }
}

function examine(model: Model, files: readonly PackageFile[], config: PackageConfig): void {
  if (model.type && model.type !== config.modelType) {
    throw new ImportProblem(
      'ModelArts.3016',
      `config.json: [model_type] is ${config.modelType}, but the model was created with ${model.type}.`,
    );
  }
  if (config.modelType === 'Image' || config.modelType === 'Custom' || config.modelType === 'Template') {
    throw new ImportProblem('ModelArts.3016', `config.json: [model_type] ${config.modelType} is not supported yet.`);
  }
  const problem = checkFiles(files, config.modelType, model.initialConfig !== undefined);
  if (problem) throw new ImportProblem('ModelArts.3006', problem);
}

function resultOf(
  images: EngineCatalog,
  model: Model,
  config: PackageConfig,
  files: readonly PackageFile[],
  location: string,
): ImportResult {
  const engine = engineFor(images, model.runtime ?? config.runtime, config.modelType);
  checkDependencies(config.dependencies, engine);
  const declared = config.raw.apis === undefined && model.apis.length > 0 ? model.apis : config.apis;
  return {
    type: config.modelType,
    runtime: engine.engineId,
    engineId: engine.engineId,
    algorithm: config.modelAlgorithm,
    config: config.raw,
    apis: declared,
    dependencies: config.dependencies,
    health: config.health,
    size: files.reduce((sum, file) => sum + file.size, 0),
    sourceLocation: model.sources.length > 1 ? location : model.sourceLocation,
  };
}

function engineFor(images: EngineCatalog, runtime: string | undefined, modelType: string): Engine {
  const all = images.engines();
  const known = all.map(engine => engine.engineId).join(', ');
  if (runtime !== undefined) {
    const engine = images.engineOfRuntime(runtime);
    if (engine) return engine;
    throw new ImportProblem(
      'ModelArts.3016',
      `config.json: [runtime] "${runtime.slice(0, 100)}" is not known here. Known: ${known}.`,
    );
  }
  const engine = all.find(candidate => candidate.engineName.toLowerCase() === modelType.toLowerCase());
  if (engine) return engine;
  throw new ImportProblem(
    'ModelArts.3016',
    `config.json: no engine serves [model_type] ${modelType}. Name one with [runtime]; known: ${known}.`,
  );
}

/** Packages that the preset image already holds are fine; others cannot be installed here yet, and that is said at once. */
function checkDependencies(dependencies: readonly PackageDependency[], engine: Engine): void {
  const contained = new Map(Object.entries(engine.contains ?? {}).map(([name, value]) => [normal(name), value]));
  for (const wanted of dependencies.flatMap(dependency => dependency.packages)) {
    const name = wanted.package_name.replace(/\[.*$/, '');
    if (contained.has(normal(name))) continue;
    throw new ImportProblem(
      'ModelArts.3040',
      `config.json: [dependencies] names the package ${wanted.package_name}, which the image of ${engine.engineId} does not hold, and installing packages for a model is not supported yet. Put its files into the model package instead.`,
    );
  }
}

function normal(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

/** The text of a problem for the model's event, or undefined when a retry may help. */
export function lastingProblem(error: unknown): { code: string; message: string } | undefined {
  if (error instanceof ImportProblem) return error;
  if (error instanceof Failure && error.status < 500 && error.status !== 429) return error;
  return undefined;
}
