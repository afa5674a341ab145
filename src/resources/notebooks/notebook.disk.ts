import { EngineUnavailable } from '../../runtime/driver.ts';
import type { Pass } from './notebook.pass.ts';
import { WORK_DIR } from './notebook.paths.ts';

const HOUR_MS = 3_600_000;
const GIB = 1024 ** 3;
/** Of looks at a layer that only the engine can measure, which is work, so many are left out. */
const LOOKS = 6;

/** Tells when the storage is nearly full, and when it is. */
export function storageWatch(pass: Pass): () => Promise<void> {
  const { deps, notebook } = pass;
  const tell = fullness(pass, 'disk', {
    full: size =>
      `The storage is full (${size} under ${WORK_DIR}): writing fails with "No space left on device". Delete files, or let the storage grow.`,
    nearly: size => `The storage is nearly full: less than 10 % of ${size} under ${WORK_DIR} is left.`,
  });
  return async () => {
    const use = await deps.volumes.use(notebook.id, notebook.volumeBytes);
    if (use) await tell(use.bytes, use.freeBytes);
  };
}

/**
 * Tells when what may be written outside of the storage is nearly used up, and when it is. Where nothing holds the container to it, one that
 * has written more is asked to stop, lest it fill the disk of the machine. The function returns true then.
 */
export function layerWatch(pass: Pass): () => Promise<boolean> {
  const { deps, notebook, store } = pass;
  const tell = fullness(pass, 'layer', {
    full: size =>
      `The space outside of ${WORK_DIR} is full (${size}): writing there, such as installing packages, fails with "No space left on device". Delete files under /tmp and /home/ma-user; a stop empties it.`,
    nearly: size => `The space outside of ${WORK_DIR} is nearly full: less than 10 % of ${size} is left.`,
  });
  let looks = 0;
  let enforced = true;
  return async () => {
    if (!enforced && ++looks % LOOKS !== 0) return false;
    const use = await deps.driver.layerUse(pass.container).catch(error => {
      if (error instanceof EngineUnavailable) throw error;
      // It may have ended between two looks; what follows is for whoever waits for its end.
      deps.log.debug({ err: error, notebook: notebook.id }, 'the layer of a notebook could not be measured');
    });
    if (!use) return false;
    enforced = use.enforced;
    await tell(use.limitBytes, Math.max(0, use.limitBytes - use.bytes));
    if (enforced || use.bytes <= use.limitBytes || notebook.snapshot !== null) return false;
    const size = `${Math.round(use.limitBytes / GIB)} GB`;
    const reason = `It wrote more than ${size} outside of ${WORK_DIR}. The instance is stopped; its files under ${WORK_DIR} stay.`;
    const outcome = await store.displace(notebook.id, reason, status => status === 'RUNNING', deps.clock.now());
    if (!outcome?.changed) return false;
    await pass.tell('Error', reason, 'layer over');
    return true;
  };
}

/** Tells of fullness when it gets worse, the same once an hour at most. */
function fullness(
  pass: Pass,
  name: string,
  text: { full(size: string): string; nearly(size: string): string },
): (bytes: number, freeBytes: number) => Promise<void> {
  let level = 0;
  return async (bytes, freeBytes) => {
    const free = freeBytes / bytes;
    const now = free < 0.01 ? 2 : free < 0.1 ? 1 : 0;
    if (now > level) {
      const hour = Math.floor(pass.deps.clock.now() / HOUR_MS);
      const size = `${Math.round(bytes / GIB)} GB`;
      await pass.tell('Warning', now === 2 ? text.full(size) : text.nearly(size), `${name} ${now} ${hour}`);
    }
    level = now;
  };
}
