import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { uuid } from '../../kernel/ids.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import { directoryOfLocation } from '../../wire/obs-resource.ts';
import { type BodyOf, listedIds } from '../../wire/operation.ts';
import { asDenied } from '../algorithms/index.ts';
import type { Admit, WorkspaceContents } from '../workspaces/index.ts';
import type { modelApis } from './model.api.ts';
import type { ModelStore } from './model.store.ts';
import {
  CASCADE_LIMIT,
  checkModelDescription,
  checkModelName,
  checkModelVersion,
  type Model,
  type ModelEvent,
  type ModelFilter,
  type ModelPage,
  parseSourceLocation,
} from './model.ts';
import { ConfigProblem, MODEL_TYPES, type ModelApi, parsePackageConfig } from './package-config.ts';

/** An engine of the preset catalog, as far as models need it. */
export interface Engine {
  engineId: string;
  engineName: string;
  engineVersion: string;
  imageRef: string;
  /** What the image really holds: package to version. */
  contains?: Record<string, string>;
}

export interface EngineCatalog {
  engines(): readonly Engine[];
  engineOfRuntime(runtime: string): Engine | undefined;
}

/** What a training job hands over. */
export interface TrainingOutputs {
  output(
    projectId: string,
    jobId: string,
  ): Promise<{ status: string; outputs: { name: string; obsUrl: string }[]; engine?: unknown } | undefined>;
}

export interface ModelServiceDeps {
  store: ModelStore;
  clock: Clock;
  images: EngineCatalog;
  training: TrainingOutputs;
  /** Asks with the permissions of the principal whether it may read there. */
  objects: { head(principal: Principal, path: { bucket: string; key: string }): Promise<unknown> };
  authorizations: { agencyFor(principal: Principal, projectId: string): Promise<string> };
  /** No quotas when absent. */
  workspaces?: { admit: Admit } | undefined;
  /** Names of the services that use a model. */
  usedBy(model: Pick<Model, 'id' | 'workspaceId'>): Promise<string[]>;
  /** Tells the reconciler that a model has work. */
  poke(id: string, interrupt: boolean): Promise<void>;
}

type CreateBody = BodyOf<typeof modelApis.create>;

export interface RemoveResult {
  deleted: string[];
  failed: { id: string; code: string; message: string }[];
}

export type ModelService = ReturnType<typeof modelService>;

/** What workspaces count of models. */
const MODEL_QUOTA = 'model.count';

/** The use cases of models. */
export function modelService(deps: ModelServiceDeps) {
  const { store, clock } = deps;

  async function discard(ids: readonly string[]): Promise<void> {
    await store.markDeleting(ids, clock.now());
    for (const id of ids) await deps.poke(id, true);
  }

  const contents: WorkspaceContents = {
    kind: 'model',
    deleteAction: 'modelarts:model:delete',
    quota: { resource: MODEL_QUOTA, name_en: 'Models', name_cn: '模型', unit_en: '', unit_cn: '个', max: 10_000 },
    count: store.count,
    async clear(projectId, workspaceId) {
      const free: string[] = [];
      for (const id of await store.liveIn(projectId, workspaceId)) {
        // Those that services use go once these are gone.
        if ((await deps.usedBy({ id, workspaceId })).length === 0) free.push(id);
      }
      await discard(free);
      return store.countRows(projectId, workspaceId);
    },
  };

  async function show(projectId: string, id: string): Promise<Model> {
    const model = await store.find(projectId, id);
    if (model) return model;
    throw new Failure({
      code: 'ModelArts.3001',
      status: 404,
      message: `The model ${id.slice(0, 64)} does not exist in this project.`,
      solution: 'GET /v1/{project_id}/models lists the models.',
    });
  }

  async function sourcesOf(
    principal: Principal,
    projectId: string,
    body: CreateBody,
  ): Promise<{ sources: string[]; location: string }> {
    if (!body.source_job_id) {
      if (!body.source_location) {
        throw new Failure({
          code: 'ModelArts.3036',
          status: 400,
          message: 'Parameter [source_location] or [source_job_id] is required: where the model package comes from.',
        });
      }
      return { sources: [parseSourceLocation(body.source_location)], location: body.source_location };
    }
    const output = await deps.training.output(projectId, body.source_job_id);
    if (!output) {
      throw new Failure({
        code: 'ModelArts.2775',
        status: 400,
        message: `The training job ${body.source_job_id.slice(0, 64)} of [source_job_id] does not exist in this project.`,
      });
    }
    if (output.status.toLowerCase() !== 'completed') {
      throw new Failure({
        code: 'ModelArts.3037',
        status: 400,
        message: `The training job of [source_job_id] is ${output.status}; a model can only be made from a Completed job.`,
        solution: 'Wait until the job is Completed, or import its files with [source_location] alone.',
      });
    }
    if (body.source_location) {
      return { sources: [parseSourceLocation(body.source_location)], location: body.source_location };
    }
    const sources = output.outputs.map(entry => parseSourceLocation(entry.obsUrl));
    for (const source of sources) {
      // Where a request names the place itself, its declaration asks.
      const place = directoryOfLocation(source) as { bucket: string; key: string };
      await deps.objects.head(principal, place).catch(error => {
        throw asDenied(error, 'source_job_id');
      });
    }
    if (sources.length === 0) {
      throw new Failure({
        code: 'ModelArts.3017',
        status: 400,
        message: 'The training job of [source_job_id] has no output path to take the model from.',
        solution: 'Name the directory of the model package with [source_location].',
      });
    }
    return { sources, location: `/${sources[0]}` };
  }

  return {
    show,
    contents,
    engines: () => deps.images.engines(),
    list: (filter: ModelFilter): Promise<ModelPage> => {
      if (filter.type !== undefined && filter.notType !== undefined) {
        throw new Failure({
          code: 'ModelArts.3037',
          status: 400,
          message: 'Parameters [model_type] and [not_model_type] exclude each other.',
        });
      }
      return store.list(filter);
    },

    /** Registers a model and starts its import; returns its id. Throws Failure for what can be told without reading OBS. */
    async create(principal: Principal, projectId: string, workspaceId: string, body: CreateBody): Promise<string> {
      checkModelName(body.model_name);
      checkModelVersion(body.model_version);
      checkModelDescription(body.description ?? '');
      checkType(body);
      const configText = requestConfig(body);
      if (body.runtime && !deps.images.engineOfRuntime(body.runtime)) {
        throw unknownRuntime(body.runtime, deps.images);
      }
      if ((await store.named(projectId, workspaceId, body.model_name, body.model_version)).length > 0)
        throw duplicate(body);
      const { sources, location } = await sourcesOf(principal, projectId, body);
      const agencyName = await deps.authorizations.agencyFor(principal, projectId);
      const now = clock.now();
      const owner = ownerOf(principal);
      const model: Model = {
        id: uuid(),
        accountId: principal.accountId,
        projectId,
        workspaceId,
        name: body.model_name,
        version: body.model_version,
        type: body.model_type ?? '',
        status: 'publishing',
        description: body.description ?? '',
        ownerId: owner.id,
        ownerName: owner.name,
        agencyName,
        sourceJobId: body.source_job_id || undefined,
        sourceJobVersion: body.source_job_version || undefined,
        sources,
        sourceLocation: location,
        sourceCopy: String(body.source_copy ?? 'true'),
        runtime: body.runtime || undefined,
        algorithm: body.model_algorithm || undefined,
        initialConfig: configText,
        executionCode: body.execution_code || undefined,
        apis: requestApis(body),
        dependencies: [],
        metrics: body.model_metrics || undefined,
        docs: body.model_docs ?? [],
        installType: installTypes(body.install_type as string[] | undefined),
        size: 0,
        attempts: 0,
        createdAt: now,
        updatedAt: now,
        deleting: false,
      };
      try {
        await store.insert(
          model,
          { time: now, type: 'normal', info: `Start to import the model package from ${location}.` },
          async (used, trx) => deps.workspaces?.admit(projectId, workspaceId, MODEL_QUOTA, used, trx),
        );
      } catch (error) {
        if (/UNIQUE constraint failed/.test(String((error as Error).message))) throw duplicate(body);
        throw error;
      }
      await deps.poke(model.id, false);
      return model.id;
    },

    async events(projectId: string, id: string): Promise<{ model: Model; events: ModelEvent[] }> {
      const model = await show(projectId, id);
      return { model, events: await store.events(id) };
    },

    /**
     * Deletes the models of a comma-separated list, or with `cascade` all versions of the one named. One that a service uses
     * stays: alone it is a Failure ModelArts.3009, in a list it is reported.
     */
    async remove(projectId: string, idList: string, cascade: boolean): Promise<RemoveResult> {
      let targets: Model[] = [];
      for (const id of listedIds(idList)) targets.push(await show(projectId, id));
      if (cascade) {
        // Versions of the name in another workspace are another model's.
        const named = new Map(targets.map(model => [`${model.workspaceId}/${model.name}`, model]));
        const all = await Promise.all(
          [...named.values()].map(({ workspaceId, name }) => store.named(projectId, workspaceId, name)),
        );
        targets = all.flat();
      }
      if (targets.length > CASCADE_LIMIT) {
        throw new Failure({
          code: 'ModelArts.3037',
          status: 400,
          message: `One call deletes at most ${CASCADE_LIMIT} models; these are ${targets.length}.`,
          solution: 'Delete versions one by one until at most 20 are left.',
        });
      }
      const result: RemoveResult = { deleted: [], failed: [] };
      for (const model of targets) {
        const users = await deps.usedBy(model);
        if (users.length === 0) {
          result.deleted.push(model.id);
          continue;
        }
        const message = `The model ${model.name} ${model.version} is used by the service${users.length > 1 ? 's' : ''} ${users.join(', ')}; delete ${users.length > 1 ? 'them' : 'it'} first.`;
        if (targets.length === 1) throw new Failure({ code: 'ModelArts.3009', status: 500, message });
        result.failed.push({ id: model.id, code: 'ModelArts.3009', message });
      }
      await discard(result.deleted);
      return result;
    },
  };
}

/** The text for a runtime that the catalog lacks. */
export function unknownRuntime(runtime: string, images: EngineCatalog): Failure {
  return new Failure({
    code: 'ModelArts.3037',
    status: 400,
    message: `The runtime "${runtime.slice(0, 100)}" ([runtime]) is not known here. Known: ${images
      .engines()
      .map(engine => engine.engineId)
      .join(', ')}.`,
  });
}

function checkType(body: CreateBody): void {
  const type = body.model_type;
  if (type === undefined) return;
  if (!(MODEL_TYPES as readonly string[]).includes(type)) {
    throw new Failure({
      code: 'ModelArts.3037',
      status: 400,
      message: `Parameter [model_type] should be one of ${MODEL_TYPES.join(', ')}; it is "${type.slice(0, 60)}".`,
    });
  }
  if (type === 'Image' || type === 'Custom' || type === 'Template') {
    throw new Failure({
      code: 'ModelArts.3037',
      status: 400,
      message: `Parameter [model_type] ${type} is not supported yet; models need a preset engine such as PyTorch.`,
    });
  }
}

/** Checks `initial_config`, the one configuration that is known at once: 3015 when it does not conform, 3016 for types. */
function requestConfig(body: CreateBody): string | undefined {
  if (!body.initial_config) return undefined;
  try {
    const config = parsePackageConfig(body.initial_config);
    if (body.model_type && config.modelType !== body.model_type) {
      throw new ConfigProblem(
        'model_type',
        'unsupported',
        `[model_type] is ${body.model_type} in the request and ${config.modelType} in [initial_config].`,
      );
    }
    return body.initial_config;
  } catch (error) {
    if (!(error instanceof ConfigProblem)) throw error;
    throw new Failure({
      code: error.kind === 'nonconforming' ? 'ModelArts.3015' : 'ModelArts.3016',
      status: 400,
      message: `Parameter [initial_config]: ${error.message}`,
    });
  }
}

function requestApis(body: CreateBody): ModelApi[] {
  return (body.apis ?? []).map(api => ({
    url: api.url || '/',
    method: (api.method || 'post').toLowerCase(),
    protocol: (api.protocol || 'http').toLowerCase(),
    ...(api.input_params ? { request: { data: api.input_params } } : {}),
    ...(api.output_params ? { response: { data: api.output_params } } : {}),
  }));
}

function installTypes(given: readonly string[] | undefined): string[] {
  if (!given || given.length === 0) return ['real-time', 'batch'];
  return [...new Set(given.map(type => (type === 'realtime' ? 'real-time' : type)))];
}

function duplicate(body: CreateBody): Failure {
  return new Failure({
    code: 'ModelArts.3002',
    status: 409,
    message: `The model ${body.model_name} already has a version ${body.model_version} in this workspace.`,
    solution: 'Use another [model_version], or delete the existing one.',
  });
}
