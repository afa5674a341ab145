import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, isFailure } from '../../kernel/failure.ts';
import type { ImageInfo, RuntimeDriver } from '../../runtime/driver.ts';
import { build, dropOld, isMadeOf, type PresetBuildOptions, withLock } from './preset-build.ts';
import { CLASSIC_IMAGE, NOTEBOOK_IMAGE, PYTORCH_IMAGE } from './preset-image.ts';
import { buildProgress } from './preset-progress.ts';
import { labSources, layOutNotebookContext, notebookHash, SOURCE_LABEL } from './preset-source.ts';
import { fetchWheels, readLock, WheelsMissing } from './preset-wheels.ts';

/** The label that tells the version of JupyterLab that an image holds, or why it holds none. */
const LAB_LABEL = 'io.atelier.jupyterlab';
/** Values of the label: JupyterLab was asked for and could not be had, or was not asked for. */
const MISSED = 'missed';
const UNASKED = 'unasked';

export interface NotebookBuildOptions extends PresetBuildOptions {
  /**
   * `auto`: tries to have JupyterLab when the image is built, and takes one that is there as it is; `on`: tries again as long as it holds
   * none; `off`: does not ask for it.
   */
  jupyterLab: 'auto' | 'on' | 'off';
  /** Address of a Python package index in the place of PyPI. */
  pythonIndex?: string | undefined;
}

export interface NotebookImageState {
  built: string[];
  /** Version of the JupyterLab that the image holds. */
  jupyterLab?: string;
  /** Why it could not be had, for people, where it was asked for just now. */
  reason?: string;
}

/** The version of the JupyterLab that an image of notebooks holds, or undefined. */
export function jupyterLabOf(image: Pick<ImageInfo, 'labels'> | undefined): string | undefined {
  const said = image?.labels[LAB_LABEL] ?? '';
  return /^\d/.test(said) ? said : undefined;
}

/**
 * Makes sure that the image of notebook instances is there and made of the present sources; the PyTorch image must be. JupyterLab lies over
 * the classic image, so that having it later costs seconds, and that not having it keeps nobody from working. Otherwise as
 * `ensurePresetImages`.
 */
export async function ensureNotebookImage(
  driver: RuntimeDriver,
  options: NotebookBuildOptions,
): Promise<NotebookImageState> {
  const classicHash = await notebookHash(options.root);
  const lab = await labSources(options.root);
  const wanted = `${classicHash}-${lab.hash}`;
  const present = async (): Promise<NotebookImageState | undefined> => {
    const image = await driver.inspectImage(NOTEBOOK_IMAGE);
    if (image?.labels[SOURCE_LABEL] !== wanted) return undefined;
    const version = jupyterLabOf(image);
    if (version !== undefined) return { built: [], jupyterLab: version };
    const takenAsItIs =
      options.jupyterLab === 'off' || (options.jupyterLab === 'auto' && image.labels[LAB_LABEL] === MISSED);
    return takenAsItIs ? { built: [] } : undefined;
  };
  const found = await present();
  if (found) return found;
  return withLock(options, async () => {
    // Another process may have built it while this one waited.
    const meanwhile = await present();
    if (meanwhile) return meanwhile;
    const tell = options.onProgress ?? (() => {});
    const progress = buildProgress();
    const built: string[] = [];
    const before = await driver.inspectImage(NOTEBOOK_IMAGE);
    // One that is made of the same and has missed it already need not be made again to miss it once more.
    const missed = before?.labels[SOURCE_LABEL] === wanted && before.labels[LAB_LABEL] === MISSED;
    const old = [before];
    await mkdir(options.workDir, { recursive: true });
    const dir = await mkdtemp(join(options.workDir, 'notebook-'));
    try {
      if (!(await isMadeOf(driver, CLASSIC_IMAGE, classicHash))) {
        old.push(await driver.inspectImage(CLASSIC_IMAGE));
        const context = join(dir, 'classic');
        await layOutNotebookContext(context, options.root);
        const stage = 'building the notebook image';
        tell(stage, progress.atLeast(0.01));
        await build(
          driver,
          { context, ref: CLASSIC_IMAGE, base: PYTORCH_IMAGE, hash: classicHash, name: 'The notebook image' },
          line => tell(stage, progress.buildLine(line), line),
        );
        built.push(CLASSIC_IMAGE);
      }
      options.signal?.throwIfAborted();
      const packages = readLock(lab.lock);
      const over = {
        ref: NOTEBOOK_IMAGE,
        base: CLASSIC_IMAGE,
        hash: wanted,
        nothingKept: true,
        name: 'The notebook image',
      };
      const version = packages.find(({ name }) => name === 'jupyterlab')?.version ?? '0';
      const withLab = async (): Promise<NotebookImageState> => {
        const context = join(dir, 'lab');
        await cp(lab.folder, context, { recursive: true });
        tell('fetching JupyterLab', progress.atLeast(0.9));
        await fetchWheels(packages, join(context, 'wheels'), { index: options.pythonIndex, signal: options.signal });
        tell('adding JupyterLab', progress.atLeast(0.93));
        await build(driver, { ...over, context, labels: { [LAB_LABEL]: version } }, line =>
          tell('adding JupyterLab', progress.atLeast(0.93), line),
        );
        return { built: [...built, NOTEBOOK_IMAGE], jupyterLab: version };
      };
      const without = async (said: string): Promise<NotebookImageState> => {
        const context = join(dir, 'without');
        await mkdir(context);
        await writeFile(join(context, 'Dockerfile'), `FROM ${CLASSIC_IMAGE}\n`);
        await build(driver, { ...over, context, labels: { [LAB_LABEL]: said } }, () => {});
        return { built: [...built, NOTEBOOK_IMAGE] };
      };
      const outcome =
        options.jupyterLab === 'off'
          ? await without(UNASKED)
          : await withLab().catch(async error => {
              if (!(error instanceof WheelsMissing) && !isFailure(error)) throw error;
              return { ...(missed ? { built } : await without(MISSED)), reason: errorText(error) };
            });
      for (const image of outcome.built.length > 0 ? old : []) if (image) await dropOld(driver, image.id);
      return outcome;
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
}
