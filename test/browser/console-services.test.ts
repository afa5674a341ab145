import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A picture of one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

let world: ConsoleWorld;
let browser: Browser;
let first: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  first = await world.model('digits', '0.0.1');
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('AI applications', () => {
  it('are listed with their versions, which come by themselves, and found by name', async () => {
    const { page, close } = await opened('/models');
    await page.getByRole('row', { name: /digits.*0\.0\.1.*published/ }).waitFor();
    await world.model('letters', '1.0.0');
    await page.getByRole('row', { name: /letters.*1\.0\.0.*published/ }).waitFor();
    await page.getByLabel('Search by name').fill('lett');
    await page.getByRole('link', { name: 'digits' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'letters' }).waitFor();
    assert.match(page.url(), /name=lett/);
    await close();
  });

  it('show versions, interfaces and events, lead to deploying, and are deleted by name', async () => {
    await world.model('digits', '0.0.2');
    const { page, close } = await opened(`/models/${first}`);
    await heading(page, 'digits 0.0.1');
    await page.getByRole('tab', { name: 'APIs' }).click();
    await page.getByText('file · required · A drawn digit').waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('normal').first().waitFor();
    assert.match(page.url(), /tab=events/);
    await page.getByRole('tab', { name: 'Versions' }).click();
    await page.getByRole('link', { name: '0.0.2' }).click();
    await heading(page, 'digits 0.0.2');
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    assert.ok(await dialog.getByRole('button', { name: 'Delete' }).isDisabled());
    await dialog.getByLabel(/Type digits/).fill('digits');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'AI applications');
    await gone(page.getByRole('row', { name: /0\.0\.2/ }));
    await page.goto(`${world.api}/models/${first}`);
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.waitForURL(/\/services\/deploy\?model=/);
    await close();
  });
});

describe('an AI application', () => {
  it('is made of what a job wrote, and further versions of it', async () => {
    const id = await world.train('makes-a-model', { runMs: 50 });
    const { page, close } = await opened(`/training/jobs/${id}`);
    await page.getByRole('button', { name: 'Create AI application' }).click();
    await heading(page, 'Create AI application');
    await page.getByTitle('makes-a-model').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('of-a-job');
    await page.getByLabel('Version').fill('1');
    await page.getByText(/Three numbers from 0 to 99/).waitFor();
    await page.getByLabel('Version').fill('0.0.9');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'of-a-job 0.0.9');
    // The job of the tests writes nothing, and the page says so.
    await page.locator('.state', { hasText: 'failed' }).first().waitFor();

    await page.getByRole('button', { name: 'New version' }).click();
    await heading(page, 'New version of of-a-job');
    assert.equal(await page.getByLabel('Version').inputValue(), '0.0.10');
    await page.getByLabel('Package in a bucket').check();
    await page.getByLabel('Path in a bucket').fill('obs://digits/package/');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'of-a-job 0.0.10');
    await page.locator('.state', { hasText: 'published' }).first().waitFor();
    await close();
  });
});

describe('real-time services', () => {
  it('are deployed by a form that says what is wrong, and run without a reload', async () => {
    const { page, close } = await opened(`/services/deploy?model=${first}`);
    await page.getByTitle('digits 0.0.1').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('no blanks please');
    await page.getByText('1 to 64 letters').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('reads-digits');
    await page.getByLabel('Flavor').click();
    await page.locator('.ant-select-item-option').first().click();
    await page.getByLabel('Environment variables').fill('GREETING=a=b');
    await page.getByRole('button', { name: 'Deploy' }).click();
    await heading(page, 'reads-digits');
    await page.locator('.state', { hasText: 'running' }).first().waitFor();
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.getByText('GREETING=a=b').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Start' }).waitFor();
    await page.getByRole('tab', { name: 'Prediction' }).click();
    await page.getByText(/no address now/).waitFor();
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/Type reads-digits/).fill('reads-digits');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Real-time services');
    await gone(page.getByRole('link', { name: 'reads-digits' }));
    await close();
  });

  it('predict from a file, which is shown, and the gateway gets a token and no cookie', async () => {
    const id = await world.deploy('predicts', first);
    const { page, close } = await opened(`/services/${id}`);
    const send = page.getByRole('button', { name: 'Send' });
    await send.waitFor();
    assert.ok(await send.isDisabled(), 'the image is required');
    const file = { name: "it's 7.png", mimeType: 'image/png', buffer: PIXEL };
    await page.getByLabel('File for images').setInputFiles(file);
    await page.getByAltText("Preview of it's 7.png").waitFor();
    await page.waitForFunction("document.querySelector('.prediction img').naturalWidth === 1");
    await page.getByLabel('top', { exact: true }).fill('3');
    await send.click();
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByText('"predicted_label": "7"').waitFor();
    await result.getByText(/Status 200/).waitFor();
    const got = world.predictions.at(-1)!;
    assert.deepEqual([got.method, got.url], ['POST', `/v1/infers/${id}`]);
    assert.equal(got.headers.cookie, undefined);
    assert.ok(String(got.headers['x-auth-token']).length > 100);
    const form = await new Response(new Uint8Array(got.body), {
      headers: { 'content-type': got.headers['content-type']! },
    }).formData();
    assert.deepEqual(Buffer.from(await (form.get('images') as File).arrayBuffer()), PIXEL);
    assert.equal(form.get('top'), '3');
    await page.getByText(String.raw`-F 'images=@"it'\''s 7.png"'`).waitFor();
    await close();
  });

  it('predict from JSON, and tell what is refused', async () => {
    const id = await world.deploy('predicts-json', first);
    const { page, close } = await opened(`/services/${id}`);
    await page.getByRole('radio', { name: 'JSON' }).check();
    const body = page.getByLabel('Request body');
    assert.deepEqual(JSON.parse(await body.inputValue()), { images: '', top: 0 });
    await body.fill('{"images": ');
    await page.getByText(/This is not JSON/).waitFor();
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
    await body.fill('{"images": "abc"}');
    Object.assign(world.answer, { status: 500, body: '{"error_msg":"no such <b>digit</b>"}' });
    await page.getByRole('button', { name: 'Send' }).click();
    const result = page.getByRole('region', { name: 'Result' });
    await result.getByText(/Status 500/).waitFor();
    await result.getByText('no such <b>digit</b>').waitFor();
    assert.equal(world.predictions.at(-1)!.body.toString(), '{"images": "abc"}');
    assert.equal(world.predictions.at(-1)!.headers['content-type'], 'application/json');
    await page.getByRole('tab', { name: 'TypeScript' }).click();
    await page.getByText(String.raw`body: "{\"images\": \"abc\"}"`).waitFor();
    await page.getByRole('tab', { name: 'Usage guide' }).click();
    await page.getByText(`/v1/infers/${id}`).nth(1).waitFor();
    await page.getByText(`${world.api}/v3/auth/tokens`).waitFor();
    await close();
  });

  it('predict from a form where the API takes JSON, each value by its declared type', async () => {
    const properties = {
      words: { type: 'string' },
      top: { type: 'integer' },
      exact: { type: 'boolean' },
      weights: { type: 'array' },
    };
    const data = { type: 'object', properties, required: ['words'] };
    const api = { url: '/', method: 'post', request: { 'Content-type': 'application/json', data } };
    const id = await world.deploy('takes-json', await world.model('words', '0.0.1', [api]));
    const { page, close } = await opened(`/services/${id}`);
    await page.getByRole('radio', { name: 'Form' }).check();
    assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled(), 'words are required');
    await page.getByLabel(/^words/).fill('12');
    await page.getByLabel('top').fill('3');
    await page.getByRole('combobox', { name: 'exact' }).click();
    await page.getByTitle('false').click();
    await page.getByLabel('weights').fill('[0.5, 1]');
    Object.assign(world.answer, { status: 200, body: '{"label":"ok"}' });
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('region', { name: 'Result' }).getByText('"label": "ok"').waitFor();
    const got = world.predictions.at(-1)!;
    assert.equal(got.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(got.body.toString()), { words: '12', top: 3, exact: false, weights: [0.5, 1] });
    await world.root_('DELETE', `/v1/${world.root.projectId}/services/${id}`);
    await close();
  });

  it('share the traffic between two versions, and keep the history', async () => {
    const second = await world.model('digits', '0.0.3');
    const id = await world.deploy('splits', first);
    const { page, close } = await opened(`/services/${id}/update`);
    await heading(page, 'Update splits');
    await page.getByRole('button', { name: 'Add a version' }).click();
    const entry = page.getByRole('group', { name: 'Version 2' });
    await entry.getByLabel('AI application').click();
    await page.locator('.ant-select-dropdown:visible').getByText('digits 0.0.3').click();
    await entry.getByRole('spinbutton', { name: 'Traffic' }).fill('30');
    const other = page.getByRole('group', { name: 'Version 1' }).getByRole('spinbutton', { name: 'Traffic' });
    assert.equal(await other.inputValue(), '70');
    await page.getByRole('status').getByText('100 %').first().waitFor();
    await page.getByRole('button', { name: 'Update' }).click();
    await heading(page, 'splits');
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.getByRole('region', { name: 'digits 0.0.3' }).getByText('30%').waitFor();
    await page.getByRole('tab', { name: 'Update history' }).click();
    await page.getByText('digits 0.0.1: 70 % × 1, digits 0.0.3: 30 % × 1').waitFor();
    const { config } = (await world.root_('GET', `/v1/${world.root.projectId}/services/${id}`)).body;
    assert.deepEqual(
      config.map((member: { model_id: string; weight: number }) => [member.model_id, member.weight]),
      [
        [first, 70],
        [second, 30],
      ],
    );
    await world.root_('DELETE', `/v1/${world.root.projectId}/services/${id}`);
    await close();
  });

  it('show calls and the use of resources as they come', async () => {
    const id = await world.deploy('busy', first);
    const { page, close } = await opened(`/services/${id}?tab=monitoring`);
    world.gateway.counts = { [id]: { [first]: { calls: 7, failed: 2 } } };
    world.gateway.took = { [id]: { [first]: { [Math.floor(Math.log(120_000) / Math.log(1.1))]: 7 } } };
    await page.getByText('Calls: 7', { exact: true }).waitFor();
    await page.getByText('Failed: 2', { exact: true }).waitFor();
    // The greatest of what was counted in a minute: the minutes around it may have had no calls.
    await page.getByRole('row', { name: /^Calls \S+ \S+ 7$/ }).waitFor();
    await page.getByRole('row', { name: /^Failed \S+ \S+ 2$/ }).waitFor();
    await page.getByRole('row', { name: /^99 % of the calls \(p99\) 1[12]\d ms/ }).waitFor();
    await page.getByRole('img', { name: 'Calls a minute' }).locator('canvas').waitFor();
    // What was measured is there for whoever comes later.
    await page.reload();
    await page.getByRole('row', { name: /^Calls \S+ \S+ 7$/ }).waitFor();
    await page.getByRole('radiogroup', { name: 'Time range' }).getByText('Last week').click();
    await page.waitForURL(/range=week/);
    await page.getByRole('row', { name: /^Calls \S+ \S+ [1-9]/ }).waitFor();
    await world.root_('DELETE', `/v1/${world.root.projectId}/services/${id}`);
    await close();
  });

  it('show what their instances write, and what happened', async () => {
    const id = await world.deploy('talks', first, {
      output: [{ text: 'model is loaded' }, { text: 'ready to serve' }],
    });
    const { page, close } = await opened(`/services/${id}?tab=log`);
    const log = page.getByRole('log');
    await log.getByText('ready to serve').waitFor();
    await page.getByLabel('Search in the log').fill('LOADED');
    await log.getByText('ready to serve').waitFor({ state: 'detached' });
    await log.getByText('model is loaded').waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText('normal').first().waitFor();
    await page.getByRole('link', { name: 'Real-time services' }).click();
    await page.getByRole('row', { name: /talks.*running/ }).waitFor();
    await close();
  });
});
