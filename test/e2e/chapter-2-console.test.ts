import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { isFailure } from '../../src/kernel/failure.ts';
import { openBrowser, openPage, visit } from '../browser/chromium.ts';
import { heading, signIn } from '../browser/console-windows.ts';
import { choose } from '../browser/steps.ts';
import { createInstallation, type Installation, presetImageReady, seedCases } from './installation.ts';
import { logOf, SEED_ENGINE } from './jobs.ts';

const cases = seedCases();

/** Chapter 2 of the document as a person does it, in the console; what came of it is looked at by the API. */
describe('the document’s handwritten-digit case with its own files', { skip: !cases && 'no seed cases here' }, () => {
  let at: Installation;
  let browser: Browser;
  let page: Page;
  let close: () => Promise<void>;
  const mnist = join(cases ?? '', 'mnist');
  const bucket = 'test-modelarts-mnist';
  let jobId = '';
  let modelId = '';
  let serviceId = '';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    browser = await openBrowser();
    ({ page, close } = await openPage(browser, at.profile.endpoints.api));
    await signIn(page, { root: { account: at.profile.account! } }, { password: at.profile.password! });
    await page.locator('.frame').waitFor();
  });
  after(async () => {
    await browser?.close();
    await at?.remove();
  });

  const go = (path: string) => visit(page, at.profile.endpoints.api + path);
  const dialog = () => page.getByRole('dialog');
  const idIn = () => new URL(page.url()).pathname.split('/').at(-1)!;
  /** What a list of transfers has finished. */
  const sent = (name: string) =>
    page.locator('.transfers li', { hasText: name }).locator('.state.good').first().waitFor({ timeout: 120_000 });
  const state = (text: string, timeout: number) =>
    page.locator('.state', { hasText: text }).first().waitFor({ timeout });

  it('its files are put into a bucket', async () => {
    const enter = async (name: string) => {
      await page.getByRole('button', { name: 'Create folder' }).click();
      await dialog().getByLabel('Name').fill(name);
      await dialog().getByRole('button', { name: 'Create' }).click();
      await page.getByRole('button', { name, exact: true }).click();
      await page.getByText('The folder is empty').waitFor();
    };
    await go('/buckets');
    await page.getByRole('button', { name: 'Create bucket' }).first().click();
    await dialog().getByLabel('Name').fill(bucket);
    await dialog().getByRole('button', { name: 'Create' }).click();
    await heading(page, bucket);
    await enter('pytorch');
    for (const [folder, path] of [
      ['mnist-data', 'data'],
      ['infer', 'infer'],
    ] as const) {
      await enter(folder);
      const files = readdirSync(join(mnist, path));
      await page
        .locator('input[type=file]')
        .first()
        .setInputFiles(files.map(name => join(mnist, path, name)));
      for (const name of files) await sent(`${folder}/${name}`);
      await page.getByRole('button', { name: 'pytorch', exact: true }).click();
      await page.getByRole('button', { name: folder, exact: true }).waitFor();
    }
    await enter('mnist-code');
    await page.locator('input[type=file]').first().setInputFiles(join(mnist, 'train.py'));
    await sent('train.py');
    await enter('infer');
    const files = readdirSync(join(mnist, 'infer'));
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles(files.map(name => join(mnist, 'infer', name)));
    for (const name of files) await sent(`mnist-code/infer/${name}`);
    await at.obs.put({ bucket, key: 'pytorch/mnist-output/' }, Buffer.alloc(0));
  });

  it('refuses to train before the platform is authorized, and says where to go', async () => {
    await assert.rejects(at.client.createJob(jobBody('3')), error => {
      assert.ok(isFailure(error, 'ModelArts.2785'));
      assert.equal(error.status, 403);
      return true;
    });
    await go('/settings/global-configuration');
    await page.getByRole('button', { name: 'Add authorization' }).first().click();
    await dialog().getByLabel('Common User').check();
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: /All users.*modelarts_agency/ }).waitFor();
  });

  it('trains to at least 97 %', async () => {
    await go('/training/jobs/create');
    await page.locator('#name').fill('mnist');
    const { items } = JSON.parse(
      (await at.session.request('GET', `/v2/${at.profile.projectId}/training-job-engines`)).body.toString('utf8'),
    ) as { items: { engine_id: string; engine_name: string; engine_version: string }[] };
    const engine = items.find(({ engine_id }) => engine_id === SEED_ENGINE)!;
    await choose(page, 'Engine', `${engine.engine_name} ${engine.engine_version}`);
    await page.getByLabel('Code directory').fill(`/${bucket}/pytorch/mnist-code/`);
    await page.getByLabel('Boot file').fill(`/${bucket}/pytorch/mnist-code/train.py`);
    for (const [button, first, name, second, value] of [
      ['Add hyperparameter', 'Name', 'epochs', 'Value', '3'],
      ['Add input', 'Name of parameter', 'data_url', 'Path in a bucket', `/${bucket}/pytorch/mnist-data/`],
      ['Add output', 'Name of parameter', 'train_url', 'Path in a bucket', `/${bucket}/pytorch/mnist-output/`],
    ] as const) {
      await page.getByRole('button', { name: button }).click();
      const group = page.getByRole('group', { name: button });
      await group.getByLabel(first).fill(name);
      await group.getByLabel(second).fill(value);
    }
    await choose(page, 'Flavor', 'CPU: 2 vCPUs');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'mnist');
    jobId = idIn();
    assert.match(JSON.stringify(await at.client.job(jobId)), new RegExp(SEED_ENGINE));
    // Nobody reloads the page.
    await state('Completed', 10 * 60_000);
    const log = await logOf(at, jobId);
    const accuracies = [...log.matchAll(/Accuracy: (\d+) \/ (\d+)/g)].map(match => Number(match[1]) / Number(match[2]));
    assert.equal(accuracies.length, 3);
    assert.ok(accuracies.at(-1)! >= 0.97, `accuracies ${accuracies}`);
    const keys: string[] = [];
    for await (const entry of at.obs.walk({ bucket, key: 'pytorch/mnist-output/' })) keys.push(entry.key);
    assert.ok(keys.includes('pytorch/mnist-output/model/mnist_cnn.pt'), keys.join());
    assert.ok(keys.includes('pytorch/mnist-output/model/config.json'), keys.join());
  });

  it('makes an AI application of the job, its engine filled in', async () => {
    await page.getByRole('button', { name: 'Create AI application' }).click();
    await heading(page, 'Create AI application');
    await page.getByTitle('mnist', { exact: true }).waitFor();
    await page.getByLabel('Name', { exact: true }).fill('mnist');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'mnist 0.0.1');
    await state('published', 120_000);
    modelId = idIn();
    const model = (await at.client.model(modelId)) as unknown as Record<string, unknown>;
    assert.equal(model.model_status, 'published');
    assert.match(JSON.stringify(model), /pytorch_1\.8\.0/);
  });

  it('deploys it and recognizes the ten samples', async () => {
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.getByTitle('mnist 0.0.1').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('mnist');
    await choose(page, 'Flavor', 'CPU: 2 vCPUs');
    await page.getByRole('button', { name: 'Deploy' }).click();
    await heading(page, 'mnist');
    serviceId = idIn();
    await state('running', 120_000);
    const samples = readdirSync(join(mnist, 'samples'));
    assert.equal(samples.length, 10);
    await page.getByRole('tab', { name: 'Prediction' }).click();
    for (const file of samples) {
      const expected = Number(/digit-(\d)/.exec(file)![1]);
      await page.getByLabel('File for images').setInputFiles(join(mnist, 'samples', file));
      await page.getByAltText(`Preview of ${file}`).waitFor();
      await page.getByRole('button', { name: 'Send' }).click();
      const result = page.getByRole('region', { name: 'Result' });
      await result.getByText(`"images": ${expected}`).waitFor();
    }
    const form = new FormData();
    form.append('image', new Blob([readFileSync(join(mnist, 'samples', samples[0]!))]), samples[0]!);
    const answer = await at.session.predict(serviceId, form);
    assert.deepEqual(JSON.parse(answer.body.toString()), [{ image: Number(/digit-(\d)/.exec(samples[0]!)![1]) }]);
    await close();
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
