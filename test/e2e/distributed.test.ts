import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { containersOf, killContainer } from './containers.ts';
import { createInstallation, type Installation, presetImageReady, seedCases } from './installation.ts';
import { authorize, causeOf, ended, inPhase, logOf, submitScript } from './jobs.ts';
import { makePool } from './pools.ts';

const cases = seedCases();
const example = join(import.meta.dirname, '..', '..', 'examples', 'distributed', 'train.py');

const ALL_REDUCE = `
import os, socket, sys, torch, torch.distributed as dist
rank, nodes = int(os.environ["VC_TASK_INDEX"]), int(os.environ["MA_NUM_HOSTS"])
for host in os.environ["VC_WORKER_HOSTS"].split(","):
    print("resolves", host, socket.gethostbyname(host))
print("rendezvous", socket.gethostbyname("%s-%s-0.%s" % (os.environ["MA_VJ_NAME"], os.environ["MA_TASK_NAME"], os.environ["MA_VJ_NAME"])))
print("own", os.environ["MA_CURRENT_IP"], "host", os.environ["MA_CURRENT_HOST_IP"], "args", sys.argv[1:])
meeting = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--init_method=")][0]
dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=nodes)
total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
print("sum", total.item())
out = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--train_url=")][0]
open(os.path.join(out, "rank-%d" % rank), "w").write(str(total.item()))
open(os.path.join(out, "both"), "w").write("from %d" % rank)
open(os.path.join(os.environ["MA_JOB_DIR"], "scratch-%d" % rank), "w")
`;

describe('a job on several nodes, with real containers', () => {
  let at: Installation;
  const bucket = 'several-nodes';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    await authorize(at);
    await at.obs.createBucket(bucket);
  });
  after(() => at?.remove());

  const objects = async (prefix: string) => {
    const found: string[] = [];
    for await (const entry of at.obs.walk({ bucket, key: prefix })) found.push(entry.key.slice(prefix.length));
    return found.sort();
  };

  it('lets two nodes find each other and sum over gloo; outputs of both are kept', async () => {
    const job = await submitScript(at, {
      name: 'reduce',
      bucket,
      nodes: 2,
      script: ALL_REDUCE,
      annotations: { 'fault-tolerance/job-retry-num': '1' },
      outputs: [{ name: 'train_url', url: `/${bucket}/reduce/` }],
    });
    const done = await ended(at, job.metadata.id);
    const logs = await Promise.all(['worker-0', 'worker-1'].map(task => logOf(at, job.metadata.id, task)));
    assert.equal(done.status.phase, 'Completed', `${causeOf(done)}\n${logs.join('\n')}`);
    for (const log of logs) {
      assert.match(log, /Pre-check passed/);
      assert.match(log, /^sum 3\.0$/m);
      assert.match(log, /resolves ma-job-\S+-worker-1\.ma-job-\S+ 10\./);
    }
    assert.deepEqual(await objects('reduce/'), ['both', 'rank-0', 'rank-1']);
    assert.deepEqual(done.status.tasks, ['worker-0', 'worker-1']);
  });

  it('stops the other node when one fails, and tells which', async () => {
    const script = `
import os, sys, time
if os.environ["VC_TASK_INDEX"] == "1":
    time.sleep(1); sys.exit(7)
time.sleep(300)`;
    const job = await submitScript(at, { name: 'one-fails', bucket, nodes: 2, script });
    const done = await ended(at, job.metadata.id, 90_000);
    assert.equal(done.status.phase, 'Failed');
    assert.match(done.status.message ?? '', /^worker-1: Exit code 7/);
    assert.deepEqual(await containersOf(at, 'training-job'), []);
  });

  it('adopts all nodes after kill -9 of the server, and restarts the job when a container is lost', async () => {
    const script = `
import os, sys, time
out = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--train_url=")][0]
step = os.path.join(out, "step-" + os.environ["VC_TASK_INDEX"])
if os.path.exists(step):
    print("resumed at", open(step).read()); sys.exit(0)
open(step, "w").write("41"); print("saved", flush=True)
time.sleep(300)`;
    const job = await submitScript(at, {
      name: 'restarted',
      bucket,
      nodes: 2,
      script,
      annotations: { 'fault-tolerance/job-retry-num': '2', 'fault-tolerance/job-unconditional-retry': 'true' },
      outputs: [{ name: 'train_url', url: `/${bucket}/restarted/`, prefetch_to_local: true }],
    });
    await inPhase(at, job.metadata.id, ['Running']);
    const before = await containersOf(at, 'training-job');
    assert.equal(before.length, 2);
    await at.kill();
    await at.start();
    assert.deepEqual(await containersOf(at, 'training-job'), before);
    for (const task of ['worker-0', 'worker-1']) {
      await at.client.until(
        () => logOf(at, job.metadata.id, task),
        log => log.includes('saved'),
        60_000,
        'saved',
      );
    }
    await killContainer(at, before[1]!.name);
    const done = await ended(at, job.metadata.id, 120_000);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    for (const task of ['worker-0', 'worker-1']) {
      assert.match(await logOf(at, job.metadata.id, task), /resumed at 41/);
    }
    const events = (await at.client.jobEvents(job.metadata.id)).map(event => event.text).join('\n');
    assert.match(events, /JobRestarted/);
  });

  it('begins elsewhere when its node is drained, with what it had saved', async () => {
    const pool = await makePool(at, { name: 'drained-pool', count: 2, cidr: '192.168.236.0/24' });
    const script = `
import os, sys, time
out = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--train_url=")][0]
step = os.path.join(out, "step")
if os.path.exists(step):
    print("resumed at", open(step).read()); sys.exit(0)
open(step, "w").write("41"); print("saved", flush=True)
time.sleep(300)`;
    const { metadata } = await submitScript(at, {
      name: 'drained',
      bucket,
      script,
      spec: { resource: { pool_id: pool, flavor_id: 'modelarts.vm.cpu.1u', node_count: 1 } },
      outputs: [{ name: 'train_url', url: `/${bucket}/drained/`, prefetch_to_local: true }],
    });
    await at.client.until(
      () => logOf(at, metadata.id),
      log => log.includes('saved'),
      60_000,
      'saved',
    );
    const path = `/v2/${at.profile.projectId}/pools/${pool}`;
    const workloads = async () => {
      const { body } = await at.session.request('GET', `${path}/workloads`);
      return JSON.parse(body.toString()).items as { nodes: { name: string }[] }[];
    };
    const [node] = (await workloads())[0]!.nodes;
    await at.session.request('POST', `${path}/nodes/batch-drain`, { body: { nodeNames: [node!.name] } });
    const done = await ended(at, metadata.id, 120_000);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    assert.match(await logOf(at, metadata.id), /resumed at 41/);
    const events = (await at.client.jobEvents(metadata.id)).map(event => event.text).join('\n');
    assert.match(events, new RegExp(`The node ${node!.name} of the pool drained-pool is drained`));
    // What it held is given back after its phase is told.
    await at.client.until(workloads, list => list.length === 0, 60_000, 'the place in the pool given back');
    assert.deepEqual(await containersOf(at, 'training-job'), []);
  });

  it('trains the digits on two nodes with DistributedDataParallel', {
    skip: !cases && 'no seed cases here',
  }, async () => {
    await at.obs.upload(join(cases!, 'mnist', 'data'), { bucket, key: 'mnist/' });
    const start = performance.now();
    const job = await submitScript(at, {
      name: 'digits',
      bucket,
      nodes: 2,
      script: readFileSync(example, 'utf8'),
      parameters: { epochs: '2' },
      inputs: [{ name: 'data_url', url: `/${bucket}/mnist/` }],
      outputs: [{ name: 'train_url', url: `/${bucket}/digits/` }],
    });
    const done = await ended(at, job.metadata.id);
    const log = await logOf(at, job.metadata.id, 'worker-1');
    assert.equal(done.status.phase, 'Completed', log.slice(-3000));
    const [right, all] = [...log.matchAll(/Accuracy: (\d+) \/ (\d+)/g)].at(-1)!.slice(1).map(Number);
    assert.ok(right! / all! >= 0.95, log.slice(-500));
    assert.match(log, /the nodes' models differ by 0\.0/);
    assert.deepEqual(await objects('digits/'), ['checkpoint.pt']);
    console.log(`two nodes: ${((performance.now() - start) / 1000).toFixed(0)} s, ${right} of ${all} right`);
  });
});
