import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { containersOf, killContainer } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize } from './jobs.ts';
import { kernelOf } from './jupyter.ts';

/** Notebook instances with real containers: the web IDE through the proxy, storage with a size, memory, crashes. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const GB = 1024 ** 3;
const UP_MS = 300_000;

let at: Installation;
let base: string;
before(async () => {
  at = await createInstallation();
  base = `/v1/${at.profile.projectId}/notebooks`;
  await presetImageReady(at);
  await authorize(at);
});
after(() => at?.remove());

async function api(method: string, path: string, body?: object, query?: Record<string, unknown>): Promise<Json> {
  const answer = await at.session.request(method, base + path, { body, query });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}
const create = (name: string, more: object = {}): Promise<Json> =>
  api('POST', '', {
    name,
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    ...more,
  });
async function reached(id: string, status: string): Promise<Json> {
  for (const end = Date.now() + UP_MS; ; ) {
    const shown = await api('GET', `/${id}`);
    if (shown.status === status) return shown;
    if (Date.now() > end || shown.fail_reason) {
      throw new Error(`${JSON.stringify(shown)} ${JSON.stringify(await api('GET', `/${id}/events`))}`);
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
async function told(id: string, pattern: RegExp): Promise<void> {
  for (const end = Date.now() + 60_000; ; ) {
    const { events } = await api('GET', `/${id}/events`);
    if (events.some((event: Json) => pattern.test(event.message))) return;
    if (Date.now() > end) throw new Error(`never told ${pattern}: ${JSON.stringify(events)}`);
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}
const web = (shown: Json, path: string, init: RequestInit = {}) =>
  fetch(`${new URL(shown.url).origin}/${shown.id}${path}`, {
    redirect: 'manual',
    ...init,
    headers: { authorization: `token ${shown.token}`, ...init.headers },
  });

test('an instance computes, keeps its files over a stop, and grows while it runs', async () => {
  const { id } = await create('first', {
    hooks: { container_hooks: { pre_start: { type: 'COMMAND', script: btoa('echo made > hook.txt') } } },
  });
  let shown = await reached(id, 'RUNNING');
  assert.deepEqual(
    shown.action_progress.map((part: Json) => part.status),
    ['COMPLETED', 'COMPLETED', 'COMPLETED', 'COMPLETED'],
  );
  let kernel = await kernelOf(shown);
  assert.equal(await kernel.run('print(6 * 7)'), '42\n');
  assert.equal(await kernel.run('print(open("hook.txt").read())'), 'made\n\n');
  assert.match(
    await kernel.run('import os; print(os.getuid(), os.getgid(), os.environ["HOME"])'),
    /^1000 100 \/home\/ma-user/,
  );
  // No capability, no way to gain one.
  assert.match(await kernel.run('print(open("/proc/self/status").read())'), /CapEff:\s0+\n[\s\S]*NoNewPrivs:\s1/);

  const size = 'import os; s = os.statvfs("/home/ma-user/work"); print(s.f_blocks * s.f_frsize)';
  assert.ok(Math.abs(Number(await kernel.run(size)) - 5 * GB) < GB / 5);
  await api('PUT', `/${id}`, { storage_new_size: 7 });
  await told(id, /Storage has grown to 7 GB/);
  assert.ok(Math.abs(Number(await kernel.run(size)) - 7 * GB) < GB / 5);
  kernel.close();

  const upload = await web(shown, '/api/contents/kept.txt', {
    method: 'PUT',
    body: JSON.stringify({ type: 'file', format: 'text', content: 'kept' }),
  });
  assert.equal(upload.status, 201);
  await api('POST', `/${id}/stop`);
  await reached(id, 'STOPPED');
  assert.deepEqual(await containersOf(at, 'notebook'), []);
  assert.equal((await web(shown, '/api/status')).status, 401, 'the token was good for one run');
  await api('POST', `/${id}/start`);
  const before = shown.token;
  shown = await reached(id, 'RUNNING');
  assert.notEqual(shown.token, before);
  kernel = await kernelOf(shown);
  assert.equal(await kernel.run('print(open("kept.txt").read())'), 'kept\n');
  kernel.close();
  await api('DELETE', `/${id}`);
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    if (await api('GET', `/${id}`).catch(() => undefined)) await new Promise(resolve => setTimeout(resolve, 100));
    else break;
  }
  await assert.rejects(api('GET', `/${id}`), /6309|no notebook instance/);
});

test('inside, moxing and the session are signed in, and the rest of the platform is out of reach', async () => {
  const { id } = await create('reach');
  const shown = await reached(id, 'RUNNING');
  const kernel = await kernelOf(shown);
  await at.obs.createBucket('notebook-data');
  await kernel.run('import moxing as mox; mox.file.write("obs://notebook-data/a.txt", "from the notebook")');
  assert.equal(await kernel.run('print(mox.file.read("obs://notebook-data/a.txt"))'), 'from the notebook\n');
  assert.match(
    await kernel.run('from modelarts.session import Session; print(Session().project_id)'),
    new RegExp(at.profile.projectId),
  );
  const tried = await kernel.run(
    `import socket, os
def reach(host, port):
    try: socket.create_connection((host, port), 2).close(); return True
    except OSError: return False
gateway = os.environ["S3_ENDPOINT"].split("//")[1].split(":")[0]
print(reach(gateway, ${at.port}), reach(gateway, ${at.port + 1}), reach(gateway, ${at.port + 3}), reach(gateway, ${at.port + 4}), reach("1.1.1.1", 443))`,
  );
  assert.equal(tried, 'True True False False False\n');
  kernel.close();
  await api('DELETE', `/${id}`);
});

test('a full disk, want of memory and a crash of the server leave the instance up', async () => {
  const { id } = await create('tight', { flavor: 'modelarts.vm.cpu.1u' });
  const shown = await reached(id, 'RUNNING');
  let kernel = await kernelOf(shown);
  const full = await kernel.run(
    `import errno, os
f = open("big", "wb")
try:
    while True: os.posix_fallocate(f.fileno(), f.tell(), 1 << 28); f.seek(1 << 28, 1)
except OSError as e: print(errno.errorcode[e.errno])
try:
    while True: f.write(b"x" * 4096); f.flush()
except OSError as e: print(errno.errorcode[e.errno])`,
  );
  assert.match(full, /ENOSPC\nENOSPC/);
  await told(id, /storage is full/);
  assert.equal((await web(shown, '/api/contents')).status, 200);

  await at.kill();
  await at.start();
  assert.equal((await reached(id, 'RUNNING')).token, shown.token);
  // Its port is open at once; the server may still look for its engine.
  for (const end = Date.now() + 60_000; (await web(shown, '/api/contents')).status === 502 && Date.now() < end; ) {
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  assert.equal((await web(shown, '/api/contents')).status, 200);
  assert.equal((await containersOf(at, 'notebook')).length, 1);

  // A full disk does not keep the web IDE from coming up again.
  await api('POST', `/${id}/stop`);
  await reached(id, 'STOPPED');
  await api('POST', `/${id}/start`);
  const again = await reached(id, 'RUNNING');
  kernel = await kernelOf(again);
  void kernel.run('x = bytearray(3 << 30)').catch(() => {});
  await told(id, /A process was killed: out of memory \(limit 2 GiB\)/);
  kernel.close();
  assert.equal((await reached(id, 'RUNNING')).token, again.token);
  const fresh = await kernelOf(again);
  assert.equal(await fresh.run('print(1)'), '1\n');
  fresh.close();

  const [container] = await containersOf(at, 'notebook');
  await killContainer(at, container!.name);
  for (const end = Date.now() + 60_000; Date.now() < end; ) {
    const now = await api('GET', `/${id}`);
    if (now.status === 'ERROR') {
      assert.match(now.fail_reason, /exit code 137/);
      break;
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  assert.equal((await api('GET', `/${id}`)).status, 'ERROR');
  await api('DELETE', `/${id}`);
});
