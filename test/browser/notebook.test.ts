import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { CLASSIC_IMAGE, jupyterLabOf, NOTEBOOK_IMAGE } from '../../src/resources/images/index.ts';
import { withDriver } from '../e2e/containers.ts';
import { createInstallation, type Installation, presetImageReady } from '../e2e/installation.ts';
import { authorize } from '../e2e/jobs.ts';
import { networkSettled, openBrowser, openPage } from './chromium.ts';

/** A person at a notebook, the classic one and JupyterLab: opens the address, runs a cell, works in a terminal, uploads a file. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
let at: Installation;
let browser: Browser;
/** An instance of an image without JupyterLab, and one of the preset image. */
let shown: Json;
let theirs: Json;

async function ask(method: string, path: string, body?: object): Promise<Json> {
  const base = `/v1/${at.profile.projectId}`;
  return JSON.parse((await at.session.request(method, base + path, { body })).body.toString('utf8'));
}

/** A new instance, once it can be opened. */
async function running(name: string, imageId: string): Promise<Json> {
  const { id } = await ask('POST', '/notebooks', {
    name,
    image_id: imageId,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS' },
  });
  for (const end = Date.now() + 600_000; ; await new Promise(resolve => setTimeout(resolve, 200))) {
    const found = await ask('GET', `/notebooks/${id}`);
    if (found.status === 'RUNNING') return found;
    if (Date.now() > end || found.fail_reason) throw new Error(JSON.stringify(found));
  }
}

before(async () => {
  at = await createInstallation();
  await presetImageReady(at);
  await authorize(at);
  browser = await openBrowser();
  theirs = await running('others', NOTEBOOK_IMAGE_ID);
  const classic = await ask('POST', '/images', { swr_path: CLASSIC_IMAGE, services: ['NOTEBOOK'] });
  shown = await running('person', classic.id);
  await networkSettled();
});
after(async () => {
  await browser?.close();
  await at?.remove();
});

test('the address opens the tree, and the token is gone from it', async () => {
  const { page, close } = await openPage(browser, `${shown.url}?token=${shown.token}`);
  await page.waitForSelector('#notebook_list');
  assert.equal(page.url(), shown.url.replace(/\/lab$/, '/tree'));
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
  const content = () =>
    page.evaluate(async path => {
      const answer = await fetch(path);
      return answer.ok ? ((await answer.json()) as { content: string }).content : '';
    }, `${address}/api/contents/from-terminal.txt`);
  // What is typed before the shell is there gets lost, and nothing tells when it is.
  for (const end = Date.now() + 60_000; !(await content()).includes('made-42'); await page.waitForTimeout(1_000)) {
    assert.ok(Date.now() < end, 'the terminal wrote its file');
    await page.keyboard.type('\nid -un; cat digits.csv; echo made-$((6*7)) > from-terminal.txt\n');
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

test("a page of another instance, open in the same browser, reaches nothing of a person's own", async () => {
  const { page, close } = await openPage(browser, `${shown.url}?token=${shown.token}`);
  await page.waitForSelector('#notebook_list');
  const mine = new URL(page.url()).origin;
  const kernels = async () =>
    (await (
      await fetch(`${mine}/${shown.id}/api/kernels`, { headers: { authorization: `token ${shown.token}` } })
    ).json()) as unknown[];
  const before = (await kernels()).length;
  // The same window goes on to another's instance: both cookies are there now.
  await page.goto(`${theirs.url}?token=${theirs.token}`);
  await page.waitForSelector('#notebook_list, .jp-Launcher');
  const cookies = await page.context().cookies();
  assert.equal(cookies.filter(({ name }) => name === 'atelier-notebook').length, 2);
  assert.notEqual(new URL(page.url()).origin, mine);
  const outcome = await page.evaluate(
    async ([origin, id]) => {
      const here = (globalThis as unknown as { location: { origin: string } }).location.origin;
      const told: string[] = [];
      const attempt = async (name: string, work: () => Promise<string>) => {
        told.push(`${name}: ${await work().catch(() => 'failed')}`);
      };
      const withCookies = { credentials: 'include' } as const;
      const read = async (url: string) => {
        const answer = await fetch(url, withCookies);
        return answer.ok ? `read ${(await answer.text()).length}` : String(answer.status);
      };
      await attempt('read', () => read(`${origin}/${id}/api/contents`));
      await attempt('by its own origin', () => read(`${here}/${id}/api/contents`));
      await attempt('kernel', async () => {
        const answer = await fetch(`${origin}/${id}/api/kernels`, { method: 'POST', mode: 'no-cors', ...withCookies });
        return answer.type === 'opaque' ? 'sent' : String(answer.status);
      });
      await attempt(
        'socket',
        () =>
          new Promise(resolve => {
            const socket = new WebSocket(`${origin!.replace('http', 'ws')}/${id}/terminals/websocket/1`);
            socket.onopen = () => resolve('open');
            socket.onerror = () => resolve('failed');
          }),
      );
      // biome-ignore lint/suspicious/noExplicitAny: this runs in the page
      const { document, open } = globalThis as any;
      await attempt('frame', async () => {
        const frame = document.createElement('iframe');
        frame.src = `${origin}/${id}/tree`;
        document.body.append(frame);
        await new Promise(resolve => {
          frame.onload = resolve;
        });
        return frame.contentDocument?.querySelector('#notebook_list') ? 'seen' : 'failed';
      });
      await attempt('window', async () => {
        const other = open(`${origin}/${id}/tree`);
        await new Promise(resolve => setTimeout(resolve, 1_500));
        return other?.document?.querySelector('#notebook_list') ? 'seen' : 'failed';
      });
      return told;
    },
    [mine, shown.id],
  );
  // What a page of another origin may send without reading the answer is refused by the proxy.
  assert.deepEqual(outcome, [
    'read: failed',
    'by its own origin: failed',
    'kernel: sent',
    'socket: failed',
    'frame: failed',
    'window: failed',
  ]);
  assert.equal((await kernels()).length, before);
  await close();
});

test('JupyterLab opens, runs a cell with PyTorch, works in a terminal, and takes a file', async t => {
  if (!(await withDriver(at, async driver => jupyterLabOf(await driver.inspectImage(NOTEBOOK_IMAGE))))) {
    return t.skip('the notebook image was built without JupyterLab: no Python package index could be reached');
  }
  const { page, close } = await openPage(browser, `${theirs.url}?token=${theirs.token}`);
  // It is large, and machines are busy where tests run.
  page.context().setDefaultTimeout(90_000);
  await page.waitForSelector('.jp-Launcher');
  assert.ok(page.url().startsWith(theirs.url) && !page.url().includes(theirs.token), page.url());
  const foreign: string[] = [];
  page.on('request', request => {
    if (new URL(request.url()).hostname !== new URL(theirs.url).hostname) foreign.push(request.url());
  });
  const failed: string[] = [];
  page.on('response', answer => {
    if (answer.status() >= 400) failed.push(`${answer.status()} ${answer.request().method()} ${answer.url()}`);
  });
  await page.reload();
  await page.waitForSelector('.jp-Launcher');

  // What is typed before the kernel is there runs, but keys that come while the page still builds itself get lost.
  await page.click('.jp-LauncherCard[data-category="Notebook"]');
  await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]');
  await page.click('.jp-Notebook .cm-content');
  await page.keyboard.type('import torch; print("sum", int(torch.arange(10).sum()))');
  await page.waitForSelector('.jp-Notebook .cm-content:has-text("arange(10).sum()))")');
  // What was on the way to the kernel is lost when a network of the machine changes and the page has to connect again.
  const sum = page.locator('.jp-OutputArea-output:has-text("sum 45")').first();
  for (let attempt = 0; attempt < 3 && !(await sum.isVisible()); attempt++) {
    await page.locator('.jp-Notebook .cm-content').first().click();
    await page.keyboard.press('Control+Enter');
    await sum.waitFor({ timeout: 30_000 }).catch(() => {});
  }
  assert.ok(await sum.isVisible(), 'the cell ran');

  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.click('.jp-FileBrowser [data-jp-item-name="uploader"] jp-button'),
  ]);
  await chooser.setFiles({ name: 'digits.csv', mimeType: 'text/csv', buffer: Buffer.from('1,2,3\n') });
  await page.waitForSelector('.jp-DirListing-item:has-text("digits.csv")');

  await page.click('.jp-FileBrowser [data-jp-item-name="new-launcher"] jp-button');
  await page.click('.jp-LauncherCard[data-category="Other"][title*="terminal" i]');
  await page.click('.jp-Terminal .xterm');
  // What is typed before the shell is there gets lost, and nothing tells when it is.
  const copied = page.locator('.jp-DirListing-item:has-text("copied-42.csv")');
  for (let attempt = 0; attempt < 6 && (await copied.count()) === 0; attempt++) {
    await page.keyboard.type('cp digits.csv copied-$((6*7)).csv\n');
    await copied.waitFor({ timeout: 15_000 }).catch(() => {});
  }
  assert.equal(await copied.count(), 1, 'the terminal copied the file');

  assert.deepEqual([foreign, failed], [[], []]);
  const source = await page.content();
  const secrets = [theirs.token, /"token": ?"[^"]+"/];
  for (const secret of secrets) assert.ok(!source.match(secret), 'the page holds no token');
  await close();
});
