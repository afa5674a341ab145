/** Media types by the end of a name, of what browsers do not know. */
const TYPES: Record<string, string> = {
  csv: 'text/csv',
  json: 'application/json',
  jsonl: 'application/jsonl',
  md: 'text/markdown',
  py: 'text/x-python',
  tsv: 'text/tab-separated-values',
  txt: 'text/plain',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

/** Images that `<img>` shows and that are no documents. */
const IMAGES: Record<string, string> = {
  avif: 'image/avif',
  bmp: 'image/bmp',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
};

/** The type that a file is stored with. */
export function typeOf({ name, type }: { name: string; type: string }): string {
  return type || TYPES[endOf(name)] || 'application/octet-stream';
}

/** How an object of this name is shown. An image's type is ours, whatever the object says of itself. */
export function shownAs(
  key: string,
): { kind: 'image'; type: string } | { kind: 'table'; separator: string } | { kind: 'text' } {
  const end = endOf(key);
  if (Object.hasOwn(IMAGES, end)) return { kind: 'image', type: IMAGES[end]! };
  if (end === 'csv' || end === 'tsv') return { kind: 'table', separator: end === 'csv' ? ',' : '\t' };
  return { kind: 'text' };
}

function endOf(name: string): string {
  return (/\.(\w+)$/.exec(name)?.[1] ?? '').toLowerCase();
}
