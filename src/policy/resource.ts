import type { Context } from './context.ts';
import { type Glob, matchGlob } from './glob.ts';
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
  const pieces = resource.split(':');
  if (pieces.length < SEGMENTS) return { text: resource, segments: undefined };
  const [service = '', region = '', account = '', type = '', ...path] = pieces;
  return { text: resource, segments: [service, region, account, type.toLowerCase(), path.join(':')] };
}

/** Whether a resource pattern covers the target of a request. */
export type ResourceTest = (target: Target, context: Context) => boolean;

type GlobSource = (context: Context) => Glob | undefined;

function globSource(pattern: string): GlobSource {
  const parts = parseTemplate(pattern);
  if (typeof parts === 'string') throw new TypeError(parts);
  if (hasVariables(parts)) return context => fillGlob(parts, context, {});
  const glob = fillGlob(parts, {}, {});
  return () => glob;
}

/** Compiles a resource pattern: `*`, five segments with wildcards inside each, or a URI such as `/iam/agencies/*`. */
export function compileResource(pattern: string): ResourceTest {
  if (pattern === '*') return () => true;
  const segments = splitResource(pattern);
  if (pattern.startsWith('/') || !segments) {
    const source = globSource(pattern);
    return (target, context) => {
      const glob = source(context);
      return glob !== undefined && matchGlob(glob, target.text);
    };
  }
  const sources = segments.map((segment, i) => globSource(i === TYPE ? segment.toLowerCase() : segment));
  return (target, context) => {
    const found = target.segments;
    if (!found) return false;
    return sources.every((source, i) => {
      const glob = source(context);
      return glob !== undefined && matchGlob(glob, found[i] ?? '');
    });
  };
}
