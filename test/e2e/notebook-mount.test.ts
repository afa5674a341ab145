import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { rcloneMounter } from '../../src/resources/notebooks/index.ts';
import { containersOf, runInside } from './containers.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize } from './jobs.ts';

/** Directories of the object store in running notebook instances, with real containers and real mounts. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const skip = existsSync('/dev/fuse') ? false : 'this machine has no /dev/fuse';
const UP_MS = 300_000;
const bucket = 'mounted-bucket';

let at: Installation;
let v1: string;
before(async () => {
  if (skip) return;
  assert.equal(rcloneMounter().unable(), undefined);
  at = await createInstallation();
  v1 = `/v1/${at.profile.projectId}`;
  await presetImageReady(at);
  await authorize(at);
  await at.obs.createBucket(bucket);
});
after(() => at?.remove());

async function api(method: string, path: string, body?: object): Promise<Json> {
  const answer = await at.session.request(method, path, { body });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}

async function reached(path: string, status: string, withinMs = UP_MS): Promise<Json> {
  for (const end = Date.now() + withinMs; ; ) {
    const shown = await api('GET', path);
    if (shown.status === status) return shown;
    if (Date.now() > end || /FAILED|ERROR/.test(shown.status)) throw new Error(JSON.stringify(shown));
    await sleep(100);
  }
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 60_000; !(await condition()); await sleep(100)) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}

/** Processes of rclone of this installation. */
function rclones(): number[] {
  return readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .filter(pid => {
      try {
        const [program = '', ...rest] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return program.endsWith('rclone') && rest.some(argument => argument.startsWith(at.home));
      } catch {
        return false;
      }
    })
    .map(Number);
}

const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(line => line.includes(at.home));

test('a mounted directory is read and written from inside, outlives the server, tells when it breaks, and ends with the run', {
  skip,
}, async () => {
  await at.obs.put({ bucket, key: 'dir/before.txt' }, Buffer.from('from outside'));
  await at.obs.put({ bucket, key: 'other/secret.txt' }, Buffer.from('not mounted'));
  const { id } = await api('POST', `${v1}/notebooks`, {
    name: 'with-mounts',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
  });
  const notebook = `${v1}/notebooks/${id}`;
  const storage = `${notebook}/storage`;
  await reached(notebook, 'RUNNING');
  const [container] = await containersOf(at, 'notebook');
  const inside = (command: string) => runInside(at, container!.name, command);
  assert.notEqual((await inside('touch /data/x')).code, 0, 'nothing but mounts can lie in /data');

  const body = { category: 'OBS', mount_path: '/data/x/', uri: `obs://${bucket}/dir/` };
  const made = await api('POST', storage, body);
  assert.deepEqual([made.category, made.status], ['OBSFS', 'MOUNTING']);
  const mount = `${storage}/${made.id}`;
  await reached(mount, 'MOUNTED', 30_000);
  assert.equal((await inside('cat /data/x/before.txt; ls /data/x')).output, 'from outsidebefore.txt\n');

  const wrote = await inside(
    'cd /data/x && id -u && mkdir -p sub && echo hello > sub/a.txt && echo more >> sub/a.txt && printf X | dd of=sub/a.txt conv=notrunc bs=1 seek=0 2>/dev/null && mv sub/a.txt sub/b.txt && head -c 20000000 /dev/zero > large && stat -c %u:%g sub/b.txt',
  );
  assert.deepEqual([wrote.code, wrote.output], [0, '1000\n1000:100\n']);
  await until(() => at.obs.exists({ bucket, key: 'dir/sub/b.txt' }), 'what was written inside is an object');
  await until(() => at.obs.exists({ bucket, key: 'dir/large' }), 'a large file is an object');
  assert.equal(await at.obs.exists({ bucket, key: 'dir/sub/a.txt' }), false);
  await at.obs.put({ bucket, key: 'dir/later.txt' }, Buffer.from('written later'));
  await until(async () => (await inside('cat /data/x/later.txt')).output === 'written later', 'seen inside');
  assert.notEqual((await inside('cat /data/x/../other/secret.txt')).code, 0);

  // The object store is the server's, but the mount is a process of its own that the next server finds again.
  const [pid] = rclones();
  await at.kill();
  assert.notEqual((await inside('timeout 20 ls /data/x')).code, 124, 'without the object store nothing hangs');
  await at.start();
  await until(async () => (await inside('cat /data/x/later.txt')).output === 'written later', 'there again');
  assert.equal((await api('GET', mount)).status, 'MOUNTED');
  await inside('echo again > /data/x/again.txt');
  await until(() => at.obs.exists({ bucket, key: 'dir/again.txt' }), 'written after the restart');
  assert.deepEqual(rclones(), [pid]);

  // A process that dies is told, nothing hangs, and it can be mounted again.
  process.kill(pid!, 'SIGKILL');
  assert.notEqual((await inside('timeout 20 ls /data/x/before.txt')).code, 124);
  await until(async () => (await api('GET', mount)).status === 'MOUNT_FAILED', 'the failure is told');
  assert.match((await api('GET', mount)).failure_reason, /has ended/);
  const again = await api('POST', storage, body);
  await reached(`${storage}/${again.id}`, 'MOUNTED', 30_000);

  // What was just written is in the object store when it is unmounted, even while somebody stands in it.
  await inside('cd /data/x && (sleep 60 &) && echo last > last.txt');
  await api('DELETE', `${storage}/${again.id}`);
  await reached(`${storage}/${again.id}`, 'UNMOUNTED', 40_000);
  assert.equal(await at.obs.exists({ bucket, key: 'dir/last.txt' }), true);
  assert.equal((await inside('ls /data')).output, '');
  assert.deepEqual(rclones(), []);

  // The end of the run takes it away, with what was written last; the next run begins without.
  const third = await api('POST', storage, body);
  await reached(`${storage}/${third.id}`, 'MOUNTED', 30_000);
  await inside('echo end > /data/x/end.txt');
  await api('POST', `${notebook}/stop`);
  await reached(notebook, 'STOPPED');
  assert.equal(await at.obs.exists({ bucket, key: 'dir/end.txt' }), true);
  assert.equal((await api('GET', `${storage}/${third.id}`)).status, 'UNMOUNTED');
  assert.deepEqual([rclones(), mounts()], [[], []]);
  await api('POST', `${notebook}/start`);
  await reached(notebook, 'RUNNING');
  assert.equal((await api('GET', storage)).total, 0);

  // Deleting the instance, or ending the installation, never deletes objects.
  const fourth = await api('POST', storage, body);
  await reached(`${storage}/${fourth.id}`, 'MOUNTED', 30_000);
  await api('DELETE', notebook);
  await until(async () => (await api('GET', `${v1}/notebooks`)).total === 0, 'deleted');
  assert.deepEqual([rclones(), mounts()], [[], []]);
  assert.equal(await at.obs.exists({ bucket, key: 'dir/before.txt' }), true);
});
