import { obsFailure } from '../failures.ts';
import type { StorageClass } from '../object.ts';
import { type Dialect, parseStorageClass, storageClassName } from './dialect.ts';
import { children, textOf, type Xml, type XmlTree } from './xml.ts';

/** How one element of a document is read into a value, checked, and written again. */
export interface Field<T> {
  /** `nodes` are all elements of this name below one parent; `at` names them for messages. */
  read(nodes: readonly XmlTree[], at: string, dialect: Dialect): T | undefined;
  write(name: string, value: T, dialect: Dialect): readonly Xml[];
}

/** The elements below one. Anything else there is MalformedXML. */
export type Shape<T> = { readonly [K in keyof T & string]-?: Field<NonNullable<T[K]>> };

/** Reads the children of `tree`. Throws Failure MalformedXML or InvalidArgument naming the element and what is allowed. */
export function readShape<T>(tree: XmlTree, shape: Shape<T>, at: string, dialect: Dialect): T {
  const fields = shape as Record<string, Field<unknown>>;
  if (typeof tree === 'string' && tree.trim() !== '') throw obsFailure('MalformedXML', `${at} must hold elements.`);
  for (const name of typeof tree === 'string' ? [] : Object.keys(tree)) {
    if (!Object.hasOwn(fields, name) && name !== '#text') {
      const known = Object.keys(fields).join(', ');
      throw obsFailure('MalformedXML', `Element ${name.slice(0, 60)} is not known in ${at}: ${known}.`);
    }
  }
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const read = field.read(children(tree, name), `${at}/${name}`, dialect);
    if (read !== undefined) value[name] = read;
  }
  return value as T;
}

/** The elements of `value` in the shape's order. */
export function writeShape<T>(value: T, shape: Shape<T>, dialect: Dialect): Xml[] {
  const values = value as Record<string, unknown>;
  return Object.entries(shape as Record<string, Field<unknown>>).flatMap(([name, field]) =>
    values[name] === undefined ? [] : field.write(name, values[name], dialect),
  );
}

/** A field made of one element; more than one is refused. */
export function single<T>(
  read: (node: XmlTree, at: string, dialect: Dialect) => T,
  write: (value: T, dialect: Dialect) => Xml[1],
): Field<T> {
  return {
    read(nodes, at, dialect) {
      if (nodes.length > 1) throw obsFailure('MalformedXML', `${at} may be given once, not ${nodes.length} times.`);
      return nodes.length === 0 ? undefined : read(nodes[0]!, at, dialect);
    },
    write: (name, value, dialect) => [[name, write(value, dialect)]],
  };
}

/** Text of at most `max` characters, matching `pattern` where given, which `form` explains. */
export function text(max: number, pattern?: RegExp, form?: string): Field<string> {
  return single(
    (node, at) => {
      const value = textOf(node, at);
      if (value.length > max) {
        throw obsFailure('InvalidArgument', `${at} has ${value.length} characters; the limit is ${max}.`);
      }
      if (pattern && !pattern.test(value)) {
        throw obsFailure('InvalidArgument', `${at} is "${value.slice(0, 80)}"; it must be ${form}.`);
      }
      return value;
    },
    value => value,
  );
}

/** A whole number within bounds. */
export function integer(min: number, max: number): Field<number> {
  return single(
    (node, at) => {
      const value = textOf(node, at).trim();
      if (!/^\d{1,16}$/.test(value) || Number(value) < min || Number(value) > max) {
        throw obsFailure(
          'InvalidArgument',
          `${at} is "${value.slice(0, 40)}"; it must be a whole number from ${min} to ${max}.`,
        );
      }
      return Number(value);
    },
    value => value,
  );
}

/** One of some words. */
export function oneOf<W extends string>(...words: readonly W[]): Field<W> {
  return single(
    (node, at) => {
      const value = textOf(node, at).trim();
      const found = words.find(word => word === value);
      if (found === undefined) {
        throw obsFailure('MalformedXML', `${at} is "${value.slice(0, 40)}"; it must be ${words.join(' or ')}.`);
      }
      return found;
    },
    value => value,
  );
}

/** A storage class in the words of either dialect. */
export const storageClass: Field<StorageClass> = single(
  (node, at) => {
    const value = textOf(node, at).trim();
    const found = parseStorageClass(value);
    if (!found) {
      throw obsFailure(
        'InvalidArgument',
        `${at} is "${value.slice(0, 40)}"; it must be STANDARD, WARM (STANDARD_IA) or COLD (GLACIER).`,
      );
    }
    return found;
  },
  (value, dialect) => storageClassName(dialect, value),
);

/** An element that holds elements. */
export function group<T>(shape: Shape<T>): Field<T> {
  return single<T>(
    (node, at, dialect) => readShape(node, shape, at, dialect),
    (value, dialect) => writeShape(value, shape, dialect),
  );
}

/** An element that is there. */
export function required<T>(field: Field<T>): Field<T> {
  return {
    read(nodes, at, dialect) {
      if (nodes.length === 0) throw obsFailure('MalformedXML', `${at} is missing.`);
      return field.read(nodes, at, dialect);
    },
    write: field.write,
  };
}

/** An element that is repeated `min` to `max` times. */
export function list<T>(field: Field<T>, min: number, max: number): Field<T[]> {
  return {
    read(nodes, at, dialect) {
      if (nodes.length < min) throw obsFailure('MalformedXML', `${at} is missing.`);
      if (nodes.length > max) {
        throw obsFailure('InvalidArgument', `${at} is given ${nodes.length} times; the limit is ${max}.`);
      }
      return nodes.length === 0 ? undefined : nodes.map(node => field.read([node], at, dialect)!);
    },
    write: (name, values, dialect) => values.flatMap(value => field.write(name, value, dialect)),
  };
}
