import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { waitPublished } from '../../src/cli/commands/model.ts';
import { waitRunning } from '../../src/cli/commands/service.ts';
import { isFailure } from '../../src/kernel/failure.ts';
import { createInstallation, type Installation, presetImageReady, seedCases } from './installation.ts';
import { authorize, ended, logOf, SEED_ENGINE } from './jobs.ts';

const cases = seedCases();

describe('the document’s handwritten-digit case with its own files', { skip: !cases && 'no seed cases here' }, () => {
  let at: Installation;
  const mnist = join(cases ?? '', 'mnist');
  const bucket = 'test-modelarts-mnist';
  let jobId = '';
  let modelId = '';
  let serviceId = '';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
  });
  after(() => at?.remove());

  it('refuses to train before the platform is authorized, and says where to go', async () => {
    await at.obs.createBucket(bucket);
    for (const folder of ['mnist-data/', 'mnist-code/', 'infer/', 'mnist-output/']) {
      await at.obs.put({ bucket, key: `pytorch/${folder}` }, Buffer.alloc(0));
    }
    await at.obs.upload(join(mnist, 'data'), { bucket, key: 'pytorch/mnist-data/' });
    await at.obs.upload(join(mnist, 'train.py'), { bucket, key: 'pytorch/mnist-code/train.py' });
    await at.obs.upload(join(mnist, 'infer'), { bucket, key: 'pytorch/mnist-code/infer/' });
    await at.obs.upload(join(mnist, 'infer'), { bucket, key: 'pytorch/infer/' });
    await assert.rejects(at.client.createJob(jobBody('3')), error => {
      assert.ok(isFailure(error, 'ModelArts.2785'));
      assert.equal(error.status, 403);
      return true;
    });
  });

  it('trains to at least 97 %', async () => {
    await authorize(at);
    const job = await at.client.createJob(jobBody('3'));
    jobId = job.metadata.id;
    assert.equal(job.status.phase, 'Creating');
    const done = await ended(at, jobId, 10 * 60_000);
    const log = await logOf(at, jobId);
    assert.equal(done.status.phase, 'Completed', log.slice(-3000));
    const accuracies = [...log.matchAll(/Accuracy: (\d+) \/ (\d+)/g)].map(match => Number(match[1]) / Number(match[2]));
    assert.equal(accuracies.length, 3);
    assert.ok(accuracies.at(-1)! >= 0.97, `accuracies ${accuracies}`);
    const keys: string[] = [];
    for await (const entry of at.obs.walk({ bucket, key: 'pytorch/mnist-output/' })) keys.push(entry.key);
    assert.ok(keys.includes('pytorch/mnist-output/model/mnist_cnn.pt'), keys.join());
    assert.ok(keys.includes('pytorch/mnist-output/model/config.json'), keys.join());
  });

  it('makes an AI application of the job, its engine filled in', async () => {
    const created = await at.client.createModel({
      model_name: 'mnist',
      model_version: '0.0.1',
      model_type: 'PyTorch',
      source_job_id: jobId,
      install_type: ['real-time'],
    });
    modelId = created.model_id;
    await waitPublished(at.client, modelId);
    const model = (await at.client.model(modelId)) as unknown as Record<string, unknown>;
    assert.equal(model.model_status, 'published');
    assert.match(JSON.stringify(model), /pytorch_1\.8\.0/);
  });

  it('deploys it and recognizes the ten samples', async () => {
    const created = await at.client.createService({
      service_name: 'mnist',
      infer_type: 'real-time',
      config: [{ model_id: modelId, weight: 100, specification: 'modelarts.vm.cpu.2u', instance_count: 1 }],
    });
    serviceId = created.service_id;
    await waitRunning(at.client, serviceId, { quiet: true });
    const samples = readdirSync(join(mnist, 'samples'));
    assert.equal(samples.length, 10);
    for (const file of samples) {
      const expected = Number(/digit-(\d)/.exec(file)![1]);
      const form = new FormData();
      form.append('image', new Blob([readFileSync(join(mnist, 'samples', file))]), file);
      const answer = await at.session.predict(serviceId, form);
      assert.deepEqual(JSON.parse(answer.body.toString()), [{ image: expected }], file);
    }
  });

  it('protects what is in use, and releases everything', async () => {
    await assert.rejects(at.client.deleteModel(modelId), error => isFailure(error, 'ModelArts.3009'));
    await at.client.updateService(serviceId, { status: 'stopped' });
    await at.client.until(
      () => at.client.service(serviceId),
      service => service.status === 'stopped',
      120_000,
      'Stopping',
    );
    await at.client.deleteService(serviceId);
    await at.client.until(
      () => at.client.services('mnist'),
      found => found.length === 0,
      60_000,
      'Deleting',
    );
    await at.client.deleteModel(modelId);
    await at.client.deleteJob(jobId);
    await at.obs.remove({ bucket, key: '' }, true);
    await at.obs.deleteBucket(bucket);
    assert.equal(await at.obs.bucketExists(bucket), false);
  });

  function jobBody(epochs: string): unknown {
    return {
      kind: 'job',
      metadata: { name: 'mnist' },
      algorithm: {
        code_dir: `/${bucket}/pytorch/mnist-code/`,
        boot_file: `/${bucket}/pytorch/mnist-code/train.py`,
        engine: { engine_id: SEED_ENGINE },
        parameters: [{ name: 'epochs', value: epochs }],
        inputs: [{ name: 'data_url', remote: { obs: { obs_url: `/${bucket}/pytorch/mnist-data/` } } }],
        outputs: [{ name: 'train_url', remote: { obs: { obs_url: `/${bucket}/pytorch/mnist-output/` } } }],
      },
      spec: { resource: { flavor_id: 'modelarts.vm.cpu.2u', node_count: 1 } },
    };
  }
});
