import { invalid } from './iam.failures.ts';

/** One rule: what holds of the claims (`remote`), and who somebody is here for whom it does (`local`). */
export interface MappingRule {
  local: readonly Local[];
  remote: readonly Remote[];
}

interface Local {
  user?: { name: string };
  group?: { name: string };
  /** Placeholder of a claim whose values are names of groups. */
  groups?: string;
}

interface Remote {
  /** Name of a claim; dots lead into nested ones. */
  type: string;
  any_one_of?: readonly string[];
  not_any_of?: readonly string[];
  /** The values are patterns, see `compilePattern`. */
  regex?: boolean;
}

/** Who somebody is here: a name, and names of groups. */
export interface Mapped {
  name: string;
  groups: string[];
}

const LIMIT = { rules: 64, bytes: 32 * 1024, entries: 32, values: 256, pattern: 256, claim: 1024, claimValues: 1000 };

/**
 * Checks the rules of a mapping. Throws Failure 400 IAM.0011, naming the place by its JSON path.
 */
export function parseRules(rules: unknown): MappingRule[] {
  const all = list(rules, 'rules', LIMIT.rules);
  if (Buffer.byteLength(JSON.stringify(rules)) > LIMIT.bytes) {
    throw invalid(`Field [mapping.rules] should have at most ${LIMIT.bytes} bytes.`);
  }
  return all.map((rule, at) => {
    const path = `rules[${at}]`;
    const { local, remote } = members(rule, path, ['local', 'remote']);
    const remotes = list(remote, `${path}.remote`, LIMIT.entries).map((entry, index) =>
      parseRemote(entry, `${path}.remote[${index}]`),
    );
    const locals = list(local, `${path}.local`, LIMIT.entries).map((entry, index) =>
      parseLocal(entry, `${path}.local[${index}]`, remotes.length),
    );
    return { local: locals, remote: remotes };
  });
}

/**
 * Who the claims make somebody: the name of the first rule that fits and gives one, the groups of all that fit. Undefined when no rule
 * fits, or none of those gives a name. The rules must have passed `parseRules`.
 */
export function applyMapping(
  rules: readonly MappingRule[],
  claims: Readonly<Record<string, unknown>>,
): Mapped | undefined {
  let name: string | undefined;
  const groups = new Set<string>();
  for (const { local, remote } of rules) {
    const values = remote.map(entry => valuesOf(claims, entry.type));
    if (!remote.every((entry, at) => fits(entry, values[at]!))) continue;
    for (const entry of local) {
      if (entry.user) name ??= expand(entry.user.name, values)[0];
      for (const template of [entry.group?.name, entry.groups]) {
        if (template !== undefined) for (const group of expand(template, values)) groups.add(group);
      }
    }
  }
  return name === undefined ? undefined : { name, groups: [...groups] };
}

function fits(entry: Remote, values: readonly string[]): boolean {
  if (values.length === 0) return false;
  const { any_one_of: wanted, not_any_of: unwanted } = entry;
  const isOneOf = (listed: readonly string[]) => {
    const tests = listed.map(item => (entry.regex ? compilePattern(item) : (value: string) => value === item));
    return values.some(value => tests.some(matches => matches(value)));
  };
  if (wanted && !isOneOf(wanted)) return false;
  return !(unwanted && isOneOf(unwanted));
}

/** The values of a claim as texts: numbers and booleans are written out; what is too long, or of another kind, is none. */
function valuesOf(claims: Readonly<Record<string, unknown>>, type: string): string[] {
  const found = Object.hasOwn(claims, type) ? claims[type] : nested(claims, type.split('.'));
  const texts = (Array.isArray(found) ? found.slice(0, LIMIT.claimValues) : [found])
    .filter(value => ['string', 'number', 'boolean'].includes(typeof value))
    .map(String);
  return texts.filter(text => text !== '' && text.length <= LIMIT.claim);
}

function nested(value: unknown, steps: readonly string[]): unknown {
  let found = value;
  for (const step of steps) {
    if (found === null || typeof found !== 'object' || Array.isArray(found) || !Object.hasOwn(found, step)) {
      return undefined;
    }
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

/** The template with its placeholders filled in; one text for each value of the one that has several. */
function expand(template: string, values: readonly (readonly string[])[]): string[] {
  const many = [...template.matchAll(PLACEHOLDER)].map(match => Number(match[1])).find(at => values[at]!.length > 1);
  const count = many === undefined ? 1 : values[many]!.length;
  return Array.from({ length: count }, (_, index) =>
    template.replace(PLACEHOLDER, (_text, at: string) => values[Number(at)]![Number(at) === many ? index : 0]!),
  );
}

const PLACEHOLDER = /\{(\d{1,2})\}/g;

/**
 * A test of texts by a pattern: plain characters, `.`, `[…]`, `\d \w \s`, `\` before anything else, each with `*`, `+` or `?` behind
 * it, and `^` and `$` at the ends; it is found anywhere unless they are there. There are no parentheses, `|` or `{}`: `any_one_of` is
 * a list already, and a pattern without them is matched in time proportional to its length and the text's, whatever either is.
 * Throws SyntaxError.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  const atoms: { matches: (character: string) => boolean; optional: boolean; repeats: boolean }[] = [];
  let rest = pattern;
  const fromStart = rest.startsWith('^');
  if (fromStart) rest = rest.slice(1);
  let toEnd = false;
  while (rest !== '') {
    if (rest === '$') {
      toEnd = true;
      break;
    }
    const found = /^(\\.|\[\^?(?:\\.|[^\]\\[])+\]|[^()|{}*+?^$[\]\\])([*+?]?)/su.exec(rest);
    if (!found) throw new SyntaxError(`cannot be used from ${JSON.stringify(rest.slice(0, 16))} on`);
    const [whole, atom, quantifier] = found as unknown as [string, string, string];
    atoms.push({
      matches: atomTest(atom),
      optional: quantifier === '*' || quantifier === '?',
      repeats: quantifier === '*' || quantifier === '+',
    });
    rest = rest.slice(whole.length);
  }
  return text => {
    // All places in the pattern that the text read so far can have led to.
    let places = reach(new Set([0]));
    if (!toEnd && places.has(atoms.length)) return true;
    for (const character of text) {
      const next = new Set<number>(fromStart ? [] : [0]);
      for (const place of places) {
        const atom = atoms[place];
        if (!atom?.matches(character)) continue;
        next.add(place + 1);
        if (atom.repeats) next.add(place);
      }
      places = reach(next);
      if (!toEnd && places.has(atoms.length)) return true;
    }
    return places.has(atoms.length);
  };

  function reach(places: Set<number>): Set<number> {
    // A set is walked over what is added meanwhile, too. After one character more of a repeated atom, the pattern may go on.
    for (const place of places) if (atoms[place]?.optional) places.add(place + 1);
    return places;
  }
}

function atomTest(atom: string): (character: string) => boolean {
  if (atom === '.') return () => true;
  if (!atom.startsWith('[') && !/^\\[dDwWsS]$/.test(atom)) {
    const literal = atom.startsWith('\\') ? atom.slice(1) : atom;
    if (atom.startsWith('\\') && /^[A-Za-z0-9]$/.test(literal)) throw new SyntaxError(`does not know ${atom}`);
    return character => character === literal;
  }
  const expression = new RegExp(`^${atom}$`, 'u');
  return character => expression.test(character);
}

function parseRemote(entry: unknown, path: string): Remote {
  const { type, any_one_of, not_any_of, regex } = members(entry, path, ['type', 'any_one_of', 'not_any_of', 'regex']);
  if (any_one_of !== undefined && not_any_of !== undefined) {
    throw wrong(path, 'should have any_one_of or not_any_of, not both');
  }
  if (regex !== undefined && typeof regex !== 'boolean') throw wrong(`${path}.regex`, 'should be true or false');
  const values = (given: unknown, name: string) =>
    list(given, `${path}.${name}`, LIMIT.values).map((value, at) => {
      const where = `${path}.${name}[${at}]`;
      const given = text(value, where, LIMIT.claim);
      if (regex) checkPattern(given, where);
      return given;
    });
  return {
    type: text(type, `${path}.type`, 256),
    ...(any_one_of === undefined ? {} : { any_one_of: values(any_one_of, 'any_one_of') }),
    ...(not_any_of === undefined ? {} : { not_any_of: values(not_any_of, 'not_any_of') }),
    ...(regex === undefined ? {} : { regex }),
  };
}

function checkPattern(pattern: string, path: string): void {
  if (pattern.length > LIMIT.pattern) throw wrong(path, `should be a pattern of at most ${LIMIT.pattern} characters`);
  try {
    compilePattern(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw wrong(
      path,
      'should be a pattern of characters, . [] \\d \\w \\s with * + or ? behind them, and ^ $ at the ends; write several values in place of ( | )',
    );
  }
}

function parseLocal(entry: unknown, path: string, remotes: number): Local {
  const { user, group, groups } = members(entry, path, ['user', 'group', 'groups']);
  if (user === undefined && group === undefined && groups === undefined) {
    throw wrong(path, 'should have user, group or groups');
  }
  const template = (value: unknown, where: string) => {
    const given = text(value, where, 256);
    for (const [placeholder, at] of given.matchAll(PLACEHOLDER)) {
      if (Number(at) >= remotes)
        throw wrong(where, `names ${placeholder}, but remote has ${remotes} entries, from {0} on`);
    }
    return given;
  };
  const named = (value: unknown, where: string) => ({
    name: template(members(value, where, ['name']).name, `${where}.name`),
  });
  return {
    ...(user === undefined ? {} : { user: named(user, `${path}.user`) }),
    ...(group === undefined ? {} : { group: named(group, `${path}.group`) }),
    ...(groups === undefined ? {} : { groups: template(groups, `${path}.groups`) }),
  };
}

function members<K extends string>(value: unknown, path: string, known: readonly K[]): Partial<Record<K, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong(path, 'should be an object');
  // A condition that is not understood must not be left out: the rule would fit more than was meant.
  const unknown = Object.keys(value).find(name => !known.some(item => item === name));
  if (unknown !== undefined) throw wrong(path, `knows no ${unknown.slice(0, 32)}, only ${known.join(', ')}`);
  return value as Partial<Record<K, unknown>>;
}

function list(value: unknown, path: string, limit: number): unknown[] {
  if (Array.isArray(value) && value.length > 0 && value.length <= limit) return value;
  throw wrong(path, `should be a list of 1 to ${limit} entries`);
}

function text(value: unknown, path: string, limit: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= limit) return value;
  throw wrong(path, `should be a text of 1 to ${limit} characters`);
}

function wrong(path: string, problem: string) {
  return invalid(`Field [mapping.${path}] ${problem}.`);
}
