import { obsFailure } from '../failures.ts';
import { decode } from './address.ts';
import { children, childText, type Xml, type XmlTree } from './xml.ts';

export const MAX_OBJECT_TAGS = 10;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** Tags of a `Tagging` document. Throws Failure InvalidTag or MalformedXML. */
export function tagsOfDocument(tree: XmlTree, most: number): Record<string, string> {
  const [set] = children(tree, 'TagSet');
  if (set === undefined) throw obsFailure('MalformedXML', 'A Tagging document needs a TagSet.');
  return tagsOf(
    children(set, 'Tag').map(tag => [childText(tag, 'Key') ?? '', childText(tag, 'Value') ?? '']),
    most,
  );
}

/** Tags of the header `x-obs-tagging`: `a=1&b=2`, percent-encoded. Throws Failure InvalidTag. */
export function tagsOfHeader(text: string): Record<string, string> {
  const pairs = text.split('&').filter(pair => pair !== '');
  return tagsOf(
    pairs.map(pair => {
      const [key = '', value = ''] = pair.split(/=(.*)/s, 2);
      return [decode(key.replaceAll('+', '%20')), decode(value.replaceAll('+', '%20'))];
    }),
    MAX_OBJECT_TAGS,
  );
}

function tagsOf(pairs: [key: string, value: string][], most: number): Record<string, string> {
  if (pairs.length > most)
    throw obsFailure('InvalidTag', `At most ${most} tags are allowed; these are ${pairs.length}.`);
  const tags = new Map<string, string>();
  for (const [key, value] of pairs) {
    if (key === '' || key.length > MAX_KEY) {
      throw obsFailure('InvalidTag', `The key of a tag has 1 to ${MAX_KEY} characters.`);
    }
    if (value.length > MAX_VALUE)
      throw obsFailure('InvalidTag', `The value of a tag has at most ${MAX_VALUE} characters.`);
    if (tags.has(key)) throw obsFailure('InvalidTag', `The tag "${key}" is given twice.`);
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}

/** The document of a set of tags. */
export function taggingXml(tags: Record<string, string>): Xml {
  const rows = Object.entries(tags).map(
    ([key, value]): Xml => [
      'Tag',
      [
        ['Key', key],
        ['Value', value],
      ],
    ],
  );
  return ['Tagging', [['TagSet', rows]]];
}
