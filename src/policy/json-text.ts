import { errorText } from '../kernel/failure.ts';
import { PolicyError } from './policy-error.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t\r\n]*/y;
const WORD = /true|false|null/y;
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** Extends a JSON path by a member name or an index. */
export function childPath(path: string, child: string | number): string {
  if (typeof child === 'number') return `${path}[${child}]`;
  return PLAIN_KEY.test(child) ? `${path}.${child}` : `${path}[${JSON.stringify(child)}]`;
}

/**
 * Reads JSON more strictly than `JSON.parse`: a member named twice and nesting beyond `maxDepth` are refused,
 * because a reader that silently keeps the last of two `Effect`s would not enforce what a person read.
 * Objects have no prototype. Throws PolicyError with the JSON path.
 */
export function readJsonText(text: string, maxDepth: number): unknown {
  let at = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const fail = (path: string, expected: string): never => {
    const seen = at < text.length ? JSON.stringify(text.slice(at, at + 12)) : 'the end of the text';
    throw new PolicyError(path, `${seen} at character ${at} is not valid JSON`, expected);
  };
  const next = (): string | undefined => {
    take(SPACE);
    return text[at];
  };

  const value = (path: string, depth: number): unknown => {
    if (depth > maxDepth) {
      throw new PolicyError(path, `it is nested deeper than ${maxDepth} levels`, `at most ${maxDepth} levels`);
    }
    const first = next();
    if (first === '{') return members(path, depth);
    if (first === '[') return elements(path, depth);
    const plain = take(STRING) ?? take(NUMBER) ?? take(WORD);
    return plain === undefined ? fail(path, 'a JSON value') : scalar(path, plain);
  };

  // Escapes and control characters inside strings are left to the engine's own reader.
  const scalar = (path: string, plain: string): unknown => {
    try {
      return JSON.parse(plain);
    } catch (error) {
      throw new PolicyError(path, errorText(error), 'a JSON value');
    }
  };

  const members = (path: string, depth: number): unknown => {
    const object: Record<string, unknown> = Object.create(null);
    at++;
    if (next() === '}') {
      at++;
      return object;
    }
    for (;;) {
      next();
      const name = String(scalar(path, take(STRING) ?? fail(path, 'a member name in double quotes')));
      const child = childPath(path, name);
      if (name in object) throw new PolicyError(child, 'this member is given twice', 'each member once');
      if (next() !== ':') fail(child, '":" after a member name');
      at++;
      object[name] = value(child, depth + 1);
      const end = next();
      if (end !== ',' && end !== '}') fail(path, '"," or "}"');
      at++;
      if (end === '}') return object;
    }
  };

  const elements = (path: string, depth: number): unknown => {
    const list: unknown[] = [];
    at++;
    if (next() === ']') {
      at++;
      return list;
    }
    for (;;) {
      list.push(value(childPath(path, list.length), depth + 1));
      const end = next();
      if (end !== ',' && end !== ']') fail(path, '"," or "]"');
      at++;
      if (end === ']') return list;
    }
  };

  const result = value('$', 1);
  if (next() !== undefined) fail('$', 'nothing after the document');
  return result;
}
