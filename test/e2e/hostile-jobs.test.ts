import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, causeOf, ended, inPhase, logOf, submitScript } from './jobs.ts';

describe('jobs that end badly end in the right state, with their cause named', () => {
  let at: Installation;
  const bucket = 'hostile-jobs';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    await authorize(at);
  });
  after(() => at?.remove());

  it('a script that exits 1', async () => {
    const job = await submitScript(at, {
      name: 'exits',
      bucket,
      script:
        'import os\nopen(os.path.join(os.environ.get("out","/tmp"),"x"),"w")\nprint("before")\nraise SystemExit(1)\n',
      outputs: [{ name: 'train_url', url: `/${bucket}/out-exits/` }],
    });
    // argparse-free script: the channel's argument is ignored
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.equal(done.status.task_statuses?.[0]?.exit_code, 1);
    const log = await logOf(at, job.metadata.id);
    assert.match(log, /before/);
    assert.match(log, /return code: 1/);
  });

  it('outputs of a failed script are uploaded all the same', async () => {
    const job = await submitScript(at, {
      name: 'keeps',
      bucket,
      script:
        'import sys\nout=[a.split("=",1)[1] for a in sys.argv if a.startswith("--train_url=")][0]\nopen(out+"/half.txt","w").write("half")\nsys.exit(3)\n',
      outputs: [{ name: 'train_url', url: `/${bucket}/out-keeps/` }],
    });
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.equal(await at.obs.exists({ bucket, key: 'out-keeps/half.txt' }), true);
  });

  it('a script that takes too much memory', async () => {
    const job = await submitScript(at, {
      name: 'hungry',
      bucket,
      script: 'print("eating",flush=True)\nx=[]\nwhile True: x.append(bytearray(64*1024*1024))\n',
    });
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.equal(done.status.task_statuses?.[0]?.exit_code, 137);
    assert.match(causeOf(done), /memory/i);
    assert.match(causeOf(done), /2 GiB|2\.0 GiB/);
  });

  it('a script that forks without end stays within its limit', async () => {
    const job = await submitScript(at, {
      name: 'forks',
      bucket,
      script:
        'import os,time\nn=0\ntry:\n  while True:\n    pid=os.fork()\n    if pid==0:\n      time.sleep(60)\n      os._exit(0)\n    n+=1\nexcept OSError as e:\n  print("stopped after",n,e,flush=True)\n  raise\n',
    });
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.match(await logOf(at, job.metadata.id), /stopped after \d+ .*Resource temporarily unavailable/);
  });

  it('a script that ignores SIGTERM is ended after the grace', async () => {
    const job = await submitScript(at, {
      name: 'stubborn',
      bucket,
      script:
        'import signal,time\nsignal.signal(signal.SIGTERM,signal.SIG_IGN)\nprint("ready",flush=True)\nwhile True: time.sleep(1)\n',
    });
    await inPhase(at, job.metadata.id, ['Running']);
    await at.client.until(
      () => logOf(at, job.metadata.id),
      log => log.includes('ready'),
      30_000,
      'its first line',
    );
    const answer = await at.client.terminateJob(job.metadata.id);
    assert.equal(answer.status.phase, 'Terminating');
    const done = await ended(at, job.metadata.id, 90_000);
    assert.equal(done.status.phase, 'Terminated');
  });

  it('a script that writes without end has its log cut, and goes on', async () => {
    const job = await submitScript(at, {
      name: 'talks',
      bucket,
      script:
        'import sys\nline="x"*1000+"\\n"\nfor i in range(400*1000): sys.stdout.write(line)\nsys.stderr.write("DONE\\n")\n',
    });
    const done = await ended(at, job.metadata.id, 300_000);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    const preview = await at.session.request(
      'GET',
      `/v2/${at.profile.projectId}/training-jobs/${job.metadata.id}/tasks/worker-0/logs/preview`,
    );
    const parsed = JSON.parse(preview.body.toString()) as { full_size: number; content: string };
    assert.ok(parsed.content.length <= 5 * 1024 * 1024 + 4096);
    assert.ok(parsed.full_size < 300 * 1024 * 1024, `the log has ${parsed.full_size} bytes`);
    assert.match(parsed.content, /log .*(limit|cap)/i);
  });
});
