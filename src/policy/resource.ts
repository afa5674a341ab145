import type { Context } from './context.ts';
import { matchGlob } from './glob.ts';
import { fillGlob, hasVariables, parseTemplate } from './template.ts';

const SEGMENTS = 5;
/** Index of the resource type, which compares without case. */
const TYPE = 3;

/**
 * Splits `service:region:account:type:path` at its first four colons, leaving alone those inside `${g:UserName}`.
 * Undefined when there are fewer.
 */
export function splitResource(text: string): string[] | undefined {
  const segments: string[] = [];
  let from = 0;
  let inVariable = false;
  for (let i = 0; i < text.length && segments.length < SEGMENTS - 1; i++) {
    if (text[i] === '$' && text[i + 1] === '{') inVariable = true;
    else if (text[i] === '}') inVariable = false;
    else if (text[i] === ':' && !inVariable) {
      segments.push(text.slice(from, i));
      from = i + 1;
    }
  }
  if (segments.length < SEGMENTS - 1) return undefined;
  return [...segments, text.slice(from)];
}

/** The resource of a request, as patterns look at it. */
export interface Target {
  text: string;
  segments: readonly string[] | undefined;
}

/**
 * What a request is about. One that names no resource is about all of its type, so it fits only patterns that cover
 * them all: the `*`s stand here as plain characters. No variables are looked for: the text comes from a caller.
 */
export function targetOf(resource: string | undefined, action: { service: string; resourceType: string }): Target {
  if (resource === undefined) {
    const segments = [action.service, '*', '*', action.resourceType, '*'];
    return { text: segments.join(':'), segments };
  }
  const segments: string[] = [];
  let from = 0;
  while (segments.length < SEGMENTS - 1) {
    const colon = resource.indexOf(':', from);
    if (colon < 0) return { text: resource, segments: undefined };
    const segment = resource.slice(from, colon);
    segments.push(segments.length === TYPE ? segment.toLowerCase() : segment);
    from = colon + 1;
  }
  segments.push(resource.slice(from));
  return { text: resource, segments };
}

/** The first part of a path, such as the bucket of an object. */
export function pathHead(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}

/**
 * The first part that the path of every resource has which a pattern covers; undefined when they may differ in it, as
 * with a wildcard or a variable there, and for URIs.
 */
export function resourceHead(pattern: string): string | undefined {
  const path = pattern.startsWith('/') ? undefined : splitResource(pattern)?.[SEGMENTS - 1];
  const head = path === undefined ? undefined : pathHead(path);
  return head === undefined || head.includes('*') || head.includes('${') ? undefined : head;
}

/** Whether a resource pattern covers the target of a request. */
export type ResourceTest = (target: Target, context: Context) => boolean;

type TextTest = (text: string, context: Context) => boolean;

/** Compiles a whole pattern or one segment of it. */
function textTest(pattern: string): TextTest {
  const parts = parseTemplate(pattern);
  if (typeof parts === 'string') throw new TypeError(parts);
  if (!pattern.includes('*') && !pattern.includes('${')) return text => text === pattern;
  if (hasVariables(parts)) {
    return (text, context) => {
      const glob = fillGlob(parts, context, {});
      return glob !== undefined && matchGlob(glob, text);
    };
  }
  const glob = fillGlob(parts, {}, {}) ?? [];
  return text => matchGlob(glob, text);
}

/** Compiles a resource pattern: `*`, five segments with wildcards inside each, or a URI such as `/iam/agencies/*`. */
export function compileResource(pattern: string): ResourceTest {
  if (pattern === '*') return () => true;
  const segments = splitResource(pattern);
  if (pattern.startsWith('/') || !segments) {
    const fits = textTest(pattern);
    return (target, context) => fits(target.text, context);
  }
  const tests: { at: number; fits: TextTest }[] = [];
  for (const [at, segment] of segments.entries()) {
    if (segment !== '*') tests.push({ at, fits: textTest(at === TYPE ? segment.toLowerCase() : segment) });
  }
  return ({ segments: found }, context) =>
    found !== undefined && tests.every(({ at, fits }) => fits(found[at] ?? '', context));
}
