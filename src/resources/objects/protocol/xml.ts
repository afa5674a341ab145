import { obsFailure } from '../failures.ts';

/** An element: name and text, or name and children, and attributes; undefined content leaves it out. */
export type Xml = readonly [
  name: string,
  content: string | number | boolean | undefined | readonly Xml[],
  attributes?: Record<string, string>,
];

/** A whole document. */
export function renderXml(root: Xml, namespace?: string): string {
  const [name, content, attributes] = root;
  const whole = render([name, content, { ...(namespace === undefined ? {} : { xmlns: namespace }), ...attributes }]);
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n${whole}`;
}

/** Adds text to text: a listing has ten thousand elements, for each of which a list to be joined would be made. */
function render([name, content, given]: Xml): string {
  if (content === undefined) return '';
  let text = `<${name}`;
  for (const key in given) text += ` ${key}="${escapeXml(given[key]!)}"`;
  text += '>';
  if (typeof content === 'object') for (const child of content) text += render(child);
  else text += typeof content === 'string' ? escapeXml(content) : content;
  return `${text}</${name}>`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return text.replace(/[&<>"\x00-\x1f\x7f\ufffe\uffff]/g, c => ESCAPES[c] ?? `&#x${c.charCodeAt(0).toString(16)};`);
}

/** A parsed element: text, or children by name; what is repeated is a list. */
export type XmlTree = string | { [name: string]: XmlTree | XmlTree[] };

const MAX_DEPTH = 12;

// Sticky: each looks at one place only and passes every character once, so that no document takes more than linear time.
const BLANK = /\s*/y;
const NAME = /[A-Z_a-z\u0080-\uffff][-.:\w\u0080-\uffff]*/y;
const ATTRIBUTE = /\s+[A-Z_a-z\u0080-\uffff][-.:\w\u0080-\uffff]*\s*=\s*(?:"[^<"]*"|'[^<']*')/y;
const TAG_END = /\s*(\/?)>/y;
const REFERENCE = /&(?:#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]{2,4});/giy;

/**
 * Parses a request document with root element `root`; attributes and name spaces are passed over. No entities but the
 * five of XML and character references, no document type, no CDATA, bounded depth. Throws Failure MalformedXML.
 */
export function parseXml(text: string, root: string): XmlTree {
  let at = 0;

  function malformed(message?: string): Error {
    return obsFailure('MalformedXML', message);
  }

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match ?? undefined;
  }

  /** Passes over a comment or a processing instruction, if there is one. */
  function pass(start: string, end: string): boolean {
    if (!text.startsWith(start, at)) return false;
    const close = text.indexOf(end, at + start.length);
    if (close < 0) throw malformed();
    at = close + end.length;
    return true;
  }

  function passMisc(): void {
    do take(BLANK);
    while (pass('<!--', '-->') || pass('<?', '?>'));
  }

  /** Text up to the next `<`. */
  function takeText(): string {
    const start = at;
    const end = text.indexOf('<', at);
    if (end < 0) throw malformed();
    const words = text.slice(start, end);
    for (let mark = words.indexOf('&'); mark >= 0; mark = words.indexOf('&', mark + 1)) {
      at = start + mark;
      if (!take(REFERENCE)) throw malformed('A reference is malformed.');
    }
    at = end;
    return words;
  }

  function takeElement(depth: number): [name: string, content: XmlTree] {
    if (depth > MAX_DEPTH) throw malformed('The document is nested too deeply.');
    if (text.startsWith('<!', at)) throw malformed('Document types and CDATA are not accepted.');
    if (text[at++] !== '<') throw malformed();
    const name = take(NAME)?.[0];
    if (name === undefined) throw malformed();
    while (take(ATTRIBUTE));
    const end = take(TAG_END);
    if (!end) throw malformed();
    const local = name.slice(name.lastIndexOf(':') + 1);
    if (end[1]) return [local, ''];
    let words = '';
    let tree: Exclude<XmlTree, string> | undefined;
    for (;;) {
      words += takeText();
      if (text.startsWith('</', at)) {
        at += 2;
        if (take(NAME)?.[0] !== name || !take(TAG_END)) throw malformed();
        return [local, tree ?? words];
      }
      if (pass('<!--', '-->') || pass('<?', '?>')) continue;
      const [child, content] = takeElement(depth + 1);
      tree ??= Object.create(null) as Exclude<XmlTree, string>;
      const known = tree[child];
      if (known === undefined) tree[child] = content;
      else if (Array.isArray(known)) known.push(content);
      else tree[child] = [known, content];
    }
  }

  if (text.startsWith('\ufeff')) at = 1;
  passMisc();
  const [name, element] = takeElement(1);
  passMisc();
  if (at < text.length) throw malformed();
  if (name !== root) throw malformed(`The root element must be ${root}.`);
  return element;
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
