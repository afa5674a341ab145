import { errorText } from '../kernel/failure.ts';
import type { Log } from '../kernel/log.ts';
import {
  CLASSIC_IMAGE,
  ensureNotebookImage,
  ensurePresetImages,
  NOTEBOOK_IMAGE,
  type NotebookBuildOptions,
} from '../resources/images/index.ts';
import type { RuntimeDriver } from '../runtime/driver.ts';
import type { Health } from './health.ts';

const RETRY_MS = 60_000;
const HOW_TO_ADD = 'start with ATELIER_JUPYTERLAB=on once a Python package index can be reached';
/** The notebook image is not needed at once, and whoever tries the platform first wants the machine for something else. */
const NOTEBOOK_DELAY_MS = 5 * 60_000;

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
  jupyterLab: NotebookBuildOptions['jupyterLab'];
  pythonIndex: string | undefined;
}) {
  const { driver, log, health } = deps;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let notebookTimer: NodeJS.Timeout | undefined;
  /** Of the notebook image: how far it is, or undefined when it is there or nothing is known against it. */
  let preparing: string | undefined = 'the preset images are looked for';
  let building = false;

  async function buildNotebook(): Promise<void> {
    clearTimeout(notebookTimer);
    if (building || stopping.signal.aborted) return;
    building = true;
    try {
      const { jupyterLab, reason } = await ensureNotebookImage(driver, {
        workDir: deps.workDir,
        lockFile: deps.lockFile,
        jupyterLab: deps.jupyterLab,
        pythonIndex: deps.pythonIndex,
        signal: stopping.signal,
        onProgress: (stage, fraction) => {
          preparing = `${stage}, ${Math.round(fraction * 100)} %`;
          health.set('notebookImage', { ok: false, text: stage, fraction });
        },
      });
      preparing = undefined;
      if (reason !== undefined) log.warn({ reason }, `the notebook image holds no JupyterLab; ${HOW_TO_ADD}`);
      const without =
        deps.jupyterLab === 'off' ? '' : `, without JupyterLab${reason ? ` (${reason})` : ''}; ${HOW_TO_ADD}`;
      health.set('notebookImage', { ok: true, text: jupyterLab ? 'present' : `present${without}`, fraction: 1 });
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error({ err: error }, 'the notebook image could not be built');
      preparing = `it could not be built and is tried again: ${errorText(error)}`;
      health.set('notebookImage', { ok: false, failed: true, text: errorText(error), fraction: 0 });
      notebookTimer = setTimeout(() => void buildNotebook(), RETRY_MS);
    } finally {
      building = false;
    }
  }

  /** Now when it is there or was asked for; otherwise later. */
  let wanted = false;
  async function afterPresets(): Promise<void> {
    if (wanted || (await driver.hasImage(NOTEBOOK_IMAGE))) return buildNotebook();
    preparing = 'it is not built yet';
    notebookTimer = setTimeout(() => void buildNotebook(), NOTEBOOK_DELAY_MS);
  }

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
      await afterPresets();
    } catch (error) {
      if (stopping.signal.aborted) return;
      log.error({ err: error }, 'preset images could not be built');
      health.set('presetImages', { ok: false, failed: true, text: errorText(error), fraction: 0 });
      timer = setTimeout(() => void build(), RETRY_MS);
    }
  }

  return {
    start: () => void build(),
    /** Why a notebook's image is not there yet, if it is a preset that is being prepared; asking has it built at once. */
    preparing(ref: string): string | undefined {
      if ((ref !== NOTEBOOK_IMAGE && ref !== CLASSIC_IMAGE) || preparing === undefined) return undefined;
      if (notebookTimer && !wanted) void buildNotebook();
      wanted = true;
      return preparing;
    },
    stop() {
      stopping.abort();
      clearTimeout(notebookTimer);
      clearTimeout(timer);
    },
  };
}
