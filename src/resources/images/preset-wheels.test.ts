import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type PackageIndex, packageIndex } from './package-index.fixture.ts';
import { labSources } from './preset-source.ts';
import { fetchWheels, readLock, type WheelSource, WheelsMissing } from './preset-wheels.ts';

const MINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const OTHER = process.arch === 'arm64' ? 'x86_64' : 'aarch64';
const FILES = {
  lab: { 'lab-1.0-py3-none-any.whl': 'all of lab' },
  fast: {
    [`fast-2.0-cp311-cp311-manylinux_${OTHER}.whl`]: 'for another machine',
    [`fast-2.0-cp311-cp311-manylinux_${MINE}.whl`]: 'for this machine',
  },
};

async function rig(t: TestContext, files: Record<string, Record<string, string>> = FILES) {
  const dir = await mkdtemp(join(tmpdir(), 'atelier-wheels-'));
  const index = await packageIndex(files);
  t.after(async () => {
    await index.close();
    await rm(dir, { recursive: true, force: true });
  });
  const lock = `# what it is\n${index.lockLine('fast', '2.0')}\n${index.lockLine('lab', '1.0')}\n`;
  const get = (source: WheelSource = {}) =>
    fetchWheels(readLock(lock), join(dir, 'wheels'), { index: index.url, ...source });
  return { dir: join(dir, 'wheels'), index, get };
}

test('fetches the wheels for this machine', async t => {
  const { dir, index, get } = await rig(t);
  await get();
  assert.deepEqual((await readdir(dir)).sort(), [
    `fast-2.0-cp311-cp311-manylinux_${MINE}.whl`,
    'lab-1.0-py3-none-any.whl',
  ]);
  assert.equal(await readFile(join(dir, 'lab-1.0-py3-none-any.whl'), 'utf8'), 'all of lab');
  assert.equal(index.asked.length, 4);
});

for (const [what, instead, message] of [
  [
    'another content',
    (path, response) => path.endsWith('any.whl') && response.end('another') && true,
    /is not what it should be/,
  ],
  [
    'no such package',
    (path, response) => path.includes('/simple/lab/') && response.writeHead(404).end() && true,
    /it answers 404 to \/simple\/lab\//,
  ],
  [
    'other files of it',
    (path, response) => path.includes('/simple/lab/') && response.end('<a href="x-1.whl#sha256=00">x</a>') && true,
    /no wheel of lab 1\.0/,
  ],
  [
    'a way round and round',
    (_path, response) => response.writeHead(302, { location: '/again' }).end() && true,
    /it answers 302/,
  ],
  ['nothing', () => true, /it took too long|could not be read/],
] as [string, (path: string, response: Parameters<PackageIndex['instead']>[1]) => boolean, RegExp][]) {
  test(`an index that has ${what} is told of, and holds nobody up`, async t => {
    const { index, get } = await rig(t);
    index.instead = (request, response) => instead(request.url!, response);
    const begun = performance.now();
    await assert.rejects(
      get(what === 'nothing' ? { reachMs: 300 } : {}),
      (error: Error) => error instanceof WheelsMissing && message.test(error.message),
    );
    assert.ok(performance.now() - begun < 20_000);
  });
}

test('all of it has a limit of time', async t => {
  const { index, get } = await rig(t);
  index.instead = request => request.url!.endsWith('any.whl');
  await assert.rejects(get({ fetchMs: 300 }), /it took too long/);
});

test('the word of whoever stops it is his own', async t => {
  const { index, get } = await rig(t);
  index.instead = () => true;
  await assert.rejects(get({ signal: AbortSignal.timeout(200) }), (error: Error) => !(error instanceof WheelsMissing));
});

test('an address that is none is told of; credentials are sent, and never told', async t => {
  const { index, get } = await rig(t);
  await assert.rejects(get({ index: 'pypi' }), /PIP_INDEX_URL/);
  let shown: string | undefined;
  index.instead = (request, response) => {
    shown = request.headers.authorization;
    response.writeHead(403).end();
    return true;
  };
  await assert.rejects(
    get({ index: index.url.replace('//', '//me:secret@') }),
    (error: Error) => /answers 403/.test(error.message) && !error.message.includes('secret'),
  );
  assert.equal(shown, `Basic ${btoa('me:secret')}`);
});

test('the lock of JupyterLab pins every package by its digest', async () => {
  const packages = readLock((await labSources()).lock);
  assert.ok(packages.some(({ name }) => name === 'jupyterlab') && packages.length > 20);
  assert.throws(() => readLock('jupyterlab>=4\n'), /cannot be read/);
});
