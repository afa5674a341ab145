import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { obsFailure } from '../failures.ts';

/** An element: name and text, or name and children, and attributes; undefined content leaves it out. */
export type Xml = readonly [
  name: string,
  content: string | number | boolean | undefined | readonly Xml[],
  attributes?: Record<string, string>,
];

/** A whole document. */
export function renderXml(root: Xml, namespace?: string): string {
  const parts = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'];
  const [name, content, attributes] = root;
  render([name, content, { ...(namespace === undefined ? {} : { xmlns: namespace }), ...attributes }], parts);
  return parts.join('');
}

function render([name, content, given = {}]: Xml, parts: string[]): void {
  if (content === undefined) return;
  const attributes = Object.entries(given)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('');
  if (Array.isArray(content)) {
    parts.push(`<${name}${attributes}>`);
    for (const child of content as readonly Xml[]) render(child, parts);
    parts.push(`</${name}>`);
    return;
  }
  parts.push(`<${name}${attributes}>${escapeXml(String(content))}</${name}>`);
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return text.replace(/[&<>"\x00-\x1f\x7f\ufffe\uffff]/g, c => ESCAPES[c] ?? `&#x${c.charCodeAt(0).toString(16)};`);
}

/** A parsed element: text, or children by name; what is repeated is a list. */
export type XmlTree = string | { [name: string]: XmlTree | XmlTree[] };

const parser = new XMLParser({
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
});
const MAX_DEPTH = 12;

/**
 * Parses a request document with root element `root`. No entities but the five of XML and character references, no
 * document type, bounded depth. Throws Failure MalformedXML.
 */
export function parseXml(text: string, root: string): XmlTree {
  if (/<!/.test(text.replaceAll('<!--', '')))
    throw obsFailure('MalformedXML', 'Document types and CDATA are not accepted.');
  if (XMLValidator.validate(text) !== true) throw obsFailure('MalformedXML');
  let tree: unknown;
  try {
    tree = parser.parse(text);
  } catch (cause) {
    throw obsFailure('MalformedXML', undefined, cause);
  }
  const element = (tree as Record<string, XmlTree>)[root];
  if (element === undefined) throw obsFailure('MalformedXML', `The root element must be ${root}.`);
  checkDepth(element, MAX_DEPTH);
  return element;
}

function checkDepth(tree: unknown, left: number): void {
  if (left === 0) throw obsFailure('MalformedXML', 'The document is nested too deeply.');
  if (typeof tree === 'object' && tree !== null) for (const child of Object.values(tree)) checkDepth(child, left - 1);
}

/** The children of `tree` named `name`. */
export function children(tree: XmlTree, name: string): XmlTree[] {
  if (typeof tree === 'string' || !Object.hasOwn(tree, name)) return [];
  const found = tree[name]!;
  return Array.isArray(found) ? found : [found];
}

/** The text of the child named `name`, its references resolved; undefined when there is none. */
export function childText(tree: XmlTree, name: string): string | undefined {
  const [child] = children(tree, name);
  if (child === undefined) return undefined;
  return textOf(child, name);
}

/** The text of an element, its references resolved; `name` is for the message. */
export function textOf(node: XmlTree, name: string): string {
  if (typeof node !== 'string') throw obsFailure('MalformedXML', `${name} must hold text.`);
  return node.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/gi, (whole, entity: string) => {
    const named = NAMED[entity];
    if (named !== undefined) return named;
    if (!entity.startsWith('#')) throw obsFailure('MalformedXML', `Entity ${whole} is not known.`);
    const point = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw obsFailure('MalformedXML');
    return String.fromCodePoint(point);
  });
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
