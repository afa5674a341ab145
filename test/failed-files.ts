/** A reporter for `node --test`: the path of each file with a failure, a line each, once. */
export default async function* failedFiles(
  events: AsyncIterable<{ type: string; data: { file?: string; name?: string } }>,
): AsyncGenerator<string> {
  const told = new Set<string>();
  for await (const { type, data } of events) {
    if (type !== 'test:fail') continue;
    // A file that dies before its first test is told as a test of its own name.
    const file = data.file ?? data.name ?? '';
    if (told.has(file)) continue;
    told.add(file);
    yield `${file}\n`;
  }
}
