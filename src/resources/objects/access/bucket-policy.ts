import type { Principal } from '../../../kernel/principal.ts';
import type { ParsedAction } from '../../../policy/action.ts';
import type { Context } from '../../../policy/context.ts';
import { matchGlob } from '../../../policy/glob.ts';
import { childPath, readJsonText } from '../../../policy/json-text.ts';
import { nearest } from '../../../policy/nearest.ts';
import type { Condition } from '../../../policy/operators.ts';
import { PolicyError } from '../../../policy/policy-error.ts';
import { fillGlob, parseTemplate } from '../../../policy/template.ts';
import { obsFailure } from '../failures.ts';
import type { ObsPath } from '../object.ts';
import { ACTION_NAMES, type ActionTest, compilePolicyAction } from './policy-action.ts';
import { CONDITION_KEYS, compileConditions, parseConditions } from './policy-condition.ts';
import {
  isNamed,
  type NamedPrincipal,
  PRINCIPAL_FORM,
  parseAwsPrincipal,
  parseObsPrincipal,
} from './policy-principal.ts';

/** Longest policy of a bucket (OBS and S3: 20 KB). */
export const MAX_POLICY_BYTES = 20 * 1024;
const MAX_DEPTH = 10;
const VERSIONS = ['2008-10-17', '2012-10-17', '1.1'];
const ELEMENTS = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource'];
const PRINCIPAL_FORMS = ['ID', 'AWS', 'CanonicalUser'];

/** One question to a policy. */
export interface PolicyQuestion {
  principal: Principal;
  action: ParsedAction;
  path: ObsPath;
  context: Context;
}

/** What a policy says: of a refusal, the statement that gives it (from 0). */
export type PolicyAnswer = { effect: 'allow' | 'none' } | { effect: 'deny'; statement: number };

/** A bucket's policy, ready to decide with. */
export interface BucketPolicy {
  decide(question: PolicyQuestion): PolicyAnswer;
  /** Whether it allows something to everybody, from everywhere (S3's policy status). */
  isPublic: boolean;
}

interface Statement {
  effect: 'Allow' | 'Deny';
  /** Whom it is about, or whom not. */
  principals: readonly NamedPrincipal[];
  exceptPrincipals: boolean;
  actions: readonly ActionTest[];
  exceptActions: boolean;
  resources: readonly ResourceTest[];
  exceptResources: boolean;
  conditions: readonly Condition[];
}

type ResourceTest = (path: ObsPath, context: Context) => boolean;
type Members = Record<string, unknown>;

/**
 * Reads the policy of a bucket, in the form of OBS or of S3. Throws Failure MalformedPolicy, naming the place.
 */
export function parseBucketPolicy(text: string, bucket: string, owner: string): BucketPolicy {
  try {
    return compile(readText(text, bucket), owner);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw obsFailure('MalformedPolicy', error.message);
  }
}

/** What is wrong with the policy of a bucket, and where; undefined where nothing is. Needs no platform: the console asks it, too. */
export function bucketPolicyFault(
  text: string,
  bucket: string,
): { path: string; problem: string; allowed: string } | undefined {
  try {
    readText(text, bucket);
    return undefined;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { path, problem, allowed } = error;
    return { path, problem, allowed };
  }
}

/** What may stand at places of a bucket's policy. */
export const POLICY_WORDS = {
  root: ['Version', 'Id', 'Statement'],
  statement: [...ELEMENTS, 'Condition'],
  principal: PRINCIPAL_FORMS,
  versions: VERSIONS,
  actions: ACTION_NAMES,
  conditionKeys: CONDITION_KEYS,
} as const;

function readText(text: string, bucket: string): Statement[] {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_POLICY_BYTES) {
    throw new PolicyError('$', `the policy has ${bytes} bytes; the limit is ${MAX_POLICY_BYTES}`, 'a shorter one');
  }
  return readStatements(readJsonText(text, MAX_DEPTH), bucket);
}

function readStatements(document: unknown, bucket: string): Statement[] {
  const root = members('$', document, POLICY_WORDS.root);
  if (root.Version !== undefined && !VERSIONS.includes(root.Version as string)) {
    throw new PolicyError('$.Version', 'there is no such version', `none, or one of ${VERSIONS.join(', ')}`);
  }
  const list = Array.isArray(root.Statement) ? root.Statement : [root.Statement];
  if (root.Statement === undefined || list.length === 0) {
    throw new PolicyError('$.Statement', 'there is none', 'a list of at least one statement');
  }
  return list.map((item, i) => readStatement(childPath('$.Statement', i), item, bucket));
}

function readStatement(path: string, item: unknown, bucket: string): Statement {
  const found = members(path, item, POLICY_WORDS.statement);
  if (found.Effect !== 'Allow' && found.Effect !== 'Deny') {
    throw new PolicyError(`${path}.Effect`, 'it is missing or neither of the two', '"Allow" or "Deny"');
  }
  const principal = oneOf(path, found, 'Principal');
  const action = oneOf(path, found, 'Action');
  const resource = oneOf(path, found, 'Resource');
  return {
    effect: found.Effect,
    principals: readPrincipals(principal.path, principal.value),
    exceptPrincipals: principal.except,
    actions: texts(action.path, action.value).map(([at, text]) => readAction(at, text)),
    exceptActions: action.except,
    resources: texts(resource.path, resource.value).map(([at, text]) => readResource(at, text, bucket)),
    exceptResources: resource.except,
    conditions: found.Condition === undefined ? [] : parseConditions(`${path}.Condition`, found.Condition),
  };
}

/** An element or its negation: exactly one of the two is there. */
function oneOf(path: string, found: Members, name: string): { path: string; value: unknown; except: boolean } {
  const plain = found[name];
  const negated = found[`Not${name}`];
  if ((plain === undefined) === (negated === undefined)) {
    const problem = plain === undefined ? 'it is missing' : `Not${name} is given too`;
    throw new PolicyError(`${path}.${name}`, problem, `one of ${name} and Not${name}`);
  }
  const except = plain === undefined;
  return { path: `${path}.${except ? 'Not' : ''}${name}`, value: except ? negated : plain, except };
}

function readPrincipals(path: string, value: unknown): NamedPrincipal[] {
  if (value === '*') return [{ who: 'anyone' }];
  const found = Object.entries(members(path, value, PRINCIPAL_FORMS));
  if (found.length === 0) throw new PolicyError(path, 'it names nobody', PRINCIPAL_FORM);
  return found.flatMap(([form, given]) =>
    texts(`${path}.${form}`, given).map(([at, text]) => {
      const named = form === 'ID' ? parseObsPrincipal(text) : parseAwsPrincipal(text);
      if (!named) throw new PolicyError(at, `${quoted(text)} names nobody`, PRINCIPAL_FORM);
      return named;
    }),
  );
}

function readAction(path: string, text: string): ActionTest {
  const compiled = compilePolicyAction(text);
  if (compiled) return compiled;
  const close = nearest(text.replace(/^.*:/, ''), ACTION_NAMES);
  const hint = close === undefined ? '' : `; the nearest is ${close}`;
  throw new PolicyError(
    path,
    `${quoted(text)} is no action${hint}`,
    '"*", "GetObject", "obs:object:Get*", "s3:GetObject"',
  );
}

const RESOURCE_PREFIX = /^(?:arn:[a-z-]+:(?:s3|obs):[^:]*:[^:]*:|obs:[^:]*:[^:]*:(?:bucket|object):)/;

/** `bucket` or `bucket/keys*`, bare (OBS) or as an ARN; `*` stands for any text and `?` for one character. */
function readResource(path: string, text: string, bucket: string): ResourceTest {
  const bare = text.replace(RESOURCE_PREFIX, '');
  if (bare === bucket) return place => place.key === '';
  if (!bare.startsWith(`${bucket}/`)) {
    throw new PolicyError(path, `${quoted(text)} is not in the bucket`, `"${bucket}" or "${bucket}/<keys>"`);
  }
  const parts = parseTemplate(bare.slice(bucket.length + 1));
  if (typeof parts === 'string')
    throw new PolicyError(path, parts, 'a variable of the form ${'.concat('aws:username}'));
  return (place, context) => {
    const glob = place.key === '' ? undefined : fillGlob(parts, context, { one: true });
    return glob !== undefined && matchGlob(glob, place.key);
  };
}

function compile(statements: readonly Statement[], owner: string): BucketPolicy {
  const compiled = statements.map(statement => {
    const holds = compileConditions(statement.conditions);
    return {
      effect: statement.effect,
      applies({ principal, action, path, context }: PolicyQuestion): boolean {
        if (statement.principals.some(named => counts(named, principal)) === statement.exceptPrincipals) return false;
        if (statement.actions.some(covers => covers(action)) === statement.exceptActions) return false;
        const target = action.resourceType === 'object' ? path : { bucket: path.bucket, key: '' };
        if (statement.resources.some(covers => covers(target, context)) === statement.exceptResources) return false;
        return holds(context);
      },
    };

    // To name one's own account allows its root alone: for its users, IAM decides (as in S3).
    function counts(named: NamedPrincipal, principal: Principal): boolean {
      if (!isNamed(named, principal)) return false;
      if (statement.exceptPrincipals) return true;
      const ownAccount = named.who === 'account' && named.account === owner;
      return !ownAccount || statement.effect === 'Deny' || principal.kind === 'root';
    }
  });
  return {
    isPublic: statements.some(isOpen),
    decide(question) {
      let allowed = false;
      for (const [statement, { effect, applies }] of compiled.entries()) {
        if ((effect === 'Allow' && allowed) || !applies(question)) continue;
        if (effect === 'Deny') return { effect: 'deny', statement };
        allowed = true;
      }
      return { effect: allowed ? 'allow' : 'none' };
    },
  };
}

/** Allows anyone, or all but some, and no condition keeps it to some addresses. */
function isOpen({ effect, principals, exceptPrincipals, conditions }: Statement): boolean {
  const anyone = principals.some(named => named.who === 'anyone');
  if (effect !== 'Allow' || anyone === exceptPrincipals) return false;
  const narrow = (value: string) => !/\/0*$/.test(value);
  return !conditions.some(
    ({ key, base, qualifier, values }) =>
      (key === 'SourceIp' && base === 'IpAddress' && qualifier === undefined && values.every(narrow)) ||
      (key === 'PrincipalAccount' && base === 'StringEquals'),
  );
}

function members(path: string, value: unknown, allowed: readonly string[]): Members {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new PolicyError(path, 'it is not an object', `an object with ${allowed.join(', ')}`);
  }
  for (const name of Object.keys(value)) {
    if (!allowed.includes(name))
      throw new PolicyError(childPath(path, name), 'there is no such element', allowed.join(', '));
  }
  return value as Members;
}

/** A text or a list of texts, each with its place. */
function texts(path: string, value: unknown): [path: string, text: string][] {
  if (typeof value === 'string' && value !== '') return [[path, value]];
  if (!Array.isArray(value) || value.length === 0)
    throw new PolicyError(path, 'it is no text', 'a text, or a list of texts');
  return value.map((item, i) => {
    const at = childPath(path, i);
    if (typeof item !== 'string' || item === '') throw new PolicyError(at, 'it is no text', 'a text');
    return [at, item];
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
