import { setTimeout as sleep } from 'node:timers/promises';
import { EngineRefused, type Observation } from '../driver.ts';
import { type EngineClient, LIBPOD } from './engine-client.ts';

/**
 * Waits until container `name` has ended or is absent. Podman polls the state itself, every 250 ms unless told otherwise: short
 * at first, when short runs end, then longer, since each poll costs the engine some work.
 */
export async function waitForExit(
  client: EngineClient,
  name: string,
  inspect: () => Promise<Observation>,
  signal?: AbortSignal,
): Promise<Observation> {
  const startedWaiting = Date.now();
  for (;;) {
    signal?.throwIfAborted();
    const now = await inspect();
    if (now.state === 'absent' || now.state === 'exited') return now;
    if (now.state === 'created') {
      await sleep(100, undefined, { signal });
      continue;
    }
    const age = Date.now() - Math.max(now.startedAt ?? 0, startedWaiting - 3_600_000);
    const [interval, window] = age < 20_000 ? ['10ms', 20_000] : age < 600_000 ? ['50ms', 120_000] : ['250ms', 600_000];
    await waitOnce(client, name, interval, window, signal);
  }
}

async function waitOnce(client: EngineClient, name: string, interval: string, windowMs: number, signal?: AbortSignal) {
  const { engine } = await client.flavour();
  const window = AbortSignal.timeout(windowMs);
  const either = signal === undefined ? window : AbortSignal.any([signal, window]);
  try {
    await client.request({
      operation: `waiting for ${name}`,
      method: 'POST',
      path: engine === 'podman' ? `${LIBPOD}/containers/${name}/wait` : `/containers/${name}/wait`,
      query: engine === 'podman' ? { condition: 'exited', interval } : { condition: 'not-running' },
      expect: [200, 404],
      signal: either,
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (window.aborted) return;
    // Removed while we waited, or a hiccup of the engine's: the next inspection tells which.
    if (error instanceof EngineRefused) await sleep(100, undefined, { signal });
    else throw error;
  }
}
