import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page, Request, Route } from 'playwright-core';
import type { Principal } from '../../src/kernel/principal.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of buckets who is quicker than the store, or to whom it does not answer. */

let world: ConsoleWorld;
let browser: Browser;
let principal: Principal;
let dir: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  const { account, accountId, userId } = world.root;
  principal = { kind: 'root', id: userId, name: account, accountId, accountName: account, credential: 'internal' };
  dir = mkdtempSync(join(tmpdir(), 'atelier-obs-slow-'));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
  rmSync(dir, { recursive: true, force: true });
});

const service = () => world.families.objects.service;
const put = (bucket: string, key: string, content: string) =>
  service().put(principal, { bucket, key }, Buffer.from(content));
async function contentOf(bucket: string, key: string): Promise<string> {
  const { stream } = await service().read(principal, { bucket, key });
  return Buffer.concat(await stream.toArray()).toString();
}
const file = (name: string, content: string) => {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};
const row = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) });
/** Sets something on a bucket as the console does. */
const set = (page: Page, bucket: string, setting: string, body: string) =>
  page.evaluate(
    `fetch('/console/obs/${bucket}?${setting}', {
      method: 'PUT', headers: { 'x-atelier-console': 'active' }, body: ${JSON.stringify(body)},
    }).then(answer => { if (!answer.ok) throw new Error(String(answer.status)); })`,
  );

/** Holds up what the page asks of the store and `which` is true of; `letGo` lets it go on, and what comes later. */
async function hold(page: Page, which: (request: Request, query: URLSearchParams) => boolean) {
  const held: Route[] = [];
  let holding = true;
  await page.route(
    url => url.pathname.startsWith('/console/obs/'),
    route => {
      const request = route.request();
      if (holding && which(request, new URL(request.url()).searchParams)) held.push(route);
      else void route.fallback();
    },
  );
  return {
    held,
    /** Resolves with what comes first. */
    async first(): Promise<Route> {
      await world.until(() => held.length > 0);
      return held[0]!;
    },
    async letGo(): Promise<void> {
      holding = false;
      for (const route of held) await route.continue();
    },
  };
}

/** Refuses for a reason that is not asked about again. */
const refuse = (route: Route, status = 409) =>
  route.fulfill({
    status,
    contentType: 'application/xml',
    body: '<Error><Code>OperationAborted</Code><Message>Not now, please.</Message></Error>',
  });

describe('files', () => {
  it('replace others only when asked, be these on the screen or not', async () => {
    await service().createBucket(principal, 'kept');
    for (const key of ['a.txt', 'set/deep/b.txt']) await put('kept', key, 'old');
    const { page, close } = await opened('/buckets');
    const listing = await hold(page, (request, query) => request.method() === 'GET' && query.has('delimiter'));
    await page.getByRole('link', { name: 'kept', exact: true }).click();
    await heading(page, 'kept');
    await listing.first();
    const dialog = page.getByRole('dialog');
    const keep = async () => {
      await dialog.getByText('Replace 1 objects?').last().waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      await dialog.waitFor({ state: 'detached' });
    };
    // Nothing of the folder is known yet.
    await page.locator('input[type=file]').first().setInputFiles(file('a.txt', 'new'));
    await keep();
    await listing.letGo();
    await row(page, 'a.txt').waitFor();
    // What is narrowed does not show it.
    await page.getByLabel('Name begins with').fill('zzz');
    await page.getByText('Nothing matches').waitFor();
    await page.locator('input[type=file]').first().setInputFiles(file('a.txt', 'new'));
    await keep();
    // What lies in folders is never on the screen.
    file('set/deep/b.txt', 'new');
    file('set/deep/c.txt', 'more');
    const folder = page.locator('input[type=file]').nth(1);
    await folder.setInputFiles(join(dir, 'set'));
    await keep();
    assert.equal(await page.getByRole('region', { name: 'Transfers' }).count(), 0);
    await folder.setInputFiles(join(dir, 'set'));
    await dialog.getByRole('button', { name: 'Replace' }).click();
    for (const name of ['b.txt', 'c.txt']) {
      await page.locator('.transfers li', { hasText: name }).locator('.state.good').waitFor();
    }
    assert.equal(await contentOf('kept', 'set/deep/b.txt'), 'new');
    assert.equal(await contentOf('kept', 'a.txt'), 'old');
    await close();
  });

  it('are moved onto others only when asked', async () => {
    await service().createBucket(principal, 'moving');
    for (const key of ['a.txt', 'b.txt', 'from/c.txt', 'to/d.txt']) await put('moving', key, key);
    const { page, close } = await opened('/buckets/moving');
    const question = page.getByRole('dialog').filter({ hasText: 'Replace 1 objects?' });
    const move = async (name: string, to: string) => {
      await page.getByRole('checkbox', { name: `Choose ${name}`, exact: true }).check();
      await page.getByRole('button', { name: 'Rename or move' }).click();
      await page.getByLabel('New path in the bucket').fill(to);
      await page.getByRole('button', { name: 'Move', exact: true }).click();
    };
    await move('a.txt', 'b.txt');
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });
    assert.equal(await contentOf('moving', 'b.txt'), 'b.txt');
    await page.getByRole('button', { name: 'Move', exact: true }).click();
    await question.getByRole('button', { name: 'Replace' }).click();
    await page.locator('.transfers li', { hasText: 'Move a.txt' }).locator('.state.good').waitFor();
    assert.equal(await contentOf('moving', 'b.txt'), 'a.txt');
    await gone(row(page, 'a.txt'));
    // A folder that is there already has others of the same name, perhaps.
    await move('from', 'to');
    await question.getByRole('button', { name: 'Replace' }).click();
    await page.locator('.transfers li', { hasText: 'Move from' }).locator('.state.good').waitFor();
    assert.equal(await contentOf('moving', 'to/c.txt'), 'from/c.txt');
    await close();
  });

  it('replace others only when asked in a folder of more than is read at once, too', async () => {
    await service().createBucket(principal, 'wide');
    for (let at = 0; at < 1100; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => put('wide', `n${String(at + n).padStart(4, '0')}`, 'x')));
    }
    await put('wide', 'z.txt', 'old');
    await put('wide', 'z.txt.bak', 'old');
    const { page, close } = await opened('/buckets/wide');
    const dialog = page.getByRole('dialog');
    const files = ['z.txt', 'z.txt.ba', 'n0001', 'n1099'].map(name => file(`wide/${name}`, 'new'));
    await page.locator('input[type=file]').first().setInputFiles(files);
    await dialog.getByText('Replace 3 objects?').last().waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await contentOf('wide', 'z.txt'), 'old');
    await close();
  });

  it('that failed to be sent go on once, however often that is asked for', async () => {
    await service().createBucket(principal, 'again');
    const { page, close } = await opened('/buckets/again');
    const sending = await hold(page, request => request.method() === 'PUT');
    await page.getByText('The bucket is empty').waitFor();
    await page.locator('input[type=file]').first().setInputFiles(file('once.txt', 'once'));
    await refuse(await sending.first(), 500);
    sending.held.length = 0;
    const line = page.locator('.transfers li', { hasText: 'once.txt' });
    await line.getByText('Not now, please.').waitFor();
    // Two clicks before anything is drawn.
    await line.getByRole('button', { name: 'Go on with once.txt' }).evaluate(button => {
      for (const _ of 'ab') (button as unknown as { click(): void }).click();
    });
    await sending.first();
    // The second would have come with the first: two are sent at once.
    await page.evaluate('new Promise(requestAnimationFrame)');
    assert.equal(sending.held.length, 1);
    await sending.letGo();
    await line.locator('.state.good').waitFor();
    await close();
  });
});

describe('the list of a folder', () => {
  it('keeps what was read where the rest does not come, and asks for it when one says so', async () => {
    await service().createBucket(principal, 'long');
    for (let at = 0; at < 600; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => put('long', `n${String(at + n).padStart(4, '0')}`, 'x')));
    }
    const { page, close } = await opened('/buckets');
    const rest = await hold(page, (_, query) => query.has('marker'));
    await page.getByRole('link', { name: 'long', exact: true }).click();
    await row(page, 'n0000').waitFor();
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await refuse(await rest.first());
    await page.getByText('Not now, please.').waitFor();
    await row(page, 'n0499').waitFor();
    await page.evaluate('new Promise(requestAnimationFrame)');
    assert.equal(rest.held.length, 1, 'it is not asked for again and again');
    rest.held.length = 0;
    await rest.letGo();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Not now, please.').waitFor({ state: 'detached' });
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await row(page, 'n0599').waitFor();
    await close();
  });
});

describe('a bucket policy', () => {
  it('is not written before it is known, nor taken away while it is saved', async () => {
    await service().createBucket(principal, 'ruled');
    const { page, close } = await opened('/buckets/ruled');
    const statement = { Sid: 'first', Effect: 'Allow', Principal: { ID: ['*'] }, Action: ['GetObject'] };
    const policy = JSON.stringify({ Statement: [{ ...statement, Resource: ['ruled/*'] }] });
    await set(page, 'ruled', 'policy', policy);
    const reading = await hold(page, (request, query) => request.method() === 'GET' && query.has('policy'));
    await page.getByRole('tab', { name: 'Permissions' }).click();
    const box = page.getByRole('region', { name: 'Bucket policy' });
    const editor = box.getByRole('textbox', { name: 'Bucket policy' });
    const save = box.getByRole('button', { name: 'Save' });
    await page.getByRole('combobox', { name: 'Who' }).waitFor();
    await refuse(await reading.first());
    await box.getByText('Not now, please.').waitFor();
    assert.equal(await save.count(), 0);
    reading.held.length = 0;
    await box.getByRole('button', { name: 'Try again' }).click();
    await reading.first();
    assert.equal(await editor.count(), 0);
    await reading.letGo();
    await editor.getByText('"first"').waitFor();
    assert.ok(await save.isDisabled());

    const text = (await editor.locator('.cm-line').allTextContents()).join('\n');
    await editor.fill(text.replace('"first"', '"second"'));
    const saving = await hold(page, request => request.method() === 'PUT');
    await save.click();
    await saving.first();
    await editor.fill(text.replace('"first"', '"third"'));
    await saving.letGo();
    await page.getByText('Saved').first().waitFor();
    await editor.getByText('"third"').waitFor();
    await save.click();
    await box.locator('button:disabled', { hasText: 'Save' }).waitFor();
    await editor.getByText('"third"').waitFor();
    await close();
  });
});

describe('what is under way', () => {
  it('is not done twice: a version that is brought back', async () => {
    await service().createBucket(principal, 'twice');
    const { page, close } = await opened('/buckets/twice');
    const on = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    await set(page, 'twice', 'versioning', on);
    for (const text of ['first', 'second']) await put('twice', 'notes.txt', text);
    await page.goto(`${world.api}/buckets/twice?object=notes.txt`);
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('tab', { name: 'Versions' }).click();
    const copying = await hold(page, request => request.method() === 'PUT');
    await drawer.getByRole('button', { name: 'Make it the latest' }).dblclick();
    await copying.first();
    await copying.letGo();
    await drawer.getByRole('listitem').nth(2).waitFor();
    assert.equal(copying.held.length, 1);
    assert.equal(await drawer.getByRole('listitem').count(), 3);
    await close();
  });

  it('stays in its dialog, which tells what came of it', async () => {
    await service().createBucket(principal, 'set');
    const { page, close } = await opened('/buckets/set?tab=properties');
    await page.getByRole('button', { name: 'Change: Quota' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Quota (GiB)').fill('2');
    const saving = await hold(page, request => request.method() === 'PUT');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const route = await saving.first();
    await page.keyboard.press('Escape');
    assert.ok(await dialog.getByRole('button', { name: 'Cancel' }).isDisabled());
    await refuse(route);
    await dialog.getByText('Not now, please.').waitFor();
    assert.equal(await dialog.getByLabel('Quota (GiB)').inputValue(), '2');
    saving.held.length = 0;
    await saving.letGo();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('.settings').getByText('2 GiB').waitFor();
    await close();
  });
});
