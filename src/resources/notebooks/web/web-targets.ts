import type { RuntimeDriver } from '../../../runtime/driver.ts';
import { containerName } from '../notebook.container.ts';
import { WEB_PORT } from '../notebook.paths.ts';
import type { NotebookStore } from '../notebook.store.ts';
import type { WebTarget } from './web-proxy.ts';

/** How long what is known of an instance is taken for true, unless it is told to be otherwise. */
const FRESH_MS = 1_000;
const MOST_KNOWN = 1_000;

/** Finds running instances for the proxy, asking database and engine once for many requests. */
export function webTargets(deps: {
  store: Pick<NotebookStore, 'find'>;
  driver: Pick<RuntimeDriver, 'inspect'>;
  installation: string;
}) {
  const known = new Map<string, { at: number; target: Promise<WebTarget | undefined> }>();
  /** Addresses outlive a look at the database: a container keeps its own. */
  const addresses = new Map<string, { run: number; at: { host: string; port: number } }>();

  async function look(id: string): Promise<WebTarget | undefined> {
    const notebook = await deps.store.find(id);
    if (!notebook || (notebook.status !== 'RUNNING' && notebook.status !== 'SNAPSHOTTING')) {
      addresses.delete(id);
      return undefined;
    }
    const { token, run } = notebook;
    const held = addresses.get(id);
    if (held?.run === run) return { id, token, at: held.at };
    const observed = await deps.driver.inspect(containerName(deps.installation, id)).catch(() => undefined);
    const at = observed?.endpoints[WEB_PORT];
    if (at) addresses.set(id, { run, at });
    return { id, token, at };
  }

  return {
    find(id: string): Promise<WebTarget | undefined> {
      const now = performance.now();
      const held = known.get(id);
      if (held && now - held.at < FRESH_MS) return held.target;
      if (known.size > MOST_KNOWN) known.clear();
      const target = look(id);
      known.set(id, { at: now, target });
      target.catch(() => known.delete(id));
      return target;
    },
    /** What is known of an instance is no longer so: it stops, or is not where it was. */
    forget(id: string): void {
      addresses.delete(id);
      known.delete(id);
    },
  };
}
