import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { exclusively } from '../../kernel/exclusive.ts';
import { Failure } from '../../kernel/failure.ts';
import { EngineRefused, type RuntimeDriver } from '../../runtime/driver.ts';
import { BASE_IMAGE, PYTORCH_IMAGE } from './preset-image.ts';
import { buildProgress, SHARE } from './preset-progress.ts';
import { layOutContext, presetSources, SOURCE_LABEL } from './preset-source.ts';

/** Variables that package downloads inside the build need where the machine has a proxy; engines do not keep them. */
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

export interface PresetBuildOptions {
  /** Directory for temporary files, some 300 MB. */
  workDir: string;
  /** Stage in words, fraction of the whole (0 to 1) and, where one was printed, the tool's line. */
  onProgress?: (stage: string, fraction: number, line?: string) => void;
  signal?: AbortSignal;
  /** Held while building. Processes that share an image store must name the same file. */
  lockFile?: string;
  /** The repository whose sources are used; this one when absent. */
  root?: string;
}

/**
 * Makes sure that the preset images are there and made of the present sources; builds what is missing or old. Two processes that
 * do so at once build once. Resolves with what was done. Throws Failure with the tool's last lines, EngineUnavailable when the engine is away.
 */
export async function ensurePresetImages(
  driver: RuntimeDriver,
  options: PresetBuildOptions,
): Promise<{ built: string[] }> {
  const sources = await presetSources(options.root);
  const tell = options.onProgress ?? (() => {});
  if (await isMadeOf(driver, PYTORCH_IMAGE, sources.imageHash)) {
    tell('preset images are present', 1);
    return { built: [] };
  }
  return withLock(options, async () => {
    const built: string[] = [];
    const progress = buildProgress();
    // Another process may have built them while this one waited.
    if (await isMadeOf(driver, PYTORCH_IMAGE, sources.imageHash)) {
      tell('preset images are present', 1);
      return { built };
    }
    const before = [await driver.inspectImage(PYTORCH_IMAGE)];
    await mkdir(options.workDir, { recursive: true });
    const dir = await mkdtemp(join(options.workDir, 'preset-'));
    try {
      if (!(await isMadeOf(driver, BASE_IMAGE, sources.baseHash))) {
        const stage = 'making the Debian base image';
        const tarFile = join(dir, 'base.tar');
        tell(stage, progress.atLeast(0.01));
        await bootstrap(sources.bootstrap, tarFile, dir, options.signal, line =>
          tell(stage, progress.bootstrapLine(line), line),
        );
        before.push(await driver.inspectImage(BASE_IMAGE));
        tell('importing the Debian base image', progress.atLeast(SHARE.bootstrapped));
        await driver.importImage({
          tarFile,
          ref: BASE_IMAGE,
          changes: [`LABEL ${SOURCE_LABEL}=${sources.baseHash}`, 'CMD ["/bin/bash"]'],
        });
        await rm(tarFile, { force: true });
        built.push(BASE_IMAGE);
      }
      options.signal?.throwIfAborted();
      const stage = 'building the PyTorch image';
      tell(stage, progress.atLeast(SHARE.imported));
      const context = join(dir, 'context');
      await layOutContext(context, options.root);
      await build(
        driver,
        { context, ref: PYTORCH_IMAGE, base: BASE_IMAGE, hash: sources.imageHash, name: 'The PyTorch image' },
        line => tell(stage, progress.buildLine(line), line),
      );
      built.push(PYTORCH_IMAGE);
      for (const old of before) if (old) await dropOld(driver, old.id);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
    tell('preset images are present', 1);
    return { built };
  });
}

/** Whether an image is there and made of the sources of that hash. */
export async function isMadeOf(driver: RuntimeDriver, ref: string, hash: string): Promise<boolean> {
  return (await driver.inspectImage(ref))?.labels[SOURCE_LABEL] === hash;
}

export interface ImageToBuild {
  context: string;
  ref: string;
  base: string;
  /** Of the sources. */
  hash: string;
  /** Besides that of the sources. */
  labels?: Record<string, string>;
  nothingKept?: boolean;
  /** For people. */
  name: string;
}

/** Builds an image. Throws Failure with the tool's last lines. */
export async function build(driver: RuntimeDriver, image: ImageToBuild, onLine: (line: string) => void) {
  const last: string[] = [];
  const buildArgs: Record<string, string> = { BASE: image.base };
  for (const name of PROXY_VARIABLES) if (process.env[name]) buildArgs[name] = process.env[name];
  try {
    await driver.buildImage({
      contextDir: image.context,
      dockerfile: 'Dockerfile',
      ref: image.ref,
      buildArgs,
      labels: { [SOURCE_LABEL]: image.hash, ...image.labels },
      ...(image.nothingKept ? { nothingKept: true } : {}),
      onProgress: text => {
        for (const line of text.split(/[\r\n]+/)) {
          if (line.trim() === '') continue;
          last.push(line);
          if (last.length > 15) last.shift();
          onLine(line);
        }
      },
    });
  } catch (error) {
    if (error instanceof EngineRefused) throw failed(`${image.name} could not be built`, last, error);
    throw error;
  }
}

/** Removes an image that a new one replaced. A container may still use it; then it stays until the next build. */
export async function dropOld(driver: RuntimeDriver, id: string): Promise<void> {
  try {
    await driver.removeImage(id);
  } catch (error) {
    if (!(error instanceof EngineRefused)) throw error;
  }
}

async function bootstrap(
  script: string,
  tarFile: string,
  tmpDir: string,
  signal: AbortSignal | undefined,
  onLine: (line: string) => void,
): Promise<void> {
  const last: string[] = [];
  signal?.throwIfAborted();
  // A process group of its own: mmdebstrap sends SIGHUP to its whole group when it fails, which must not be ours.
  const child = spawn('bash', [script, tarFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: tmpDir },
    detached: true,
  });
  const cancel = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  signal?.addEventListener('abort', cancel, { once: true });
  const read = (stream: NodeJS.ReadableStream) =>
    createInterface({ input: stream }).on('line', line => {
      last.push(line);
      if (last.length > 15) last.shift();
      onLine(line);
    });
  read(child.stdout);
  read(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  signal?.removeEventListener('abort', cancel);
  signal?.throwIfAborted();
  if (code !== 0) throw failed('The Debian base image could not be made', last, undefined);
}

function failed(what: string, last: readonly string[], cause: unknown): Failure {
  return new Failure({
    code: 'ModelArts.2959',
    status: 500,
    message: `${what}: ${last.at(-1) ?? 'its tool said nothing'}`,
    solution:
      'Check that the Debian mirror can be reached (ATELIER_DEBIAN_MIRROR names another one) and that root runs Atelier, then try again.',
    cause: cause ?? new Error(last.join('\n')),
    details: { lastLines: last },
  });
}

/** Runs `work` while nobody else builds. */
export function withLock<T>(options: PresetBuildOptions, work: () => Promise<T>): Promise<T> {
  return exclusively(options.lockFile ?? join(options.workDir, 'preset-images.lock'), work, {
    waiting: () => options.onProgress?.('waiting for another process that builds the preset images', 0),
    signal: options.signal,
  });
}
