import { errorText } from '../kernel/failure.ts';
import type { Log } from '../kernel/log.ts';
import { ensurePresetImages } from '../resources/images/index.ts';
import type { RuntimeDriver } from '../runtime/driver.ts';
import type { Health } from './health.ts';

const RETRY_MS = 60_000;

/**
 * Builds the preset images in the background, once, and says how far it is. A failed build is tried again later: a mirror may
 * have been away.
 */
export function keepPresetImages(deps: {
  driver: RuntimeDriver;
  log: Log;
  health: Health;
  workDir: string;
  lockFile: string;
}) {
  const { driver, log, health } = deps;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  async function build(): Promise<void> {
    health.set('presetImages', { ok: false, text: 'looking for the preset images', fraction: 0 });
    try {
      await ensurePresetImages(driver, {
        workDir: deps.workDir,
        lockFile: deps.lockFile,
        signal: stopping.signal,
        onProgress: (stage, fraction) => health.set('presetImages', { ok: false, text: stage, fraction }),
      });
      health.set('presetImages', { ok: true, text: 'present', fraction: 1 });
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error({ err: error }, 'preset images could not be built');
      health.set('presetImages', { ok: false, failed: true, text: errorText(error), fraction: 0 });
      timer = setTimeout(() => void build(), RETRY_MS);
    }
  }

  return {
    start: () => void build(),
    stop() {
      stopping.abort();
      clearTimeout(timer);
    },
  };
}
