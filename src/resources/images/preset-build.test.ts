import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isFailure } from '../../kernel/failure.ts';
import type { BuildOptions, ImageInfo, RuntimeDriver } from '../../runtime/driver.ts';
import { BASE_IMAGE, ensurePresetImages, PYTORCH_IMAGE } from './index.ts';
import { buildProgress } from './preset-progress.ts';

/** The images of an engine that takes what it is given, and notes it. */
class Images {
  readonly held = new Map<string, ImageInfo>();
  readonly done: string[] = [];
  context: string[] = [];

  #hold(ref: string, labels: Record<string, string>): void {
    const id = `sha256:${this.done.length}`;
    this.held.set(ref, { id, names: [ref], sizeBytes: 1, user: '', labels, createdAt: 0, command: [] });
  }

  driver(): RuntimeDriver {
    const images = {
      inspectImage: async (ref: string) => this.held.get(ref),
      importImage: async (options: { tarFile: string; ref: string; changes?: string[] }) => {
        assert.equal(await readFile(options.tarFile, 'utf8'), 'root\n');
        const label = /^LABEL (\S+)=(\S+)$/.exec(options.changes?.[0] ?? '');
        this.done.push(`import ${options.ref}`);
        this.#hold(options.ref, { [label?.[1] ?? '']: label?.[2] ?? '' });
      },
      buildImage: async (options: BuildOptions) => {
        this.context = (await readdir(options.contextDir, { recursive: true })).sort();
        options.onProgress?.('0 upgraded, 2 newly installed\nUnpacking a\nUnpacking b');
        this.done.push(`build ${options.ref}`);
        this.#hold(options.ref, options.labels ?? {});
      },
      removeImage: async (ref: string) => void this.done.push(`remove ${ref}`),
    };
    return images as unknown as RuntimeDriver;
  }
}

describe('ensurePresetImages', () => {
  let dir: string;
  let root: string;
  let images: Images;
  const source = (path: string) => join(root, path);
  const ensure = (onProgress?: (stage: string, fraction: number, line?: string) => void) =>
    ensurePresetImages(images.driver(), { workDir: join(dir, 'work'), root, ...(onProgress ? { onProgress } : {}) });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'atelier-preset-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  beforeEach(async () => {
    images = new Images();
    root = await mkdtemp(join(dir, 'root-'));
    await mkdir(source('images/debian'), { recursive: true });
    await mkdir(source('images/pytorch'), { recursive: true });
    await mkdir(source('runtimes/python/pkg/tests'), { recursive: true });
    await writeFile(
      source('images/debian/bootstrap.sh'),
      'echo "I: downloading packages"\nsleep 0.3\necho root >"$1"\necho "bootstrap: done"\n',
    );
    await writeFile(source('images/pytorch/Dockerfile'), 'FROM base\n');
    await writeFile(source('runtimes/python/pkg/code.py'), 'x = 1\n');
    await writeFile(source('runtimes/python/pkg/tests/test_code.py'), 'y = 1\n');
  });

  it('builds what is missing, tells how far it is, and leaves nothing behind', async () => {
    const fractions: number[] = [];
    const stages = new Set<string>();
    const { built } = await ensure((stage, fraction) => {
      stages.add(stage);
      fractions.push(fraction);
    });
    assert.deepEqual(built, [BASE_IMAGE, PYTORCH_IMAGE]);
    assert.deepEqual(images.context, ['Dockerfile', 'python', 'python/pkg', 'python/pkg/code.py']);
    assert.deepEqual(
      fractions,
      fractions.toSorted((a, b) => a - b),
    );
    assert.equal(fractions.at(-1), 1);
    assert.ok(stages.has('making the Debian base image') && stages.has('building the PyTorch image'));
    assert.deepEqual(
      (await readdir(join(dir, 'work'))).filter(name => name.startsWith('preset-') && !name.endsWith('.lock')),
      [],
    );
  });

  it('does nothing when the images are made of the present sources', async () => {
    await ensure();
    await writeFile(source('runtimes/python/pkg/tests/test_code.py'), 'y = 2\n');
    assert.deepEqual(await ensure(), { built: [] });
    assert.deepEqual(images.done, [`import ${BASE_IMAGE}`, `build ${PYTORCH_IMAGE}`]);
  });

  it('builds anew what a changed source belongs to, and drops the image it replaces', async () => {
    await ensure();
    const old = images.held.get(PYTORCH_IMAGE)?.id;
    await writeFile(source('runtimes/python/pkg/code.py'), 'x = 2\n');
    assert.deepEqual((await ensure()).built, [PYTORCH_IMAGE]);
    assert.equal(images.done.at(-1), `remove ${old}`);
    await writeFile(source('images/debian/bootstrap.sh'), 'echo root >"$1"\n');
    const oldBase = images.held.get(BASE_IMAGE)?.id;
    assert.deepEqual((await ensure()).built, [BASE_IMAGE, PYTORCH_IMAGE]);
    assert.equal(images.done.at(-1), `remove ${oldBase}`);
  });

  it('builds once when two ask at once', async () => {
    const both = await Promise.all([ensure(), ensure()]);
    assert.deepEqual(both.map(({ built }) => built.length).toSorted(), [0, 2]);
    assert.equal(images.done.length, 2);
  });

  it('says why the base could not be made, and can be asked again', async () => {
    await writeFile(source('images/debian/bootstrap.sh'), 'echo "E: no such mirror" >&2; exit 3\n');
    await assert.rejects(ensure(), error => isFailure(error) && error.message.includes('E: no such mirror'));
    assert.deepEqual(images.done, []);
    await writeFile(source('images/debian/bootstrap.sh'), 'echo root >"$1"\n');
    assert.equal((await ensure()).built.length, 2);
  });

  it('finds the sources of this repository', async () => {
    await assert.rejects(
      ensurePresetImages(images.driver(), {
        workDir: join(dir, 'work'),
        signal: AbortSignal.abort(new Error('far enough')),
        onProgress: () => assert.ok(existsSync(join(dir, 'work'))),
      }),
    );
  });
});

describe('buildProgress', () => {
  it('never goes back', () => {
    const progress = buildProgress();
    assert.equal(progress.atLeast(0.5), 0.5);
    assert.equal(progress.bootstrapLine('I: running apt-get update...'), 0.5);
    progress.buildLine('0 upgraded, 4 newly installed, 0 to remove');
    for (let n = 0; n < 9; n++) progress.buildLine('Setting up x');
    assert.ok(progress.atLeast(0) <= 0.88);
  });
});
