import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The label that tells what an image was made of. */
export const SOURCE_LABEL = 'io.atelier.source';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const LEFT_OUT = new Set(['tests', '__pycache__', 'README.md']);

/** Hashes of what the images are made of, and where their sources lie. */
export interface PresetSources {
  baseHash: string;
  imageHash: string;
  bootstrap: string;
}

/** Reads the sources of the preset images below `root` (the repository when absent). */
export async function presetSources(root = REPOSITORY): Promise<PresetSources> {
  const base = await files(root, 'images/debian');
  const image = [...(await files(root, 'images/pytorch')), ...(await files(root, 'runtimes/python'))];
  return {
    baseHash: await hash(root, base),
    imageHash: await hash(root, [...base, ...image]),
    bootstrap: join(root, 'images/debian/bootstrap.sh'),
  };
}

/** Hash of what the notebook image is made of: its own files, and those of the PyTorch image that it stands on. */
export async function notebookHash(root = REPOSITORY): Promise<string> {
  const { imageHash } = await presetSources(root);
  return `${imageHash}-${await hash(root, await files(root, 'images/notebook', []))}`;
}

/** JupyterLab for the notebook image: where its files lie, their hash, and the text of the lock of its packages. */
export async function labSources(root = REPOSITORY): Promise<{ folder: string; hash: string; lock: string }> {
  const folder = join(root, 'images/jupyterlab');
  return {
    folder,
    hash: await hash(root, await files(root, 'images/jupyterlab')),
    lock: await readFile(join(folder, 'requirements.txt'), 'utf8'),
  };
}

/** Lays out the context of the PyTorch image in `dir`: its Dockerfile and `python/`. */
export async function layOutContext(dir: string, root = REPOSITORY): Promise<void> {
  await mkdir(dir, { recursive: true });
  await cp(join(root, 'images/pytorch/Dockerfile'), join(dir, 'Dockerfile'));
  for (const path of await files(root, 'runtimes/python')) {
    const target = join(dir, 'python', path.slice('runtimes/python/'.length));
    await mkdir(dirname(target), { recursive: true });
    await cp(join(root, path), target);
  }
}

/** Lays out the context of the notebook image in `dir`. */
export async function layOutNotebookContext(dir: string, root = REPOSITORY): Promise<void> {
  const dist = join(dirname(createRequire(import.meta.url).resolve('xterm/package.json')), 'dist');
  // Where Jupyter looks for its parts: folder and file for each.
  const parts = {
    'xterm.js/index.js': 'xterm.js',
    'xterm.js-css/index.css': 'xterm.css',
    'xterm.js-fit/index.js': 'addons/fit/fit.js',
  };
  for (const [target, source] of Object.entries(parts)) {
    await mkdir(dirname(join(dir, 'xterm', target)), { recursive: true });
    await cp(join(dist, source), join(dir, 'xterm', target));
  }
  await cp(join(root, 'images/notebook'), dir, { recursive: true });
}

/** Paths relative to `root` of the files that matter below `folder`, sorted. */
async function files(root: string, folder: string, leftOut: Iterable<string> = LEFT_OUT): Promise<string[]> {
  const out = new Set(leftOut);
  const found: string[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    if (out.has(entry.name) || entry.name.startsWith('.')) continue;
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await files(root, path, leftOut)));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

async function hash(root: string, paths: readonly string[]): Promise<string> {
  const sum = createHash('sha256');
  for (const path of paths) {
    const content = await readFile(join(root, path));
    const executable = ((await stat(join(root, path))).mode & 0o100) !== 0;
    sum.update(`${path}\0${executable ? 'x' : '-'}${content.length}\0`).update(content);
  }
  return sum.digest('hex').slice(0, 32);
}
