import { type Context, contextValue, isScalar, type Scalar } from './context.ts';
import { type Glob, matchGlob } from './glob.ts';
import { fillGlob, fillText, hasVariables, type Part, parseTemplate } from './template.ts';
import { addressOf, blockOf, boolOf, dateOf, inBlock, numberOf } from './values.ts';

/** `ForAnyValue:` or `ForAllValues:` before an operator. */
export type Qualifier = 'ForAnyValue' | 'ForAllValues';

/** One condition of a statement: operator, key and the values of which one must fit. */
export interface Condition {
  /** As written, e.g. `ForAnyValue:StringEndWithIfExists`. */
  operator: string;
  /** Operator without qualifier and suffix, e.g. `StringEndWith`. */
  base: string;
  qualifier?: Qualifier;
  /** True when the condition also holds if the request does not carry the key. */
  ifExists: boolean;
  key: string;
  values: string[];
}

/** Whether a condition holds for the context of a request. */
export type ConditionTest = (context: Context) => boolean;

type OneTest = (value: Scalar) => boolean;

/** How operators of one kind read their values. `negated` ones hold when no value fits. */
interface Operator {
  negated: boolean;
  /** Problem with a value written in a policy, or undefined. */
  check(value: string): string | undefined;
  /** Test of one request value against the policy's values; undefined when a negated operator lacks a variable. */
  prepare(values: readonly string[]): (context: Context) => OneTest | undefined;
}

function checkTemplate(value: string): string | undefined {
  const parts = parseTemplate(value);
  return typeof parts === 'string' ? parts : undefined;
}

type TextTest = (request: string, policy: string) => boolean;

/** Fixed values are prepared once, those with variables for each request; a variable that is missing fits nothing. */
function prepareParts<T>(
  values: readonly string[],
  negated: boolean,
  fill: (parts: readonly Part[], context: Context) => T | undefined,
  fits: (request: string, filled: T) => boolean,
): (context: Context) => OneTest | undefined {
  const fixed: T[] = [];
  const open: (readonly Part[])[] = [];
  for (const value of values) {
    const parts = parseTemplate(value);
    if (typeof parts === 'string') throw new TypeError(parts);
    const filled = hasVariables(parts) ? undefined : fill(parts, {});
    if (filled === undefined) open.push(parts);
    else fixed.push(filled);
  }
  const only = fixed.length === 1 ? fixed[0] : undefined;
  const fixedTest: OneTest =
    only !== undefined ? value => fits(String(value), only) : value => fixed.some(each => fits(String(value), each));
  if (open.length === 0) return () => fixedTest;
  return context => {
    const filled = [...fixed];
    for (const parts of open) {
      const piece = fill(parts, context);
      if (piece !== undefined) filled.push(piece);
      // "Differs from the caller's own name" cannot be said of a caller without one.
      else if (negated) return undefined;
    }
    return value => filled.some(each => fits(String(value), each));
  };
}

function text(negated: boolean, fits: TextTest, ignoreCase = false): Operator {
  const fold = (value: string | undefined) => (ignoreCase ? value?.toLowerCase() : value);
  const test: TextTest = ignoreCase ? (request, policy) => fits(request.toLowerCase(), policy) : fits;
  return {
    negated,
    check: checkTemplate,
    prepare: values => prepareParts(values, negated, (parts, context) => fold(fillText(parts, context)), test),
  };
}

function pattern(negated: boolean): Operator {
  const fill = (parts: readonly Part[], context: Context) => fillGlob(parts, context, { one: true });
  const fits = (request: string, glob: Glob) => matchGlob(glob, request);
  return { negated, check: checkTemplate, prepare: values => prepareParts(values, negated, fill, fits) };
}

/** Remembers the last reading: one request's value is asked for by many statements in a row. */
function rememberLast<R>(read: (value: Scalar) => R | undefined): (value: Scalar) => R | undefined {
  let last: Scalar | undefined;
  let reading: R | undefined;
  return value => {
    if (value !== last) {
      reading = read(value);
      last = value;
    }
    return reading;
  };
}

/** Operators whose values are read once into `T`; a request value that cannot be read fits nothing. */
function typed<T, R = T>(
  negated: boolean,
  form: string,
  readPolicy: (value: string) => T | undefined,
  readRequest: (value: Scalar) => R | undefined,
  fits: (request: R, policy: T) => boolean,
): Operator {
  const readOnce = rememberLast(readRequest);
  return {
    negated,
    check(value) {
      if (value.includes('${')) return 'policy variables work with String operators and in Resource only';
      return readPolicy(value) === undefined ? `${JSON.stringify(value)} is not ${form}` : undefined;
    },
    prepare(values) {
      const read = values.map(readPolicy).filter(value => value !== undefined);
      const test: OneTest = value => {
        const request = readOnce(value);
        return request !== undefined && read.some(each => fits(request, each));
      };
      return () => test;
    },
  };
}

const number = (negated: boolean, fits: (request: number, policy: number) => boolean) =>
  typed(negated, 'a number', numberOf, numberOf, fits);
const date = (negated: boolean, fits: (request: number, policy: number) => boolean) =>
  typed(negated, 'a date or an ISO 8601 time with zone, such as 2026-01-31T08:00:00Z', dateOf, dateOf, fits);
const address = (negated: boolean) =>
  typed(
    negated,
    'an IP address or a CIDR block such as 10.0.0.0/8',
    blockOf,
    value => addressOf(String(value)),
    (request, block) => inBlock(block, request),
  );

const same: TextTest = (request, policy) => request === policy;
const starts: TextTest = (request, policy) => request.startsWith(policy);
const ends: TextTest = (request, policy) => request.endsWith(policy);

const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    StringEquals: text(false, same),
    StringNotEquals: text(true, same),
    StringEqualsIgnoreCase: text(false, same, true),
    StringNotEqualsIgnoreCase: text(true, same, true),
    StringLike: pattern(false),
    StringNotLike: pattern(true),
    StringMatch: pattern(false),
    StringNotMatch: pattern(true),
    StringStartWith: text(false, starts),
    StringNotStartWith: text(true, starts),
    StringEndWith: text(false, ends),
    StringNotEndWith: text(true, ends),
    NumberEquals: number(false, (request, policy) => request === policy),
    NumberNotEquals: number(true, (request, policy) => request === policy),
    NumberLessThan: number(false, (request, policy) => request < policy),
    NumberLessThanEquals: number(false, (request, policy) => request <= policy),
    NumberGreaterThan: number(false, (request, policy) => request > policy),
    NumberGreaterThanEquals: number(false, (request, policy) => request >= policy),
    DateEquals: date(false, (request, policy) => request === policy),
    DateNotEquals: date(true, (request, policy) => request === policy),
    DateLessThan: date(false, (request, policy) => request < policy),
    DateLessThanEquals: date(false, (request, policy) => request <= policy),
    DateGreaterThan: date(false, (request, policy) => request > policy),
    DateGreaterThanEquals: date(false, (request, policy) => request >= policy),
    Bool: typed(false, '"true" or "false"', boolOf, boolOf, (request, policy) => request === policy),
    IpAddress: address(false),
    NotIpAddress: address(true),
    // Null asks about the key, not its values; compileCondition answers it.
    Null: typed(false, '"true" or "false"', boolOf, boolOf, () => false),
  } satisfies Record<string, Operator>),
);

/** Names of all operators, without qualifier and suffix. */
export const operatorNames: readonly string[] = [...OPERATORS.keys()];

const NAME = /^(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?$/;

/** Splits an operator as written in a policy; undefined when there is none of that name. */
export function parseOperator(operator: string): Pick<Condition, 'base' | 'qualifier' | 'ifExists'> | undefined {
  const [, qualifier, base, suffix] = NAME.exec(operator) ?? [];
  if (base === undefined || !OPERATORS.has(base)) return undefined;
  if (base === 'Null' && qualifier !== undefined) return undefined;
  return {
    base,
    ifExists: suffix !== undefined,
    ...(qualifier === undefined ? {} : { qualifier: qualifier as Qualifier }),
  };
}

/** What is wrong with a value of an operator, or undefined. */
export function checkConditionValue(base: string, value: string): string | undefined {
  return OPERATORS.get(base)?.check(value);
}

/** How several values of a key in a request count together. */
function combine(qualifier: Qualifier | undefined, negated: boolean): 'every' | 'some' {
  if (qualifier === 'ForAnyValue') return 'some';
  return qualifier === 'ForAllValues' || negated ? 'every' : 'some';
}

/**
 * Compiles one condition (behaviour/permissions.md 2). Values of a key OR together. A key the request does not carry
 * makes the condition false, except with IfExists, Null, and ForAllValues (true of no values, as in IAM).
 */
export function compileCondition(condition: Condition): ConditionTest {
  const { base, qualifier, ifExists, key, values } = condition;
  const operator = OPERATORS.get(base);
  if (!operator) throw new TypeError(`there is no operator ${base}`);
  const lower = key.toLowerCase();
  if (base === 'Null') {
    const wanted = values.map(boolOf);
    return context => {
      const absent = contextValue(context, key, lower) === undefined;
      return (absent && ifExists) || wanted.includes(absent);
    };
  }
  const whenAbsent = ifExists || qualifier === 'ForAllValues';
  const { negated } = operator;
  const all = combine(qualifier, negated) === 'every';
  const prepared = operator.prepare(values);
  return context => {
    const requested = contextValue(context, key, lower);
    if (requested === undefined) return whenAbsent;
    const test = prepared(context);
    if (!test) return false;
    if (isScalar(requested)) return test(requested) !== negated;
    return all ? requested.every(value => test(value) !== negated) : requested.some(value => test(value) !== negated);
  };
}
