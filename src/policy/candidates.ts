import { type Context, contextValue, isScalar } from './context.ts';
import type { Statement } from './policy.ts';
import { pathHead, resourceHead, type Target } from './resource.ts';
import type { CompiledStatement } from './statement.ts';

/*
 * Finds the first of many statements that applies to a request, without looking at all of them.
 *
 * A statement with the condition StringEquals {"g:UserName": ["ann", "bob"]} can only hold for requests that carry one
 * of these two values; one with the resource "obs:*:*:object:data/*" only for what lies in "data". Each statement is
 * filed under one such requirement, and a request looks only where its own values lead. Statements that require nothing
 * of this kind are in the rest, which every request looks through. The index only leaves out statements that cannot
 * apply; whether one does, the statement itself says.
 */

/** Something that every request a statement applies to has: one of `values`, of `of`. */
interface Requirement {
  /** A condition key as written, or RESOURCE. */
  of: string;
  values: readonly string[];
}

/** Stands for the first part of the resource's path, e.g. a bucket. Condition keys are never empty. */
const RESOURCE = '';

interface Files {
  of: string;
  lower: string;
  byValue: Map<string, CompiledStatement[]>;
}

function requirementsOf(statement: Statement): Requirement[] {
  const found: Requirement[] = [];
  const heads = (statement.resources ?? ['*']).map(resourceHead);
  if (heads.every(head => head !== undefined)) found.push({ of: RESOURCE, values: heads });
  for (const { base, ifExists, qualifier, key, values } of statement.conditions) {
    // IfExists and ForAllValues also hold without the key; a value with a variable may become any text.
    if (base !== 'StringEquals' || ifExists || qualifier === 'ForAllValues') continue;
    if (!values.some(value => value.includes('${'))) found.push({ of: key, values });
  }
  return found;
}

/** How many of the statements share each requirement. */
function countsOf(all: readonly (readonly Requirement[])[]): (requirement: Requirement) => number {
  const counts = new Map<string, Map<string, number>>();
  for (const { of, values } of all.flat()) {
    const ofOne = counts.get(of) ?? new Map<string, number>();
    counts.set(of, ofOne);
    for (const value of new Set(values)) ofOne.set(value, (ofOne.get(value) ?? 0) + 1);
  }
  return ({ of, values }) => Math.max(...values.map(value => counts.get(of)?.get(value) ?? 0));
}

/** Statements of one effect that cover an action, filed so that a request looks at few of them. */
export class Candidates {
  /** All of them, in the order of their policies. */
  readonly all: readonly CompiledStatement[];
  /** Those that no requirement leads to, in the same order. */
  readonly #rest: CompiledStatement[] = [];
  readonly #files: Files[] = [];

  /** Takes statements in the order of their policies. */
  constructor(statements: readonly CompiledStatement[]) {
    this.all = statements;
    const requirements = statements.map(statement => requirementsOf(statement.source));
    const shared = countsOf(requirements);
    for (const [i, statement] of statements.entries()) {
      // The requirement shared with the fewest leads to the shortest list.
      const [rarest] = (requirements[i] ?? []).toSorted((a, b) => shared(a) - shared(b));
      if (rarest) this.#file(statement, rarest);
      else this.#rest.push(statement);
    }
  }

  #file(statement: CompiledStatement, requirement: Requirement): void {
    const { of, values } = requirement;
    let files = this.#files.find(each => each.of === of);
    if (!files) {
      files = { of, lower: of.toLowerCase(), byValue: new Map() };
      this.#files.push(files);
    }
    for (const value of new Set(values)) {
      const list = files.byValue.get(value);
      if (list) list.push(statement);
      else files.byValue.set(value, [statement]);
    }
  }

  /** The first statement, in the order of the policies, that applies to the request. */
  first(target: Target, context: Context): CompiledStatement | undefined {
    let found = earlier(this.#rest, target, context, undefined);
    for (const { of, lower, byValue } of this.#files) {
      const value = of === RESOURCE ? pathHead(target.segments?.[4] ?? '') : contextValue(context, of, lower);
      if (value === undefined) continue;
      for (const each of isScalar(value) ? [value] : value) {
        const list = byValue.get(String(each));
        if (list) found = earlier(list, target, context, found);
      }
    }
    return found;
  }
}

/** The first statement of `list` that applies, unless `found` comes before it. */
function earlier(
  list: readonly CompiledStatement[],
  target: Target,
  context: Context,
  found: CompiledStatement | undefined,
): CompiledStatement | undefined {
  for (const statement of list) {
    if (found && found.order < statement.order) return found;
    if (statement.applies(target, context)) return statement;
  }
  return found;
}
