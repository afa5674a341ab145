import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../kernel/failure.ts';
import { type BuildOptions, EngineUnavailable, type ImageInfo, type RuntimeDriver } from '../../runtime/driver.ts';
import {
  CLASSIC_IMAGE,
  ensureNotebookImage,
  jupyterLabOf,
  NOTEBOOK_IMAGE,
  type NotebookBuildOptions,
} from './index.ts';
import { packageIndex } from './package-index.fixture.ts';

/** An engine that notes what it builds, a package index that can be away, and sources of their own. */
async function rig(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'atelier-notebook-image-'));
  const index = await packageIndex({ jupyterlab: { 'jupyterlab-4.9.1-py3-none-any.whl': 'lab' } });
  t.after(async () => {
    await index.close();
    await rm(dir, { recursive: true, force: true });
  });
  const root = join(dir, 'root');
  for (const [path, text] of [
    ['images/debian/bootstrap.sh', ''],
    ['images/pytorch/Dockerfile', 'FROM base\n'],
    ['images/notebook/Dockerfile', 'FROM pytorch\n'],
    ['images/jupyterlab/Dockerfile', 'FROM notebook\n'],
    ['images/jupyterlab/requirements.txt', `${index.lockLine('jupyterlab', '4.9.1')}\n`],
    ['runtimes/python/code.py', ''],
  ] as const) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const held = new Map<string, ImageInfo>();
  const done: string[] = [];
  let refuses: ((options: BuildOptions) => Error | undefined) | undefined;
  const driver = {
    inspectImage: async (ref: string) => held.get(ref),
    async buildImage(options: BuildOptions) {
      const context = (await readdir(options.contextDir, { recursive: true })).sort();
      const error = refuses?.(options);
      if (error) throw error;
      const file = await readFile(join(options.contextDir, 'Dockerfile'), 'utf8');
      const wheels = context.filter(path => path.endsWith('.whl')).length;
      done.push(`${options.ref} ${file.trim()}${wheels ? ` with ${wheels} wheels` : ''}`);
      const labels = options.labels ?? {};
      const id = `sha256:${done.length}`;
      held.set(options.ref, { id, names: [], sizeBytes: 1, user: '', labels, createdAt: 0, command: [] });
    },
    removeImage: async (id: string) => void done.push(`remove ${id}`),
  } as unknown as RuntimeDriver;
  const ensure = async (jupyterLab: NotebookBuildOptions['jupyterLab']) => {
    done.length = 0;
    return ensureNotebookImage(driver, { workDir: join(dir, 'work'), root, jupyterLab, pythonIndex: index.url });
  };
  return {
    index,
    done,
    ensure,
    change: (path: string) => writeFile(join(root, path), 'FROM other\n'),
    refuse(rule: typeof refuses) {
      refuses = rule;
    },
    version: () => jupyterLabOf(held.get(NOTEBOOK_IMAGE)),
    away(is: boolean) {
      index.instead = (_request, response) => is && Boolean(response.writeHead(503).end());
    },
  };
}

const CLASSIC = `${CLASSIC_IMAGE} FROM pytorch`;
const WITH_LAB = `${NOTEBOOK_IMAGE} FROM notebook with 1 wheels`;
const WITHOUT = `${NOTEBOOK_IMAGE} FROM ${CLASSIC_IMAGE}`;

test('JupyterLab is laid over the classic image, once', async t => {
  const { done, ensure, index, version } = await rig(t);
  assert.deepEqual(await ensure('auto'), { built: [CLASSIC_IMAGE, NOTEBOOK_IMAGE], jupyterLab: '4.9.1' });
  assert.deepEqual(done, [CLASSIC, WITH_LAB]);
  assert.equal(version(), '4.9.1');
  const asked = index.asked.length;
  for (const mode of ['auto', 'on', 'off'] as const) {
    assert.deepEqual(await ensure(mode), { built: [], jupyterLab: '4.9.1' });
  }
  assert.equal(index.asked.length, asked, 'an image that is there is asked nothing for');
});

test('without an index the image is built and says so; it is taken as it is until JupyterLab is asked for anew', async t => {
  const { done, ensure, away, version, index } = await rig(t);
  away(true);
  const first = await ensure('auto');
  assert.deepEqual(done, [CLASSIC, WITHOUT]);
  assert.match(first.reason ?? '', /could not be read: it answers 503/);
  assert.equal(version(), undefined);

  assert.match((await ensure('on')).reason ?? '', /answers 503/);
  assert.deepEqual(done, [], 'it is not built again for having missed it again');

  away(false);
  const asked = index.asked.length;
  assert.deepEqual(await ensure('auto'), { built: [] });
  assert.deepEqual([done, index.asked.length], [[], asked]);

  assert.equal((await ensure('on')).jupyterLab, '4.9.1');
  assert.deepEqual(done, [WITH_LAB, 'remove sha256:2']);
});

test('one that was built without being asked does not count as tried', async t => {
  const { done, ensure, index } = await rig(t);
  assert.deepEqual(await ensure('off'), { built: [CLASSIC_IMAGE, NOTEBOOK_IMAGE] });
  assert.deepEqual([done, index.asked], [[CLASSIC, WITHOUT], []]);
  assert.equal((await ensure('auto')).jupyterLab, '4.9.1');
  assert.equal(done[0], WITH_LAB);
});

test('an image of other sources is built anew, and only what they belong to', async t => {
  const { done, ensure, change } = await rig(t);
  await ensure('auto');
  await change('images/jupyterlab/Dockerfile');
  await ensure('auto');
  assert.deepEqual(done, [`${NOTEBOOK_IMAGE} FROM other with 1 wheels`, 'remove sha256:2']);
  await change('images/notebook/Dockerfile');
  await ensure('auto');
  assert.deepEqual(done.slice(0, 2), [`${CLASSIC_IMAGE} FROM other`, `${NOTEBOOK_IMAGE} FROM other with 1 wheels`]);
});

test('where JupyterLab cannot be built in, notebooks go without; an engine that is away is no reason to', async t => {
  const { done, ensure, refuse, version } = await rig(t);
  const isLab = (options: BuildOptions) => options.contextDir.endsWith('/lab');
  refuse(options => (isLab(options) ? new EngineUnavailable('podman', undefined) : undefined));
  await assert.rejects(ensure('auto'), EngineUnavailable);
  assert.equal(version(), undefined);
  refuse(options =>
    isLab(options) ? new Failure({ code: 'ModelArts.2959', status: 500, message: 'pip says no' }) : undefined,
  );
  assert.deepEqual(await ensure('auto'), { built: [NOTEBOOK_IMAGE], reason: 'pip says no' });
  assert.deepEqual(done, [WITHOUT]);
});
