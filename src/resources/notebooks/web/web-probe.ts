import type { Probe } from '../notebook.ports.ts';

const PATIENCE_MS = 3_000;

interface Busy {
  last_activity?: string;
  execution_state?: string;
}

/** Asks the web IDE over its HTTP API whether it is up, and when its kernels and terminals were last used. */
export const probeWeb: Probe = async ({ id }, { host, port }, secret, signal) => {
  async function ask<T>(path: string): Promise<T | undefined> {
    try {
      const response = await fetch(`http://${host}:${port}/${id}/api/${path}`, {
        headers: { authorization: `token ${secret}` },
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
      });
      const text = await response.text();
      return response.ok ? (JSON.parse(text) as T) : undefined;
    } catch {
      return undefined; // Not up, or busy: the next question tells.
    }
  }
  const status = await ask<{ started?: string }>('status');
  if (status === undefined) return undefined;
  const [kernels, terminals] = await Promise.all([ask<Busy[]>('kernels'), ask<Busy[]>('terminals')]);
  // What answers is the user's to replace: whatever it says is taken as a hint, never trusted to have a shape.
  const all = [kernels, terminals].flatMap(list => (Array.isArray(list) ? list : []));
  const times = all.map(item => Date.parse(String(item?.last_activity))).filter(time => !Number.isNaN(time));
  return {
    activeAt: Math.min(Math.max(0, ...times), Date.now()),
    busy: all.some(item => item?.execution_state === 'busy'),
  };
};
