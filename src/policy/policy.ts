import { MAX_ACTION } from './action.ts';
import { keyWarning } from './condition-keys.ts';
import { childPath, readJsonText } from './json-text.ts';
import { actionWarning, type KnownActions } from './known-actions.ts';
import { nearest } from './nearest.ts';
import { type Condition, checkConditionValue, operatorNames, parseOperator } from './operators.ts';
import { PolicyError } from './policy-error.ts';
import { splitResource } from './resource.ts';
import { parseTemplate } from './template.ts';

/** One statement: what it says about which actions on which resources, under which conditions. */
export interface Statement {
  effect: 'Allow' | 'Deny';
  /** `service:resourceType:action` patterns, as written. */
  actions: string[];
  /** Resource patterns; absent means all resources. */
  resources?: string[];
  /** All of them must hold. */
  conditions: Condition[];
}

/** A policy document that was read and found valid. */
export interface Policy {
  version: '1.0' | '1.1';
  statements: Statement[];
}

/** Something legal that is probably a mistake. A document gets 20 of them at most. */
export interface PolicyWarning {
  /** JSON path of the element. */
  path: string;
  message: string;
}

/** Limits of a document. Sizes are characters of the JSON text. */
export interface PolicyLimits {
  characters: number;
  statements: number;
}

/** Limits of custom policies in IAM. */
export const customPolicyLimits: PolicyLimits = { characters: 6144, statements: 8 };

export interface ParseOptions {
  /** `system` also admits version 1.0, `Depends`, and documents of any size. Default `custom`. */
  kind?: 'custom' | 'system';
  limits?: PolicyLimits;
  /** Actions that exist; others give a warning with the nearest of these. */
  knownActions?: KnownActions;
}

const MAX_DEPTH = 16;
const MAX_WARNINGS = 20;
const SEGMENT = /^[A-Za-z0-9_.*-]+$/;
const SERVICE = /^[a-z0-9*-]+$/;
const CONDITION_KEY = /^[A-Za-z][\w-]*:[\w./:@+=-]+$/;
const ACTION_FORM = '"service:resourceType:action" with * for all or part of a segment, e.g. "modelarts:notebook:*"';
const RESOURCE_FORM =
  '"*", "service:region:account:type:path" with * as wildcard, e.g. "obs:*:*:object:my-bucket/*", or {"uri": [...]}';

const VARIABLE_FORM = `a variable such as ${'$'}{g:UserName}`;

type Members = Record<string, unknown>;

class Reader {
  readonly warnings: PolicyWarning[] = [];
  readonly options: ParseOptions;

  constructor(options: ParseOptions) {
    this.options = options;
  }

  /** Finding the nearest name takes time, so a hostile document must not ask for it without end. */
  warn(path: string, message: () => string | undefined): void {
    const text = this.warnings.length < MAX_WARNINGS ? message() : undefined;
    if (text !== undefined) this.warnings.push({ path, message: text });
  }

  policy(document: unknown): Policy {
    const system = this.options.kind === 'system';
    const root = members('$', document, system ? ['Version', 'Statement', 'Depends'] : ['Version', 'Statement']);
    const version = this.version(root.Version);
    const list = root.Statement;
    if (!Array.isArray(list) || list.length === 0) {
      throw new PolicyError('$.Statement', describe(list), 'a list of at least one statement');
    }
    const limit =
      this.options.limits?.statements ?? (system ? Number.POSITIVE_INFINITY : customPolicyLimits.statements);
    if (list.length > limit) {
      throw new PolicyError('$.Statement', `there are ${list.length} statements`, `at most ${limit}; split the policy`);
    }
    return { version, statements: list.map((item, i) => this.statement(childPath('$.Statement', i), item)) };
  }

  version(version: unknown): Policy['version'] {
    if (version === '1.1') return version;
    if (version === '1.0') {
      if (this.options.kind === 'system') return version;
      throw new PolicyError(
        '$.Version',
        'version 1.0 is that of roles, which the system alone defines and ModelArts does not support',
        '"1.1" (policy-based access control)',
      );
    }
    throw new PolicyError('$.Version', describe(version), '"1.1" (policy-based access control)');
  }

  statement(path: string, item: unknown): Statement {
    const found = members(path, item, ['Effect', 'Action', 'Resource', 'Condition']);
    const effect = effectOf(`${path}.Effect`, found.Effect);
    const actions = texts(`${path}.Action`, found.Action, ACTION_FORM);
    for (const [i, action] of actions.entries()) this.action(childPath(`${path}.Action`, i), action);
    const resources = found.Resource === undefined ? undefined : this.resources(`${path}.Resource`, found.Resource);
    if (resources) this.resourcesFitActions(`${path}.Resource`, resources, actions);
    const conditions = found.Condition === undefined ? [] : this.conditions(`${path}.Condition`, found.Condition);
    return { effect, actions, ...(resources ? { resources } : {}), conditions };
  }

  action(path: string, action: string): void {
    const fail = (problem: string): never => {
      throw new PolicyError(path, `${JSON.stringify(clip(action))} ${problem}`, ACTION_FORM);
    };
    if (action.length > MAX_ACTION) fail(`is longer than ${MAX_ACTION} characters`);
    if (action.includes('>')) fail('contains ">", as text copied from a PDF does; write ":" in its place');
    const segments = action.split(':');
    if (segments.length !== 3) fail(`has ${segments.length} segments instead of 3`);
    if (!SERVICE.test(segments[0] ?? '')) {
      fail(`names a service that is not written in lower case: ${JSON.stringify(clip(segments[0] ?? ''))}`);
    }
    if (!segments.every(segment => SEGMENT.test(segment))) {
      fail('has an empty segment, or one with other characters than letters, digits, "_", "-", "." and "*"');
    }
    const { knownActions } = this.options;
    this.warn(path, () => knownActions && actionWarning(action, knownActions));
  }

  resources(path: string, value: unknown): string[] {
    let at = path;
    let list = value;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      at = `${path}.uri`;
      list = members(path, value, ['uri']).uri;
    }
    const resources = texts(at, list, RESOURCE_FORM);
    for (const [i, resource] of resources.entries()) this.resource(childPath(at, i), resource);
    return resources;
  }

  resource(path: string, resource: string): void {
    const problem = parseTemplate(resource);
    if (typeof problem === 'string') throw new PolicyError(path, problem, VARIABLE_FORM);
    this.variables(path, resource);
    if (resource === '*' || resource.startsWith('/')) return;
    const segments = splitResource(resource);
    const [service = '', region, account, type, name] = segments ?? [];
    if (!segments || type === '' || !SERVICE.test(service)) {
      throw new PolicyError(path, `${JSON.stringify(clip(resource))} is not a resource`, RESOURCE_FORM);
    }
    if (service === 'modelarts' && (region !== '*' || account !== '*' || name !== '*')) {
      throw new PolicyError(
        path,
        'ModelArts authorization does not allow naming single resources; an action applies to all of its type',
        '"*", or "modelarts:*:*:<type>:*"; leave Resource out for all resources',
      );
    }
  }

  /** Warns of variables that no request can fill in; the text is a valid template. */
  variables(path: string, text: string): void {
    const parts = parseTemplate(text);
    if (typeof parts === 'string') return;
    for (const part of parts) {
      if ('variable' in part) this.warn(path, () => keyWarning(part.variable));
    }
  }

  /** A Resource of another service than every Action makes the statement say nothing. */
  resourcesFitActions(path: string, resources: readonly string[], actions: readonly string[]): void {
    const services = new Set(actions.map(action => action.split(':')[0] ?? ''));
    if ([...services].some(service => service.includes('*'))) return;
    for (const [i, resource] of resources.entries()) {
      if (resource === '*' || resource.startsWith('/')) continue;
      const service = resource.split(':')[0] ?? '';
      if (service.includes('*') || services.has(service)) continue;
      this.warn(
        childPath(path, i),
        () => `no action of this statement belongs to ${service}, so this resource never applies`,
      );
    }
  }

  conditions(path: string, value: unknown): Condition[] {
    const conditions: Condition[] = [];
    for (const [operator, block] of Object.entries(members(path, value))) {
      const at = childPath(path, operator);
      const parsed = parseOperator(operator);
      if (!parsed) throw unknownOperator(at, operator);
      const keys = Object.entries(members(at, block));
      if (keys.length === 0) throw new PolicyError(at, 'it names no condition key', '{"key": ["value"]}');
      for (const [key, values] of keys) {
        conditions.push({
          operator,
          ...parsed,
          key,
          values: this.conditionValues(childPath(at, key), key, parsed.base, values),
        });
      }
      if (parsed.qualifier === 'ForAllValues' && !parsed.ifExists) {
        this.warn(
          at,
          () => 'ForAllValues also holds when the request lacks the key; add "Null": {key: "false"} to require it',
        );
      }
    }
    return conditions;
  }

  conditionValues(path: string, key: string, base: string, value: unknown): string[] {
    if (!CONDITION_KEY.test(key)) {
      throw new PolicyError(path, `${JSON.stringify(clip(key))} is not a condition key`, '"g:Name" or "service:name"');
    }
    this.warn(path, () => keyWarning(key));
    const list = Array.isArray(value) ? value : [value];
    if (list.length === 0) throw new PolicyError(path, 'the list is empty', 'at least one value');
    return list.map((item, i) => {
      const at = Array.isArray(value) ? childPath(path, i) : path;
      if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') {
        throw new PolicyError(at, describe(item), 'a string, a number, true or false');
      }
      const problem = checkConditionValue(base, String(item));
      if (problem !== undefined) throw new PolicyError(at, problem, `a value that ${base} can compare`);
      if (base.startsWith('String')) this.variables(at, String(item));
      return String(item);
    });
  }
}

/**
 * Reads a policy document of grammar 1.1 (behaviour/permissions.md 2) from JSON text or from a parsed value. Text is
 * better: only there can members given twice be seen. Throws PolicyError naming the JSON path.
 */
export function parsePolicy(json: unknown, options: ParseOptions = {}): { policy: Policy; warnings: PolicyWarning[] } {
  const unlimited = options.kind === 'system' && options.limits === undefined;
  const limit = unlimited ? Number.POSITIVE_INFINITY : (options.limits ?? customPolicyLimits).characters;
  if (typeof json === 'string') checkSize(json.length, limit);
  const document = typeof json === 'string' ? readJsonText(json, MAX_DEPTH) : json;
  if (typeof json !== 'string') {
    checkDepth('$', document, 1);
    checkSize(JSON.stringify(document)?.length ?? 0, limit);
  }
  const reader = new Reader(options);
  return { policy: reader.policy(document), warnings: reader.warnings };
}

function checkSize(characters: number, limit: number): void {
  if (characters <= limit) return;
  throw new PolicyError('$', `the document has ${characters} characters`, `at most ${limit} characters`);
}

function checkDepth(path: string, value: unknown, depth: number): void {
  if (value === null || typeof value !== 'object') return;
  if (depth > MAX_DEPTH) throw new PolicyError(path, `it is nested deeper than ${MAX_DEPTH} levels`, 'less nesting');
  for (const [name, child] of Object.entries(value)) {
    checkDepth(childPath(path, Array.isArray(value) ? Number(name) : name), child, depth + 1);
  }
}

function members(path: string, value: unknown, allowed?: readonly string[]): Members {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolicyError(path, describe(value), 'an object');
  }
  if (!allowed) return value as Members;
  for (const name of Object.keys(value)) {
    if (allowed.includes(name)) continue;
    const close = nearest(name, allowed);
    const hint = close === undefined ? '' : `; did you mean ${close}?`;
    throw new PolicyError(childPath(path, name), `there is no such element${hint}`, allowed.join(', '));
  }
  return value as Members;
}

function texts(path: string, value: unknown, form: string): string[] {
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || list.length === 0) throw new PolicyError(path, describe(value), `one or more of ${form}`);
  for (const [i, item] of list.entries()) {
    if (typeof item !== 'string' || item === '') throw new PolicyError(childPath(path, i), describe(item), form);
  }
  return [...list];
}

function effectOf(path: string, value: unknown): 'Allow' | 'Deny' {
  const effect = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (effect === 'allow') return 'Allow';
  if (effect === 'deny') return 'Deny';
  throw new PolicyError(path, describe(value), '"Allow" or "Deny"');
}

function unknownOperator(path: string, operator: string): PolicyError {
  const bare = operator.replace(/^For(Any|All)Values?:/i, '').replace(/IfExists$/i, '');
  const close = nearest(bare, operatorNames);
  return new PolicyError(
    path,
    `there is no operator ${JSON.stringify(clip(operator))}${close === undefined ? '' : `; the nearest is ${close}`}`,
    `${operatorNames.join(', ')}, each also with the suffix IfExists and (but for Null) the prefix ForAnyValue: or ForAllValues:`,
  );
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function describe(value: unknown): string {
  if (value === undefined) return 'it is missing';
  if (Array.isArray(value)) return value.length === 0 ? 'the list is empty' : 'it is a list';
  if (value !== null && typeof value === 'object') return 'it is an object';
  return `it is ${clip(JSON.stringify(value) ?? String(value))}`;
}
