/** Reads a document of the object store. Throws Error where it is none. */
export function parseXml(text: string): Element {
  const parsed = new DOMParser().parseFromString(text, 'application/xml');
  if (parsed.querySelector('parsererror')) throw new Error('The object store answered what is no XML.');
  return parsed.documentElement;
}

/** The elements of a name directly within another. */
export function within(element: Element, name: string): Element[] {
  return [...element.children].filter(child => child.localName === name);
}

/** The text at a path of elements; empty where there is none. */
export function textAt(element: Element | undefined, ...path: string[]): string {
  let found = element;
  for (const name of path) found = found && within(found, name)[0];
  return found?.textContent ?? '';
}

/** An element with text, or with elements that `xml` made, in it. */
export function xml(name: string, ...content: readonly (string | number | Markup)[]): Markup {
  const inner = content.map(part => (part instanceof Markup ? part.text : escaped(String(part))));
  return new Markup(`<${name}>${inner.join('')}</${name}>`);
}

class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };
const escaped = (text: string) => text.replace(/[&<>"\r]/g, character => ENTITIES[character]!);
