import type { Model, ModelEvent } from './model.ts';
import type { ModelApi } from './package-config.ts';

interface EngineLine {
  engineId: string;
  engineName: string;
}

/** A model as the list shows it. */
export function modelListItem(model: Model) {
  return {
    model_id: model.id,
    model_name: model.name,
    model_version: model.version,
    model_type: model.type,
    model_status: model.status,
    description: model.description,
    owner: model.ownerId,
    project: model.projectId,
    tenant: model.accountId,
    workspace_id: model.workspaceId,
    model_source: 'custom',
    source_type: '',
    source_copy: model.sourceCopy,
    install_type: model.installType,
    model_size: model.size,
    create_at: model.createdAt,
    market_flag: false,
    tunable: false,
    publishable_flag: false,
    specification: {},
  };
}

/** A model in full; `apis`, `config` and `model_metrics` are JSON texts (behaviour/inference.md 4). */
export function modelDetail(model: Model) {
  return {
    ...modelListItem(model),
    source_location: model.sourceLocation,
    ...(model.sourceJobId ? { source_job_id: model.sourceJobId } : {}),
    ...(model.sourceJobVersion ? { source_job_version: model.sourceJobVersion } : {}),
    ...(model.algorithm ? { model_algorithm: model.algorithm } : {}),
    ...(model.runtime ? { runtime: model.runtime } : {}),
    ...(model.executionCode ? { execution_code: model.executionCode } : {}),
    apis: JSON.stringify(model.apis),
    config: JSON.stringify(model.config ?? {}),
    model_metrics: model.metrics ?? JSON.stringify(model.config?.metrics ?? {}),
    model_docs: model.docs,
    input_params: model.apis.flatMap(api => parameters(api, 'request')),
    output_params: model.apis.flatMap(api => parameters(api, 'response')),
    dependencies: model.dependencies,
    ...(model.health ? { health: model.health } : {}),
    model_labels: [],
    labels_map: {},
    ...(model.errorMessage ? { error_msg: model.errorMessage } : {}),
  };
}

/** The engines, one line per AI engine with index-aligned arrays. */
export function engineRuntimes(engines: readonly EngineLine[]) {
  const names = [...new Set(engines.map(engine => engine.engineName))];
  return names.map(name => {
    const runtimes = engines.filter(engine => engine.engineName === name).map(engine => engine.engineId);
    return {
      ai_engine: name,
      runtimes,
      request_mode: runtimes.map(() => 'sync'),
      accelerators: runtimes.map(runtime =>
        /cuda/.test(runtime)
          ? { type: 'gpu', name: 'nvidia', cuda_version: /cuda_([\d.]+)/.exec(runtime)?.[1] ?? '' }
          : { type: 'none', name: '' },
      ),
      arch: runtimes.map(runtime => (/aarch64/.test(runtime) ? 'aarch64' : 'x86_64')),
      status_list: runtimes.map(() => 'normal'),
      image_source: runtimes.map(() => 'base_image'),
    };
  });
}

/** An event on the wire. */
export function modelEvent(event: ModelEvent) {
  return { occur_time: event.time, event_type: event.type, event_info: event.info };
}

/** The parameters of one side of an API, flattened per url and method. */
function parameters(api: ModelApi, side: 'request' | 'response') {
  const schema = (api[side] as { data?: unknown } | undefined)?.data;
  if (!isObject(schema)) return [];
  const properties = isObject(schema.properties) ? schema.properties : {};
  return Object.entries(properties).map(([name, value]) => {
    const property = isObject(value) ? value : {};
    return {
      url: api.url,
      method: api.method,
      protocol: api.protocol,
      param_name: name,
      param_type: typeof property.type === 'string' ? property.type : 'string',
      ...(typeof property.description === 'string' ? { param_desc: property.description } : {}),
      ...(typeof property.minimum === 'number' ? { min: property.minimum } : {}),
      ...(typeof property.maximum === 'number' ? { max: property.maximum } : {}),
    };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
