import { Failure } from '../../kernel/failure.ts';
import type { Principal } from '../../kernel/principal.ts';
import { EngineUnavailable } from '../../runtime/driver.ts';
import {
  asDenied,
  asDirectory,
  type BootForm,
  inspectBootFile,
  inspectCode,
  type JobConfig,
  lastStep,
  mergeParameters,
  requireBucket,
  requireEngine,
  type StoragePath,
  storageUrl,
} from '../algorithms/index.ts';
import type { BucketInfo, ObjectInfo } from '../objects/index.ts';
import type { JobBody } from './job.api.ts';
import type { JobInput, JobOutput, JobSpec } from './job.model.ts';
import { jobPlacement } from './job.placement.ts';
import type { TrainingDeps, TrainingSettings } from './job.ports.ts';
import { channelPath, checkOutputs, configOf, matchChannels } from './job.request.ts';

const IMAGE_REF = /^[A-Za-z0-9][\w./:@-]{0,511}$/;

function refuse(code: string, message: string, solution?: string, status = 400): Failure {
  return new Failure({ code: `ModelArts.${code}`, status, message, ...(solution ? { solution } : {}) });
}

/** Objects of an input that are looked at before a job is taken in; whatever lies behind them is met when it is downloaded. */
const MOST_CHECKED = 10_000;

/** Throws Failure for an object that a job cannot read (behaviour/training.md 12). */
function checkReadable(object: ObjectInfo, field: string): void {
  const what = `the object ${storageUrl(object)} of parameter [${field}]`;
  if (object.encryption) {
    throw refuse(
      '2791',
      `InvalidObsPath: ${what} is encrypted, which a job cannot read.`,
      'Upload the data without encryption.',
    );
  }
  if (object.storageClass === 'COLD') {
    throw refuse(
      '2791',
      `InvalidObsPath: ${what} is archived, which a job cannot read.`,
      'Restore it, and copy it to the Standard storage class.',
    );
  }
}

/**
 * Turns what a request names into what exists: algorithm, image, flavor, code, inputs and outputs. Everything is looked at with the
 * caller's own permissions; each function throws the Failure of what is missing.
 */
export function jobResolver(deps: TrainingDeps, settings: Pick<TrainingSettings, 'codeLimits'>) {
  const { objects } = deps;

  /** The configuration a job runs with: its own, or its algorithm's with the job's values. */
  async function resolveConfig(
    projectId: string,
    algorithm: NonNullable<JobBody['algorithm']>,
  ): Promise<{ config: JobConfig; declared: JobConfig; origin?: { id: string; name: string } }> {
    const given = configOf(algorithm);
    if (!algorithm.id) {
      mergeParameters(given.parameters ?? [], undefined, true);
      return { config: given, declared: given };
    }
    const origin = await deps.algorithms.get(projectId, algorithm.id);
    const declared = origin.config;
    matchChannels(declared, given);
    return {
      config: {
        ...declared,
        inputs: given.inputs,
        outputs: given.outputs,
        parameters: mergeParameters(
          declared.parameters ?? [],
          given.parameters,
          declared.parameters_customization ?? false,
        ),
      },
      declared,
      origin: { id: origin.id, name: origin.name },
    };
  }

  async function resolveImage(
    principal: Principal,
    projectId: string,
    form: BootForm,
    config: JobConfig,
  ): Promise<Pick<JobSpec, 'image' | 'engine' | 'imageUrl'>> {
    const imageUrl = config.engine?.image_url || undefined;
    const entry = form === 'preset' ? requireEngine(deps.images, config) : undefined;
    const engine = entry && {
      engineId: entry.engineId,
      engineName: entry.engineName,
      engineVersion: entry.engineVersion,
    };
    if (!imageUrl) return { image: entry!.imageRef, engine };
    if (!IMAGE_REF.test(imageUrl)) {
      throw refuse(
        '2810',
        `SWRQueryImageInfoError: parameter [engine.image_url] is "${imageUrl.slice(0, 200)}", which is no image reference.`,
        'Write it as name:tag or registry/organization/name:tag.',
      );
    }
    let image: string | undefined;
    try {
      image = await deps.images.reference(principal, projectId, imageUrl);
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      throw refuse(
        '2810',
        `SWRQueryImageInfoError: the container engine does not answer, so the image ${imageUrl} cannot be looked up.`,
        'Try again in a minute.',
        503,
      );
    }
    if (image !== undefined) return { image, imageUrl, engine };
    throw refuse(
      '2810',
      `SWRQueryImageInfoError: the image ${imageUrl} of parameter [engine.image_url] is not present on this machine.`,
      'Register or save it first (GET /v1/{project_id}/images lists images), or load it with the container engine of this installation.',
    );
  }

  /** The place of an input: one object, or everything below a prefix that holds at least one. */
  async function resolveInput(principal: Principal, field: string, path: StoragePath): Promise<StoragePath> {
    checkBucket(await requireBucket(objects, principal, path.bucket, field), field);
    try {
      const object = path.key !== '' && !path.key.endsWith('/') && (await objects.head(principal, path));
      if (object) {
        checkReadable(object, field);
        return path;
      }
      const directory = asDirectory(path);
      const { objects: some } = await objects.list(principal, directory.bucket, { prefix: directory.key, maxKeys: 1 });
      // A path without a slash at its end was asked about as an object.
      if (directory.key !== path.key) await objects.head(principal, directory);
      if (some.length > 0) {
        await checkAllReadable(principal, directory, field);
        return directory;
      }
    } catch (error) {
      throw asDenied(error, field);
    }
    throw refuse(
      '2836',
      `PathNotFound: the path ${storageUrl(path)} of parameter [${field}] holds no object.`,
      'Upload the data first, or correct the path.',
      404,
    );
  }

  /** Throws Failure of the first object below a prefix that cannot be an input; of very many, of the first ones alone. */
  async function checkAllReadable(principal: Principal, directory: StoragePath, field: string): Promise<void> {
    let left = MOST_CHECKED;
    for await (const object of objects.walk(principal, directory)) {
      checkReadable(object, field);
      if (--left === 0) return;
    }
  }

  /** Data must be of this region and not archived (behaviour/training.md 12). */
  function checkBucket(bucket: BucketInfo, field: string): void {
    if (bucket.location !== deps.region) {
      throw refuse(
        '2791',
        `InvalidObsPath: the bucket ${bucket.name} of parameter [${field}] lies in region ${bucket.location.slice(0, 64)}, not in ${deps.region} where the job runs.`,
        'Copy the data to a bucket of the same region.',
      );
    }
    if (bucket.storageClass === 'COLD') {
      throw refuse(
        '2791',
        `InvalidObsPath: the bucket ${bucket.name} of parameter [${field}] is of the archive storage class, which a job cannot read.`,
        'Use a bucket of the Standard or Infrequent Access class.',
      );
    }
  }

  /** Places of inputs and outputs; how they reach the program is the algorithm's word where the job says nothing. */
  async function resolveChannels(
    principal: Principal,
    algorithm: NonNullable<JobBody['algorithm']>,
    declared: JobConfig,
  ): Promise<{ inputs: JobInput[]; outputs: JobOutput[] }> {
    const inputs: JobInput[] = [];
    const outputs: JobOutput[] = [];
    const own = (side: 'inputs' | 'outputs', name: string) => declared[side]?.find(channel => channel.name === name);
    const access = (side: 'inputs' | 'outputs', name: string, given: string | null | undefined) =>
      (given ?? own(side, name)?.access_method) === 'env' ? 'env' : 'parameter';
    for (const [index, channel] of (algorithm.outputs ?? []).entries()) {
      const { url, path } = channelPath('outputs', index, channel);
      outputs.push({
        name: channel.name,
        description: channel.description ?? '',
        accessMethod: access('outputs', channel.name, channel.access_method),
        url,
        to: asDirectory(path),
        prefetch: channel.prefetch_to_local ?? own('outputs', channel.name)?.prefetch_to_local ?? false,
      });
    }
    checkOutputs(outputs);
    for (const [index, channel] of (algorithm.inputs ?? []).entries()) {
      const { url, path } = channelPath('inputs', index, channel);
      inputs.push({
        name: channel.name,
        description: channel.description ?? '',
        accessMethod: access('inputs', channel.name, channel.access_method),
        url,
        from: await resolveInput(principal, `algorithm.inputs[${index}].remote.obs.obs_url`, path),
      });
    }
    for (const [index, output] of outputs.entries()) {
      const field = `algorithm.outputs[${index}].remote.obs.obs_url`;
      await requireBucket(objects, principal, output.to.bucket, field);
      // What is downloaded again is read for the caller, whether the job or its algorithm wants that.
      if (output.prefetch) {
        await objects.head(principal, output.to).catch(error => {
          throw asDenied(error, field);
        });
      }
    }
    return { inputs, outputs };
  }

  /** `stored`: the directory is that of an algorithm, not of the request. */
  async function resolveCode(
    principal: Principal,
    config: JobConfig,
    form: BootForm,
    stored: boolean,
  ): Promise<Pick<JobSpec, 'code' | 'bootFile'>> {
    if (!config.code_dir) return {};
    try {
      const { path } = await inspectCode(objects, principal, config.code_dir, settings.codeLimits);
      const code = { url: config.code_dir, from: path, name: lastStep(path) };
      // Where a request names the directory itself, its declaration asks whether the caller may read there.
      if (stored) await objects.head(principal, path);
      if (form !== 'preset') return { code };
      const relative = await inspectBootFile(objects, principal, config.boot_file!, path);
      return { code, bootFile: { url: config.boot_file!, relative } };
    } catch (error) {
      throw asDenied(error, 'code_dir');
    }
  }

  return {
    config: resolveConfig,
    image: resolveImage,
    ...jobPlacement(deps),
    channels: resolveChannels,
    code: resolveCode,
  };
}
