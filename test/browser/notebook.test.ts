import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { createInstallation, type Installation, presetImageReady } from '../e2e/installation.ts';
import { authorize } from '../e2e/jobs.ts';
import { openBrowser, openPage } from './chromium.ts';

/** A person at a notebook: opens the address, runs a cell, works in a terminal, uploads a file. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
let at: Installation;
let browser: Browser;
let shown: Json;

before(async () => {
  at = await createInstallation();
  await presetImageReady(at);
  await authorize(at);
  browser = await openBrowser();
  const base = `/v1/${at.profile.projectId}/notebooks`;
  const ask = async (method: string, path: string, body?: object): Promise<Json> =>
    JSON.parse((await at.session.request(method, base + path, { body })).body.toString('utf8'));
  const { id } = await ask('POST', '', {
    name: 'person',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS' },
  });
  for (const end = Date.now() + 600_000; ; await new Promise(resolve => setTimeout(resolve, 200))) {
    shown = await ask('GET', `/${id}`);
    if (shown.status === 'RUNNING') break;
    if (Date.now() > end || shown.fail_reason) throw new Error(JSON.stringify(shown));
  }
});
after(async () => {
  await browser?.close();
  await at?.remove();
});

test('the address opens the tree, and the token is gone from it', async () => {
  const { page, close } = await openPage(browser, `${shown.url}?token=${shown.token}`);
  await page.waitForSelector('#notebook_list');
  assert.equal(page.url(), shown.url);
  const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'atelier-notebook');
  assert.deepEqual([cookie?.httpOnly, cookie?.sameSite, cookie?.path], [true, 'Lax', `/${shown.id}/`]);
  assert.ok(!cookie!.value.includes(shown.token));

  await page.setInputFiles('#alternate_upload input[type=file]', {
    name: 'digits.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('1,2,3\n'),
  });
  await page.click('.upload_button');
  await page.waitForSelector('.item_link:has-text("digits.csv")');
  await close();
});

test('a cell runs, with its output, and a terminal works', async () => {
  const { page, close } = await openPage(browser, `${shown.url}?token=${shown.token}`);
  await page.waitForSelector('#notebook_list');
  const address = `${new URL(shown.url).origin}/${shown.id}`;
  const made = await page.evaluate(async path => {
    const xsrf =
      /_xsrf=([^;]+)/.exec((globalThis as unknown as { document: { cookie: string } }).document.cookie)?.[1] ?? '';
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'x-xsrftoken': xsrf },
      body: JSON.stringify({ type: 'notebook' }),
    });
    return (await answer.json()) as { path: string };
  }, `${address}/api/contents`);
  await page.goto(`${address}/notebooks/${made.path}`);
  await page.waitForSelector('.kernel_idle_icon');
  await page.click('.CodeMirror');
  await page.keyboard.type('print("sum", sum(range(10)))');
  await page.keyboard.press('Shift+Enter');
  await page.waitForSelector('.output_stdout:has-text("sum 45")');

  await page.goto(`${address}/terminals/new`);
  await page.waitForSelector('.terminal, .xterm');
  await page.click('.terminal');
  await page.waitForTimeout(1_000);
  await page.keyboard.type('id -un; cat digits.csv; echo made-$((6*7)) > from-terminal.txt\n');
  const content = () =>
    page.evaluate(async path => {
      const answer = await fetch(path);
      return answer.ok ? ((await answer.json()) as { content: string }).content : '';
    }, `${address}/api/contents/from-terminal.txt`);
  for (const end = Date.now() + 20_000; !(await content()).includes('made-42'); ) {
    assert.ok(Date.now() < end, 'the terminal wrote its file');
    await page.waitForTimeout(200);
  }
  await close();
});

test('without a token, with an old one, and from pages of other sites, nothing opens', async () => {
  const { page, close } = await openPage(browser, shown.url);
  assert.match(await page.content(), /This notebook is closed/);
  await page.goto(`${shown.url}?token=00000000-0000-0000-0000-000000000000`);
  assert.match(await page.content(), /This notebook is closed/);
  await close();

  const person = await openPage(browser, `${shown.url}?token=${shown.token}`);
  await person.page.waitForSelector('#notebook_list');
  // A page of another port of this machine counts as the same site, so its requests come with the cookie.
  await person.page.goto(`http://127.0.0.1:${at.port}/readyz`);
  const outcome = await person.page.evaluate(
    async ([origin, id]) => {
      const sent = await fetch(`${origin}/${id}/api/kernels`, {
        method: 'POST',
        mode: 'no-cors',
        credentials: 'include',
      }).then(
        () => 'sent',
        () => 'failed',
      );
      const socket = await new Promise<string>(resolve => {
        const connection = new WebSocket(`${origin!.replace('http', 'ws')}/${id}/terminals/websocket/1`);
        connection.onopen = () => resolve('open');
        connection.onerror = () => resolve('refused');
      });
      return [sent, socket];
    },
    [new URL(shown.url).origin, shown.id],
  );
  assert.equal(outcome[1], 'refused');
  const kernels = await fetch(`${new URL(shown.url).origin}/${shown.id}/api/kernels`, {
    headers: { authorization: `token ${shown.token}` },
  });
  assert.equal(((await kernels.json()) as unknown[]).length, 1, 'no kernel but the one of the cell');
  await person.close();
});
