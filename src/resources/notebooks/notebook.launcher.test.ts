import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PLATFORM_DIR, READY_FILE } from '../workload-access/index.ts';
import { LAUNCHER_SCRIPT, launchArguments, webConfigs } from './notebook.launcher.ts';
import { HOME, LAUNCH_DIR } from './notebook.paths.ts';

const ID = '11111111-1111-1111-1111-111111111111';
const LAB = '/opt/jupyterlab/bin/jupyter-lab';

/** Runs the launcher in a directory that stands for the root of a container, where each web IDE says what it was called with, and ends. */
async function launch(t: TestContext, holds: { lab?: boolean; classic?: boolean }, env: Record<string, string> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'atelier-launcher-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  let script = LAUNCHER_SCRIPT;
  for (const path of [READY_FILE, PLATFORM_DIR, LAUNCH_DIR, `${HOME}/work`, LAB]) {
    script = script.replaceAll(`'${path}`, `'${root}${path}`).replaceAll(`"${path}`, `"${root}${path}`);
  }
  for (const dir of [PLATFORM_DIR, LAUNCH_DIR, `${HOME}/work`, '/opt/jupyterlab/bin', '/bin']) {
    await mkdir(join(root, dir), { recursive: true });
  }
  await writeFile(join(root, READY_FILE), '');
  const said = join(root, 'said');
  const program = (path: string) =>
    writeFile(join(root, path), `#!/bin/sh\necho "$0" "$@" >>'${said}'\n`, { mode: 0o755 });
  if (holds.lab) await program(LAB);
  if (holds.classic) await program('/bin/jupyter-notebook');
  await writeFile(join(root, 'launch.sh'), script);
  const output = await new Promise<string>(resolve =>
    execFile(
      '/bin/sh',
      [join(root, 'launch.sh'), ...launchArguments({ preStart: null, postStart: null })],
      { env: { PATH: `${root}/bin:/usr/bin:/bin`, HOME: root, ...env } },
      (_error, stdout) => resolve(stdout),
    ),
  );
  const calls = await readFile(said, 'utf8').catch(() => '');
  return { output, calls: calls.replaceAll(root, '').trim().split('\n') };
}

const asLab = `${LAB} --config=${PLATFORM_DIR}/jupyter_server_config.py`;
const asClassic = `/bin/jupyter-notebook --config=${PLATFORM_DIR}/jupyter_notebook_config.py`;

test('JupyterLab is the web IDE where the image holds it, and is started again should it end', async t => {
  const { calls, output } = await launch(t, { lab: true, classic: true });
  assert.deepEqual(calls, [asLab, asLab, asLab]);
  assert.match(output, /ends again and again/);
});

test('the classic notebook is the web IDE of images without JupyterLab, and where it is wanted', async t => {
  assert.equal((await launch(t, { classic: true })).calls[0], asClassic);
  assert.equal((await launch(t, { lab: true, classic: true }, { MA_CLASSIC_NOTEBOOK: '1' })).calls[0], asClassic);
});

test('an image with neither says so', async t => {
  const { calls, output } = await launch(t, {});
  assert.deepEqual(calls, ['']);
  assert.match(output, /no jupyter-notebook/);
});

test('both web IDEs let in the proxy alone, at the path of the instance', () => {
  const configs = webConfigs(ID, 'the-secret');
  for (const name of Object.keys(configs))
    assert.ok(
      [asLab, asClassic].some(call => call.endsWith(`/${name}`)),
      name,
    );
  for (const [app, text] of [
    ['ServerApp', configs['jupyter_server_config.py']!],
    ['NotebookApp', configs['jupyter_notebook_config.py']!],
  ] as const) {
    assert.ok(text.includes(`c.${app}.base_url = '/${ID}/'`) && text.includes(`c.${app}.port = 8888`), app);
    assert.ok(text.includes('the-secret'), app);
  }
});
