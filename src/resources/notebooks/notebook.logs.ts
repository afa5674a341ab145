import { readFile } from 'node:fs/promises';
import type { RuntimeDriver } from '../../runtime/driver.ts';
import { containerName } from './notebook.container.ts';
import type { Notebook } from './notebook.model.ts';
import { hostPaths } from './notebook.paths.ts';

const LONGEST_LINE = 2000;

/** The last lines of a container's output. */
export async function lastLines(driver: RuntimeDriver, container: string, count: number): Promise<string[]> {
  const kept: string[] = [];
  let open = '';
  for await (const { text, complete } of driver.logs(container, { follow: false })) {
    open = (open + text).slice(0, LONGEST_LINE);
    if (!complete) continue;
    kept.push(open);
    open = '';
    if (kept.length > count * 2) kept.splice(0, kept.length - count);
  }
  if (open !== '') kept.push(open);
  return kept.slice(-count);
}

/** The output of an instance as its users see it: of the present run, or of the last one when it is stopped. */
export function notebookLogs(deps: { driver: RuntimeDriver; dir: string; installation: string }) {
  return async (notebook: Notebook, lines: number): Promise<string> => {
    const container = containerName(deps.installation, notebook.id);
    const { state } = await deps.driver.inspect(container);
    if (state !== 'absent') return (await lastLines(deps.driver, container, lines)).join('\n');
    const text = await readFile(hostPaths(deps.dir, notebook.id).lastLog, 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return '';
        throw error;
      },
    );
    return text.split('\n').slice(-lines).join('\n');
  };
}
