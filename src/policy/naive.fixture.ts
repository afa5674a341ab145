import { BlockList, isIPv4, isIPv6 } from 'node:net';

/*
 * A second evaluator for the differential test: slow, obvious, and sharing no code with the real one. It works on the
 * JSON documents as they are written.
 */

export interface RawStatement {
  Effect: string;
  Action: string | string[];
  Resource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}
export interface RawPolicy {
  Version: '1.1';
  Statement: RawStatement[];
}
export interface RawRequest {
  action: string;
  resource?: string;
  context: Record<string, string | number | boolean | (string | number | boolean)[]>;
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
const quote = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Patterns without variables, which always make the same expression. */
const patterns = new Map<string, RegExp>();

/** A pattern as a regular expression; `variables` fills in `${…}`, and null means that one is missing. */
function regex(pattern: string, wild: string, request: RawRequest | null, flags = ''): RegExp | null {
  const key = `${pattern} ${wild} ${flags}`;
  const made = patterns.get(key);
  if (made) return made;
  let source = '';
  for (const piece of pattern.split(/(\$\{[^}]*\}|[*?])/)) {
    if (piece.startsWith('${')) {
      const name = piece.slice(2, -1);
      if (['*', '?', '$'].includes(name)) source += quote(name);
      else {
        const values = lookup(name, request);
        if (values.length !== 1) return null;
        source += quote(String(values[0]));
      }
    } else if (piece === '*' && wild.includes('*')) source += '[\\s\\S]*';
    else if (piece === '?' && wild.includes('?')) source += '[\\s\\S]';
    else source += quote(piece);
  }
  const result = new RegExp(`^${source}$`, flags);
  if (!pattern.includes('${')) patterns.set(key, result);
  return result;
}

function lookup(name: string, request: RawRequest | null): (string | number | boolean)[] {
  const entries = Object.entries(request?.context ?? {});
  const found =
    entries.find(([key]) => key === name) ?? entries.find(([key]) => key.toLowerCase() === name.toLowerCase());
  return found ? list(found[1]) : [];
}

function actionFits(pattern: string, action: string): boolean {
  const wanted = pattern.split(':');
  const given = action.split(':');
  return wanted.every((segment, i) => regex(segment, '*', null, i === 0 ? '' : 'i')?.test(given[i] ?? ''));
}

function resourceFits(pattern: string, request: RawRequest): boolean {
  if (pattern === '*') return true;
  const [service, type] = request.action.split(':');
  const resource = request.resource ?? `${service}:*:*:${type}:*`;
  if (pattern.startsWith('/')) return regex(pattern, '*', request)?.test(resource) ?? false;
  const cut = (text: string) =>
    /^((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):((?:\$\{.*?\}|[^:])*):([\s\S]*)$/.exec(text);
  const wanted = cut(pattern)?.slice(1);
  const given = /^([^:]*):([^:]*):([^:]*):([^:]*):([\s\S]*)$/.exec(resource)?.slice(1);
  if (!wanted || !given) return false;
  return wanted.every((segment, i) => regex(segment, '*', request, i === 3 ? 'i' : '')?.test(given[i] ?? '') ?? false);
}

function time(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
}
const num = (value: unknown) => (typeof value === 'boolean' || value === '' ? Number.NaN : Number(value));

function inNetwork(value: string, network: string): boolean {
  const plain = value.replace(/^::ffff:/, '');
  const [base = '', bits] = network.split('/');
  const kind = isIPv4(base) ? 'ipv4' : 'ipv6';
  if (kind === 'ipv4' ? !isIPv4(plain) : !isIPv6(plain)) return false;
  const block = new BlockList();
  block.addSubnet(base, bits === undefined ? (kind === 'ipv4' ? 32 : 128) : Number(bits), kind);
  return block.check(plain, kind);
}

/** Whether one request value fits one policy value. Null: the policy value cannot be filled in. */
function fits(base: string, value: string | number | boolean, wanted: string, request: RawRequest): boolean | null {
  const word = base.replace('Not', '');
  if (word.startsWith('String')) {
    if (word === 'StringLike' || word === 'StringMatch')
      return regex(wanted, '*?', request)?.test(String(value)) ?? null;
    const exact = regex(wanted, '', request, word === 'StringEqualsIgnoreCase' ? 'i' : '');
    if (!exact) return null;
    if (word === 'StringStartWith') return new RegExp(exact.source.slice(0, -1)).test(String(value));
    if (word === 'StringEndWith') return new RegExp(exact.source.slice(1)).test(String(value));
    return exact.test(String(value));
  }
  if (word === 'Bool') return String(value).toLowerCase() === wanted.toLowerCase();
  if (word === 'IpAddress') return inNetwork(String(value), wanted);
  const read = word.startsWith('Date') ? time : num;
  const [left, right] = [read(value), read(wanted)];
  if (word.endsWith('LessThan')) return left < right;
  if (word.endsWith('LessThanEquals')) return left <= right;
  if (word.endsWith('GreaterThan')) return left > right;
  if (word.endsWith('GreaterThanEquals')) return left >= right;
  return left === right;
}

function conditionHolds(operator: string, key: string, wanted: string[], request: RawRequest): boolean {
  const qualifier = /^(ForAnyValue|ForAllValues):/.exec(operator)?.[1];
  const bare = operator.replace(/^.*:/, '');
  const base = bare.replace(/IfExists$/, '');
  const ifExists = bare !== base;
  const values = lookup(key, request);
  if (values.length === 0) {
    if (ifExists) return true;
    return base === 'Null' ? wanted.includes('true') : qualifier === 'ForAllValues';
  }
  if (base === 'Null') return wanted.includes('false');
  const negated = base.includes('Not');
  const one = (value: string | number | boolean) => {
    const results = wanted.map(each => fits(base, value, each, request));
    return negated ? results.every(result => result === false) : results.includes(true);
  };
  if (qualifier === 'ForAnyValue') return values.some(one);
  if (qualifier === 'ForAllValues' || negated) return values.every(one);
  return values.some(one);
}

function applies(statement: RawStatement, request: RawRequest): boolean {
  if (!list(statement.Action).some(pattern => actionFits(pattern, request.action))) return false;
  if (statement.Resource && !list(statement.Resource).some(pattern => resourceFits(pattern, request))) return false;
  return Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => conditionHolds(operator, key, list(wanted).map(String), request)),
  );
}

/** The reason of the verdict, and `policy/statement` of the first statement that gives it. */
export function naiveDecide(policies: RawPolicy[], request: RawRequest): { reason: string; by?: string } {
  for (const effect of ['deny', 'allow']) {
    for (const [p, policy] of policies.entries()) {
      for (const [s, statement] of policy.Statement.entries()) {
        if (statement.Effect.toLowerCase() !== effect || !applies(statement, request)) continue;
        return { reason: effect === 'deny' ? 'explicit-deny' : 'allow', by: `${p}/${s}` };
      }
    }
  }
  return { reason: 'no-match' };
}
