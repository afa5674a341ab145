import { type Context, contextValues } from './context.ts';
import { appendGlob, type Glob } from './glob.ts';

/** A piece of a policy value: text as written, a literal that is no wildcard, or a variable. */
export type Part = { text: string } | { literal: string } | { variable: string; lower: string };

const VARIABLE = /^[A-Za-z][\w-]*:[\w./:@+=-]+$/;

/**
 * Splits a policy value at its variables, `${g:UserName}`. `${*}`, `${?}` and `${$}` stand for the characters
 * themselves. Returns the text of the problem when a variable is malformed.
 */
export function parseTemplate(text: string): Part[] | string {
  const parts: Part[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('${', at);
    if (open < 0) break;
    const close = text.indexOf('}', open);
    if (close < 0) return `the variable that starts with ${JSON.stringify(text.slice(open, open + 20))} has no "}"`;
    if (open > at) parts.push({ text: text.slice(at, open) });
    const name = text.slice(open + 2, close);
    if (name === '*' || name === '?' || name === '$') parts.push({ literal: name });
    else if (VARIABLE.test(name)) parts.push({ variable: name, lower: name.toLowerCase() });
    else return `${JSON.stringify(text.slice(open, close + 1))} is not a policy variable`;
    at = close + 1;
  }
  if (at < text.length || parts.length === 0) parts.push({ text: text.slice(at) });
  return parts;
}

/** Whether the parts depend on the request. */
export function hasVariables(parts: readonly Part[]): boolean {
  return parts.some(part => 'variable' in part);
}

// A variable stands for one value; a key with several has no single text to put in its place.
function variableText(part: { variable: string; lower: string }, context: Context): string | undefined {
  const values = contextValues(context, part.variable, part.lower);
  return values.length === 1 ? String(values[0]) : undefined;
}

/** The text with its variables filled in; undefined when the request lacks one of them. */
export function fillText(parts: readonly Part[], context: Context): string | undefined {
  let text = '';
  for (const part of parts) {
    const piece = 'text' in part ? part.text : 'literal' in part ? part.literal : variableText(part, context);
    if (piece === undefined) return undefined;
    text += piece;
  }
  return text;
}

/**
 * The pattern with its variables filled in; undefined when the request lacks one. What comes from the request is
 * taken literally: a user named `*` gains nothing.
 */
export function fillGlob(parts: readonly Part[], context: Context, options: { one?: boolean }): Glob | undefined {
  const glob: number[] = [];
  for (const part of parts) {
    if ('text' in part) appendGlob(glob, part.text, options);
    else {
      const piece = 'literal' in part ? part.literal : variableText(part, context);
      if (piece === undefined) return undefined;
      appendGlob(glob, piece, { literal: true });
    }
  }
  return glob;
}
