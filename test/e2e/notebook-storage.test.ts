import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSettings } from '../../src/app/env.ts';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { CLASSIC_IMAGE } from '../../src/resources/images/index.ts';
import { withDriver } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, ended, logOf, submitScript } from './jobs.ts';
import { kernelOf } from './jupyter.ts';

/** Where instances write, with real containers: directories that several share, the space outside of their storage, images for SSH alone. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const UP_MS = 300_000;
const GB = 1024 ** 3;
const shared = mkdtempSync(join(tmpdir(), 'atelier-shared-'));

let at: Installation;
let v1: string;
before(async () => {
  for (const dir of ['team', 'read']) mkdirSync(join(shared, dir));
  at = await createInstallation({
    ATELIER_LAYER_GIB: '1',
    ATELIER_SHARED_DIRS: `team=${shared}/team,read=${shared}/read@*:ro`,
  });
  v1 = `/v1/${at.profile.projectId}`;
  await presetImageReady(at);
  await authorize(at);
});
after(async () => {
  await at?.remove();
  rmSync(shared, { recursive: true, force: true });
});

async function api(method: string, path: string, body?: object): Promise<Json> {
  const answer = await at.session.request(method, v1 + path, { body });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}
async function create(name: string, more: object = {}): Promise<string> {
  const made = await api('POST', '/notebooks', {
    name,
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    ...more,
  });
  return made.id;
}
async function reached(id: string, status: string): Promise<Json> {
  for (const end = Date.now() + UP_MS; ; ) {
    const shown = await api('GET', `/notebooks/${id}`);
    if (shown.status === status) return shown;
    if (Date.now() > end || shown.fail_reason) {
      throw new Error(`${JSON.stringify(shown)} ${JSON.stringify(await api('GET', `/notebooks/${id}/events`))}`);
    }
    await sleep(100);
  }
}
async function told(id: string, pattern: RegExp): Promise<void> {
  for (const end = Date.now() + 60_000; ; ) {
    const { events } = await api('GET', `/notebooks/${id}/events`);
    if (events.some((event: Json) => pattern.test(event.message))) return;
    if (Date.now() > end) throw new Error(`never told ${pattern}: ${JSON.stringify(events)}`);
    await sleep(200);
  }
}
async function gone(id: string): Promise<void> {
  await api('DELETE', `/notebooks/${id}`);
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    if (!(await api('GET', `/notebooks/${id}`).catch(() => undefined))) return;
  }
  throw new Error(`${id} is still there`);
}
const python = (command: string) =>
  `import subprocess; print(subprocess.run(${JSON.stringify(command)}, shell=True, capture_output=True, text=True))`;

test('two instances share a directory over a stop, a crash of the server and their deletion', async () => {
  const volume = { category: 'EFS', ownership: 'DEDICATED', uri: 'team' };
  const first = await create('first', { volume });
  const second = await create('second', {
    data_volumes: [
      { ...volume, mount_path: '/data/team' },
      { ...volume, uri: 'read:/', mount_path: '/data/read' },
    ],
  });
  let one = await kernelOf(await reached(first, 'RUNNING'));
  let two = await kernelOf(await reached(second, 'RUNNING'));
  assert.equal(await one.run('open("from-first.txt", "w").write("one")'), '');
  assert.equal(await two.run('print(open("/data/team/from-first.txt").read())'), 'one\n');
  await two.run('import os; os.mkdir("/data/team/sub"); open("/data/team/sub/from-second.txt", "w").write("two")');
  assert.equal(await one.run('print(open("sub/from-second.txt").read())'), 'two\n');
  assert.match(await two.run(python('touch /data/read/x /data/x')), /x': Read-only[\s\S]*x': Read-only/);
  // Neither devices nor programs with more rights come in by it.
  assert.match(await two.run('print(open("/proc/self/mountinfo").read())'), /\/data\/team rw,nosuid,nodev/);

  await api('POST', `/notebooks/${first}/stop`);
  await reached(first, 'STOPPED');
  two.close();
  await at.kill();
  await at.start();
  two = await kernelOf(await reached(second, 'RUNNING'));
  assert.equal(await two.run('print(open("/data/team/from-first.txt").read())'), 'one\n');
  await api('POST', `/notebooks/${first}/start`);
  one.close();
  one = await kernelOf(await reached(first, 'RUNNING'));
  assert.equal(await one.run('print(open("from-first.txt").read())'), 'one\n');

  // A link inside leads to where it leads in the container, never to the host.
  symlinkSync('/etc', join(shared, 'team', 'out'));
  await assert.rejects(create('link', { volume: { ...volume, uri: 'team:/out' } }), /6318|no directory/);
  assert.equal(await one.run('import os; print(os.path.exists("out/atelier-host-file"))'), 'False\n');
  // A training job has it too, and scratch space of a size of its own, which goes with it.
  const job = await submitScript(at, {
    name: 'shares',
    bucket: 'shares',
    script: `import os
print("found", open("/mnt/team/from-first.txt").read())
open("/mnt/team/from-job.txt", "w").write("job")
open("/cache/scratch", "w").write("x")
s = os.statvfs("/cache"); print("cache", s.f_blocks * s.f_frsize, open("/proc/self/mountinfo").read().count("/cache "))
s = os.statvfs("/"); print("layer", s.f_blocks * s.f_frsize)`,
    spec: { volumes: [{ nfs: { nfs_server_path: 'team:/', local_path: '/mnt/team' } }] },
  });
  const { status } = await ended(at, job.metadata.id);
  const log = await logOf(at, job.metadata.id);
  assert.equal(status.phase, 'Completed', log);
  assert.match(log, /found one/);
  assert.ok(Number(/cache (\d+) 1/.exec(log)?.[1]) <= 50 * GB, log);
  assert.ok(Number(/layer (\d+)/.exec(log)?.[1]) <= GB, log);
  assert.equal(await one.run('print(open("from-job.txt").read())'), 'job\n');
  one.close();
  two.close();
  await gone(first);
  await gone(second);
  assert.equal(readFileSync(join(shared, 'team', 'from-first.txt'), 'utf8'), 'one');
  assert.equal(readFileSync(join(shared, 'team', 'sub', 'from-second.txt'), 'utf8'), 'two');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${at.home}/shared/`));
  assert.ok(!existsSync(join(at.home, 'shared', `notebook-${first}`)));
});

test('one that fills /tmp and its home is told of it, runs on, and the disk of the machine is unharmed', async () => {
  const id = await create('full');
  const kernel = await kernelOf(await reached(id, 'RUNNING'));
  const { containersRoot } = readSettings(at.env);
  const free = () => {
    const { bavail, bsize } = statfsSync(containersRoot);
    return bavail * bsize;
  };
  const freeBefore = free();
  const filled = await kernel.run(
    python('for d in /tmp /home/ma-user /var/tmp; do head -c 3000000000 /dev/zero > $d/big; done'),
  );
  assert.match(filled, /No space left on device/);
  assert.ok(freeBefore - free() < 2 * GB, `${(freeBefore - free()) / GB} GB were taken`);
  await told(id, /The space outside of \/home\/ma-user\/work is full \(1 GB\)/);
  assert.equal((await api('GET', `/notebooks/${id}`)).status, 'RUNNING');
  // The storage is another matter, and so are new kernels.
  assert.equal(await kernel.run('open("kept.txt", "w").write("kept"); print(1)'), '1\n');
  const other = await kernelOf(await reached(id, 'RUNNING'));
  assert.equal(await other.run('print(2)'), '2\n');
  other.close();
  kernel.close();

  await api('POST', `/notebooks/${id}/stop`);
  await reached(id, 'STOPPED');
  await api('POST', `/notebooks/${id}/start`);
  const again = await kernelOf(await reached(id, 'RUNNING'));
  assert.equal(
    await again.run('import os; print(open("kept.txt").read(), os.path.exists("/tmp/big"))'),
    'kept False\n',
  );
  again.close();
  await gone(id);
  for (const end = Date.now() + 60_000; freeBefore - free() >= GB / 2 && Date.now() < end; ) await sleep(200);
  assert.ok(freeBefore - free() < GB / 2, 'its disk is free again');
});

test('an image for SSH alone is ready when its SSH server answers', async () => {
  const ref = `localhost/atelier-test/ssh-only:${process.pid}`;
  const dir = mkdtempSync(join(tmpdir(), 'atelier-image-'));
  await withDriver(at, async driver => {
    const remove = 'RUN rm -f "$(command -v jupyter-notebook)" && ! command -v jupyter-notebook';
    writeFileSync(join(dir, 'Dockerfile'), `FROM ${CLASSIC_IMAGE}\nUSER root\n${remove}\nUSER 1000:100\n`);
    await driver.buildImage({ contextDir: dir, dockerfile: 'Dockerfile', ref });
  });
  try {
    const image = await api('POST', '/images', { swr_path: ref, services: ['SSH'] });
    await at.session.request('POST', `/v3/${at.profile.projectId}/keypairs`, { body: { keypair: { name: 'kp' } } });
    const endpoints = [{ service: 'SSH', key_pair_names: ['kp'] }];
    const id = await create('by-ssh', { image_id: image.id, endpoints });
    const shown = await reached(id, 'RUNNING');
    assert.equal(shown.url, undefined);
    const { port, hostname } = new URL(shown.endpoints[0].uri);
    const greeting = execFileSync('/bin/bash', ['-c', `exec 3<>/dev/tcp/${hostname}/${port}; head -n 1 <&3`]);
    assert.match(String(greeting), /^SSH-2\.0-/);
    await gone(id);
    await api('DELETE', `/images/${image.id}`);
  } finally {
    await withDriver(at, driver => driver.removeImage(ref));
    rmSync(dir, { recursive: true, force: true });
  }
});
