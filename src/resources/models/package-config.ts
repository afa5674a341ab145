import { errorText } from '../../kernel/failure.ts';

/** One declared API of a model (config.json `apis[]`), with the defaults filled in. */
export interface ModelApi {
  url: string;
  /** Lower case. */
  method: string;
  protocol: string;
  request?: unknown;
  response?: unknown;
}

export interface PackageDependency {
  installer: string;
  packages: { package_name: string; package_version?: string; restraint?: string }[];
}

/** config.json after the checks. Unknown keys stay in `raw`. */
export interface PackageConfig {
  modelAlgorithm: string;
  modelType: string;
  runtime?: string;
  apis: ModelApi[];
  dependencies: PackageDependency[];
  health?: Record<string, unknown>;
  metrics?: Record<string, unknown>;
  raw: Record<string, unknown>;
}

/** What is wrong with a config.json; `kind` decides between ModelArts.3015 and 3016. */
export class ConfigProblem extends Error {
  readonly key: string;
  readonly kind: 'nonconforming' | 'unsupported';

  constructor(key: string, kind: 'nonconforming' | 'unsupported', message: string) {
    super(message);
    this.name = 'ConfigProblem';
    this.key = key;
    this.kind = kind;
  }
}

/** Values of `model_type` (behaviour/inference.md 1). */
export const MODEL_TYPES = [
  'TensorFlow',
  'PyTorch',
  'MindSpore',
  'Image',
  'Custom',
  'XGBoost',
  'Scikit_Learn',
  'Spark_MLlib',
  'Caffe',
  'MXNet',
  'Template',
] as const;

export const DEFAULT_APIS: readonly ModelApi[] = [{ url: '/', method: 'post', protocol: 'http' }];

const LONGEST_CONFIG = 1024 * 1024;
const METHODS = ['get', 'post', 'put', 'delete', 'patch', 'head', 'options'];
const RESTRAINTS = ['EXACT', 'ATLEAST', 'ATMOST'];
const BAD_CHARACTERS = /[&!'"<>=]/;

/**
 * Reads and checks the text of a config.json (behaviour/inference.md 1). Unknown keys are tolerated everywhere, because the
 * documented examples themselves misspell some. Throws ConfigProblem naming the key.
 */
export function parsePackageConfig(text: string): PackageConfig {
  if (text.length > LONGEST_CONFIG) {
    throw new ConfigProblem('config.json', 'nonconforming', 'config.json is larger than the limit of 1 MiB.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new ConfigProblem('config.json', 'nonconforming', `config.json is not valid JSON: ${errorText(error)}.`);
  }
  if (!isObject(value)) {
    throw new ConfigProblem('config.json', 'nonconforming', 'config.json must hold one JSON object.');
  }
  const modelType = modelTypeOf(value.model_type);
  return {
    modelAlgorithm: algorithmOf(value.model_algorithm),
    modelType,
    ...optional('runtime', text_(value.runtime, 'runtime')),
    apis: apisOf(value.apis, modelType),
    dependencies: dependenciesOf(value.dependencies),
    ...optional('health', object(value.health, 'health')),
    ...optional('metrics', object(value.metrics, 'metrics')),
    raw: checkedImage(value, modelType),
  };
}

function algorithmOf(value: unknown): string {
  const name = required(value, 'model_algorithm');
  if (!/^[A-Za-z]/.test(name) || name.length > 36 || BAD_CHARACTERS.test(name)) {
    throw new ConfigProblem(
      'model_algorithm',
      'unsupported',
      `config.json: [model_algorithm] must start with a letter, have at most 36 characters and none of & ! ' " < > =; it is "${name.slice(0, 60)}".`,
    );
  }
  return name;
}

function modelTypeOf(value: unknown): string {
  const type = required(value, 'model_type');
  if (!(MODEL_TYPES as readonly string[]).includes(type)) {
    throw new ConfigProblem(
      'model_type',
      'unsupported',
      `config.json: [model_type] "${type.slice(0, 60)}" is not one of ${MODEL_TYPES.join(', ')}.`,
    );
  }
  return type;
}

function checkedImage(config: Record<string, unknown>, modelType: string): Record<string, unknown> {
  const location = text_(config.swr_location, 'swr_location');
  if (location && modelType !== 'Image') {
    throw new ConfigProblem(
      'swr_location',
      'unsupported',
      `config.json: [swr_location] is only allowed with model_type Image; model_type is ${modelType}.`,
    );
  }
  return config;
}

function apisOf(value: unknown, modelType: string): ModelApi[] {
  if (value === undefined || value === null) return [...DEFAULT_APIS];
  const list = array(value, 'apis');
  if (list.length === 0) return [...DEFAULT_APIS];
  return list.map((entry, index) => {
    const key = `apis[${index}]`;
    if (!isObject(entry)) throw wrongType(key, 'an object');
    const url = text_(entry.url, `${key}.url`) || '/';
    const method = (text_(entry.method, `${key}.method`) || 'post').toLowerCase();
    const protocol = (text_(entry.protocol, `${key}.protocol`) || 'http').toLowerCase();
    if (!METHODS.includes(method)) {
      throw new ConfigProblem(
        `${key}.method`,
        'unsupported',
        `config.json: [${key}.method] "${method.slice(0, 20)}" is not one of ${METHODS.join(', ')}.`,
      );
    }
    if (!url.startsWith('/')) {
      throw new ConfigProblem(
        `${key}.url`,
        'unsupported',
        `config.json: [${key}.url] must start with "/"; it is "${url.slice(0, 100)}".`,
      );
    }
    if (url !== '/' && modelType !== 'Image' && modelType !== 'Custom') {
      throw new ConfigProblem(
        `${key}.url`,
        'unsupported',
        `config.json: [${key}.url] is "${url.slice(0, 100)}"; preset engines serve "/" alone.`,
      );
    }
    return {
      url,
      method,
      protocol,
      ...optional('request', object(entry.request, `${key}.request`)),
      ...optional('response', object(entry.response, `${key}.response`)),
    };
  });
}

function dependenciesOf(value: unknown): PackageDependency[] {
  if (value === undefined || value === null) return [];
  return array(value, 'dependencies').map((entry, index) => {
    const key = `dependencies[${index}]`;
    if (!isObject(entry)) throw wrongType(key, 'an object');
    const installer = text_(entry.installer, `${key}.installer`) || 'pip';
    if (installer !== 'pip') {
      throw new ConfigProblem(
        `${key}.installer`,
        'unsupported',
        `config.json: [${key}.installer] must be pip; it is "${installer.slice(0, 40)}".`,
      );
    }
    const packages = array(entry.packages ?? [], `${key}.packages`).map((item, at) =>
      dependencyPackage(item, `${key}.packages[${at}]`),
    );
    return { installer, packages };
  });
}

function dependencyPackage(item: unknown, key: string): PackageDependency['packages'][number] {
  if (!isObject(item)) throw wrongType(key, 'an object');
  const name = text_(item.package_name, `${key}.package_name`);
  if (!name) {
    throw new ConfigProblem(`${key}.package_name`, 'nonconforming', `config.json: [${key}.package_name] is required.`);
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9,._-]+\])?$/.test(name)) {
    throw new ConfigProblem(
      `${key}.package_name`,
      'unsupported',
      `config.json: [${key}.package_name] "${name.slice(0, 60)}" is not the name of a Python package.`,
    );
  }
  const version = text_(item.package_version, `${key}.package_version`);
  const restraint = text_(item.restraint, `${key}.restraint`);
  if (restraint && !RESTRAINTS.includes(restraint)) {
    throw new ConfigProblem(
      `${key}.restraint`,
      'unsupported',
      `config.json: [${key}.restraint] "${restraint.slice(0, 20)}" is not one of ${RESTRAINTS.join(', ')}.`,
    );
  }
  if (Boolean(version) !== Boolean(restraint)) {
    throw new ConfigProblem(
      `${key}.restraint`,
      'nonconforming',
      `config.json: [${key}] needs both package_version and restraint, or neither.`,
    );
  }
  return { package_name: name, ...optional('package_version', version), ...optional('restraint', restraint) };
}

function required(value: unknown, key: string): string {
  const text = text_(value, key);
  if (!text) throw new ConfigProblem(key, 'nonconforming', `config.json: the key [${key}] is required.`);
  return text;
}

function text_(value: unknown, key: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw wrongType(key, 'a string');
  return value;
}

function object(value: unknown, key: string): Record<string, unknown> | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (!isObject(value)) throw wrongType(key, 'an object');
  return value;
}

function array(value: unknown, key: string): unknown[] {
  if (!Array.isArray(value)) throw wrongType(key, 'an array');
  return value;
}

function wrongType(key: string, wanted: string): ConfigProblem {
  return new ConfigProblem(key, 'unsupported', `config.json: [${key}] must be ${wanted}.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}
