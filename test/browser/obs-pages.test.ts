import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { Principal } from '../../src/kernel/principal.ts';
import { accessible, settled } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of buckets and objects; the object store is real. */

const MIB = 1024 ** 2;
let world: ConsoleWorld;
let browser: Browser;
let principal: Principal;
let dir: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  const { account, accountId, userId } = world.root;
  principal = { kind: 'root', id: userId, name: account, accountId, accountName: account, credential: 'internal' };
  dir = mkdtempSync(join(tmpdir(), 'atelier-obs-pages-'));
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
  rmSync(dir, { recursive: true, force: true });
});

const service = () => world.families.objects.service;
const bucketOf = (name: string) => service().createBucket(principal, name);
const put = (bucket: string, key: string, content: string | Buffer, contentType?: string) =>
  service().put(principal, { bucket, key }, Buffer.from(content), contentType ? { contentType } : {});
async function contentOf(bucket: string, key: string): Promise<Buffer> {
  const { stream } = await service().read(principal, { bucket, key });
  return Buffer.concat(await stream.toArray());
}
async function keysOf(bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of service().walk(principal, { bucket, key: '' })) keys.push(key);
  return keys;
}
const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const file = (name: string, content: string | Buffer) => {
  const path = join(dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};
/** Finished by the list of transfers. */
const done = (page: Page, name: string) =>
  page.locator('.transfers li', { hasText: name }).locator('.state.good').waitFor();
const row = (page: Page, name: string) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) });
const choose = (page: Page, name: string) =>
  page.getByRole('checkbox', { name: `Choose ${name}`, exact: true }).check();

describe('buckets', () => {
  it('are made, shown live, described and changed, and deleted by name once they are empty', async () => {
    const { page, close } = await opened('/buckets');
    await heading(page, 'Buckets');
    await bucketOf('made-elsewhere');
    await page.getByRole('link', { name: 'made-elsewhere' }).waitFor();
    await page.getByRole('button', { name: 'Create bucket' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('No_Good');
    await dialog.getByText(/3 to 63 lower-case letters/).waitFor();
    await dialog.getByLabel('Name').fill('made-by-hand');
    await dialog.getByRole('switch', { name: 'Versions' }).click();
    await accessible(page, 'the dialog of a new bucket');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await heading(page, 'made-by-hand');
    await page.getByText('The bucket is empty').waitFor();

    await page.getByRole('tab', { name: 'Properties' }).click();
    const fact = (name: string) => page.locator('.settings > div', { has: page.getByText(name, { exact: true }) });
    await fact('Versions').getByText('On', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Change: Quota' }).click();
    await dialog.getByLabel('Quota (GiB)').fill('2');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fact('Quota').getByText('2 GiB').waitFor();
    await page.getByRole('button', { name: 'Change: Tags' }).click();
    await dialog.getByRole('button', { name: 'Add tag' }).click();
    await dialog.getByLabel('Name').fill('team');
    await dialog.getByLabel('Value').fill('<b>&');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fact('Tags').getByText('team=<b>&').waitFor();
    await page.getByRole('button', { name: 'Change: Life cycle' }).click();
    await dialog.getByRole('button', { name: 'Add rule' }).click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText(/at least one action is needed/).waitFor();
    await dialog.getByLabel('Delete', { exact: true }).fill('30');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fact('Life cycle').getByText('1 rules').waitFor();
    await page.getByRole('button', { name: 'Change: Encryption' }).click();
    await dialog.getByRole('switch').click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await fact('Encryption').getByText('kms').waitFor();
    await settled(page);
    await accessible(page, 'properties');

    await put('made-by-hand', 'one', '1');
    const destroy = async () => {
      await page.getByRole('button', { name: 'Delete bucket' }).click();
      await dialog.getByLabel(/Type made-by-hand/).fill('made-by-hand');
      await dialog.getByRole('button', { name: 'Delete' }).click();
    };
    await destroy();
    await dialog.getByText(/The bucket is not empty/).waitFor();
    await dialog.getByText(/To empty it/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('tab', { name: 'Objects' }).click();
    await page.getByRole('switch', { name: 'Show versions' }).click();
    await page.getByRole('columnheader', { name: 'Version', exact: true }).waitFor();
    await row(page, 'one').waitFor();
    await page.getByRole('checkbox', { name: 'Choose all' }).check();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByText('The bucket is empty').waitFor();
    await destroy();
    await heading(page, 'Buckets');
    await gone(page.getByRole('link', { name: 'made-by-hand' }));
    await close();
  });
});

describe('the file browser', () => {
  it('takes files from a chooser and folders that are dropped, makes folders, moves and deletes them', async () => {
    await bucketOf('files');
    const { page, close, context } = await opened('/buckets/files');
    await page.getByText('The bucket is empty').waitFor();
    await page
      .locator('input[type=file]')
      .first()
      .setInputFiles([file('a.txt', 'aaa'), file('b.csv', 'x,y\n1,2')]);
    await done(page, 'a.txt');
    await done(page, 'b.csv');
    await row(page, 'a.txt').waitFor();
    assert.equal((await contentOf('files', 'a.txt')).toString(), 'aaa');

    await page.getByRole('button', { name: 'Create folder' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('data');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'data', exact: true }).click();
    await page.getByText('The folder is empty').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('prefix'), 'data/');

    file('dropped/train/1.txt', 'one');
    file('dropped/train/deep/2.txt', 'two');
    file('dropped/图.txt', 'three');
    const box = (await page.locator('.drop').boundingBox())!;
    const debug = await context.newCDPSession(page);
    const data = { items: [], files: [join(dir, 'dropped')], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await debug.send('Input.dispatchDragEvent', { type, x: box.x + 40, y: box.y + 40, data });
    }
    await row(page, 'dropped').waitFor();
    await done(page, 'data/dropped/train/1.txt');
    await done(page, 'data/dropped/train/deep/2.txt');
    await done(page, 'data/dropped/图.txt');
    assert.deepEqual((await keysOf('files')).toSorted(), [
      'a.txt',
      'b.csv',
      'data/',
      'data/dropped/train/1.txt',
      'data/dropped/train/deep/2.txt',
      'data/dropped/图.txt',
    ]);
    assert.equal((await contentOf('files', 'data/dropped/train/deep/2.txt')).toString(), 'two');

    await choose(page, 'dropped');
    await page.getByRole('button', { name: 'Rename or move' }).click();
    await dialog.getByLabel('New path in the bucket').fill('set');
    await dialog.getByRole('button', { name: 'Move' }).click();
    await done(page, 'Move dropped');
    await row(page, 'dropped').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'files', exact: true }).click();
    await page.getByRole('button', { name: 'set', exact: true }).click();
    await page.getByRole('button', { name: 'train', exact: true }).click();
    assert.equal((await contentOf('files', 'set/train/deep/2.txt')).toString(), 'two');
    await page.goBack();
    await row(page, 'train').waitFor();
    await page.getByRole('button', { name: 'files', exact: true }).click();

    for (const name of ['set', 'a.txt']) await choose(page, name);
    await page.getByText('2 chosen').waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByText(/Folders go with all that is in them/).waitFor();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row(page, 'set').waitFor({ state: 'detached' });
    assert.deepEqual(await keysOf('files'), ['b.csv', 'data/']);
    await settled(page);
    await accessible(page, 'objects');
    await close();
  });

  it('shows ten thousand names and finds among them', async () => {
    await bucketOf('many');
    const names = Array.from({ length: 10_000 }, (_, at) => `image-${String(at).padStart(5, '0')}.png`);
    for (let at = 0; at < names.length; at += 100) {
      await Promise.all(names.slice(at, at + 100).map(name => put('many', name, 'x')));
    }
    const { page, close } = await opened('/buckets/many');
    await row(page, 'image-00000.png').waitFor();
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await row(page, 'image-00499.png').waitFor();
    await page.getByLabel('Name begins with').fill('image-0777');
    await row(page, 'image-07777.png').waitFor();
    assert.ok((await page.getByRole('row').count()) < 80);
    await close();
  });

  it('goes on with a large upload after the connection was lost, and after a reload', async () => {
    await bucketOf('large');
    const bytes = randomBytes(40 * MIB);
    const path = file('large.bin', bytes);
    const { page, close, context } = await opened('/buckets/large');
    const parts: string[] = [];
    page.on('requestfinished', request => {
      const part = new URL(request.url()).searchParams.get('partNumber');
      if (request.method() === 'PUT' && part) parts.push(part);
    });
    // Of six parts, two get through; then the line is cut.
    let through = 0;
    await page.route('**/console/obs/**partNumber=**', route =>
      through++ < 2 ? route.continue() : route.abort('connectionreset'),
    );
    await page.getByText('The bucket is empty').waitFor();
    await page.locator('input[type=file]').first().setInputFiles(path);
    await page.getByText('Waits for the connection').waitFor();
    await world.until(() => parts.length === 2);
    const before = [...parts];
    page.on('dialog', dialog => void dialog.accept());
    await page.reload();
    await heading(page, 'large');
    const left = page.getByRole('region', { name: 'Unfinished uploads' });
    await left.getByText('large.bin').waitFor();
    await accessible(page, 'unfinished uploads');
    await page.locator('input[type=file]').first().setInputFiles(path);
    await page.getByText('Waits for the connection').waitFor();
    await context.setOffline(true);
    await page.unroute('**/console/obs/**partNumber=**');
    await context.setOffline(false);
    await done(page, 'large.bin');
    assert.equal(sum(await contentOf('large', 'large.bin')), sum(bytes));
    const later = parts.slice(before.length);
    for (const part of before) assert.ok(!later.includes(part), `part ${part} was sent once: ${parts}`);
    await left.waitFor({ state: 'detached' });
    await close();
  });

  it('begins anew where another file has the name of one that was interrupted', async () => {
    await bucketOf('other');
    const path = file('other.bin', randomBytes(20 * MIB));
    const { page, close } = await opened('/buckets/other');
    await page.route('**/console/obs/**partNumber=3**', route => route.abort('connectionreset'));
    await page.getByText('The bucket is empty').waitFor();
    let arrived = 0;
    page.on('requestfinished', request => {
      if (request.url().includes('partNumber=')) arrived++;
    });
    await page.locator('input[type=file]').first().setInputFiles(path);
    await world.until(() => arrived >= 2);
    page.on('dialog', dialog => void dialog.accept());
    await page.reload();
    await heading(page, 'other');
    await page.unroute('**/console/obs/**partNumber=3**');
    const bytes = randomBytes(20 * MIB);
    writeFileSync(path, bytes);
    utimesSync(path, statSync(path).atime, new Date(Date.now() - 60_000));
    await page.locator('input[type=file]').first().setInputFiles(path);
    await done(page, 'other.bin');
    assert.equal(sum(await contentOf('other', 'other.bin')), sum(bytes));
    const left = await world.db.selectFrom('obs_uploads').selectAll().where('key', '=', 'other.bin').execute();
    assert.deepEqual(left, [], 'the parts of the first file are gone');
    await close();
  });

  it('shows text, tables and images, and never runs what objects hold', async () => {
    await bucketOf('hostile');
    const png = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
      'base64',
    );
    const script = '<script>document.title = "pwned"; fetch("/console/session", {method: "DELETE"})</script>';
    await put('hostile', 'table.csv', 'name,text\n"a, ""b""","<img src=x onerror=alert(1)>"\n');
    await put('hostile', 'dot.png', png, 'text/html');
    await put('hostile', 'page.html', `<h1>Hello</h1>${script}`, 'text/html');
    await put('hostile', 'drawing.svg', `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`, 'image/svg+xml');
    await put('hostile', 'bytes.bin', Buffer.from([1, 0, 2]));
    const names = ['<img src=x onerror=alert(1)>', '..', '数据 1.txt', 'a&b=c#d?e.txt', '"quoted" %2e'];
    for (const name of names) await put('hostile', name, `I am ${name}`);
    await put('hostile', 'a//b', 'beneath a folder without a name');
    const { page, close, context } = await opened('/buckets/hostile');
    const drawer = page.getByRole('dialog');
    const show = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).click();
      await drawer.waitFor();
    };
    const hide = async () => {
      await page.keyboard.press('Escape');
      await drawer.waitFor({ state: 'detached' });
    };
    for (const name of names) {
      await show(name);
      await drawer.getByText(`I am ${name}`, { exact: true }).waitFor();
      await hide();
    }
    await show('table.csv');
    await drawer.getByRole('cell', { name: 'a, "b"' }).waitFor();
    await drawer.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get('object'), 'table.csv');
    await accessible(page, 'an object');
    await hide();
    await show('dot.png');
    const picture = drawer.getByRole('img', { name: 'Preview of dot.png' });
    await picture.waitFor();
    await world.until(
      async () => (await picture.evaluate(image => (image as { naturalWidth?: number }).naturalWidth)) === 1,
    );
    await hide();
    for (const name of ['page.html', 'drawing.svg']) {
      await show(name);
      await drawer.getByText(script, { exact: false }).waitFor();
      await hide();
    }
    await show('bytes.bin');
    await drawer.getByText(/neither text nor an image/).waitFor();
    await hide();
    assert.match(await page.title(), /hostile · Atelier/);

    await page.getByRole('button', { name: 'a', exact: true }).click();
    await page.getByRole('button', { name: '/', exact: true }).click();
    await show('b');
    await drawer.getByText('beneath a folder without a name').waitFor();
    await hide();

    // Whoever is led to the address itself sees nothing, and it is saved rather than shown.
    const led = await context.newPage();
    const answer = await led.goto(`${world.api}/console/obs/hostile/=page.html`);
    assert.equal(answer!.status(), 401);
    await led.close();
    await page.goto(`${world.api}/buckets/hostile?object=page.html`);
    const [saved] = await Promise.all([
      page.waitForEvent('download'),
      drawer.getByRole('button', { name: 'Download' }).click(),
    ]);
    assert.equal(saved.suggestedFilename(), 'page.html');
    assert.match((await saved.createReadStream().then(stream => stream.toArray())).join(''), /<h1>Hello/);
    await close();
  });

  it('keeps versions, brings them back and deletes them for good; shows and changes metadata', async () => {
    await bucketOf('versions');
    const { page, close } = await opened('/buckets/versions?tab=properties');
    await page.getByRole('button', { name: 'Change: Versions' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('switch').click();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('.settings').getByText('On', { exact: true }).waitFor();
    await put('versions', 'notes.txt', 'first');
    await put('versions', 'notes.txt', 'second');
    await page.getByRole('tab', { name: 'Objects' }).click();
    await page.getByRole('button', { name: 'notes.txt', exact: true }).click();
    await dialog.getByText('second', { exact: true }).waitFor();
    await dialog.getByRole('tab', { name: 'Versions' }).click();
    await dialog.getByRole('button', { name: 'Make it the latest' }).click();
    await page.waitForTimeout(200);
    await world.until(async () => (await contentOf('versions', 'notes.txt')).toString() === 'first');
    await dialog.getByRole('listitem').nth(2).waitFor();
    await dialog.getByRole('button', { name: 'Delete for good' }).last().click();
    await dialog.getByRole('listitem').nth(2).waitFor({ state: 'detached' });

    await dialog.getByRole('tab', { name: 'Metadata' }).click();
    // The form begins anew with what it is a form of.
    const latest = await service().head(principal, { bucket: 'versions', key: 'notes.txt' });
    await dialog.locator('.fact').getByText(latest!.versionId, { exact: true }).waitFor();
    await dialog.getByLabel('Content type').fill('text/markdown');
    await dialog.getByRole('button', { name: 'Add metadata' }).click();
    await dialog.getByLabel('Name').fill('Author');
    await dialog.getByLabel('Value').fill('me');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved').first().waitFor();
    const head = await service().head(principal, { bucket: 'versions', key: 'notes.txt' });
    assert.equal(head?.contentType, 'text/markdown');
    assert.equal(head?.metadata.author, 'me');
    await page.keyboard.press('Escape');

    await choose(page, 'notes.txt');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row(page, 'notes.txt').waitFor({ state: 'detached' });
    await page.getByRole('switch', { name: 'Show versions' }).click();
    await page.getByRole('cell', { name: 'Deleted' }).waitFor();
    await close();
  });
});

describe('letting others in', () => {
  it('is done by links that end', async () => {
    await bucketOf('shared');
    await put('shared', 'picture of us.txt', 'for you');
    const { page, close } = await opened('/buckets/shared?object=picture+of+us.txt');
    const drawer = page.getByRole('dialog');
    await drawer.getByRole('tab', { name: 'Share' }).click();
    await drawer.getByRole('button', { name: 'Make link' }).click();
    const url = await drawer.getByLabel('Link', { exact: true }).inputValue();
    assert.equal(await (await fetch(url)).text(), 'for you');
    const untilText = await drawer.getByText('Good until').textContent();
    assert.match(untilText!, /20\d\d/);
    await close();
  });

  it('is done by a policy and an access control list, and what is wrong with them is shown where it stands', async () => {
    await bucketOf('policies');
    await put('policies', 'public/a.txt', 'open');
    const { page, close } = await opened('/buckets/policies?tab=permissions');
    const policy = page.getByRole('textbox', { name: 'Bucket policy' });
    const save = page.getByRole('region', { name: 'Bucket policy' }).getByRole('button', { name: 'Save' });
    await policy.waitFor();
    await policy.fill('{\n  "Statement": [\n}');
    await page.getByText('This is no valid policy yet').waitFor();
    assert.ok(await save.isDisabled());
    await page.getByRole('button', { name: 'Example: a public folder' }).click();
    await page.getByText('This is no valid policy yet').waitFor({ state: 'detached' });
    const good = (await policy.locator('.cm-line').allTextContents()).join('\n');
    await policy.fill(good.replace('"Allow"', '"Perhaps"').replace('"GetObject"', '"GetObject", "PutObjectAc'));
    // Names are completed from what the server knows.
    await page.locator('.cm-line', { hasText: 'PutObjectAc' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type('l');
    await page.locator('.cm-tooltip-autocomplete').getByText('PutObjectAcl', { exact: true }).click();
    await page.keyboard.type('"]');
    await policy.fill(good.replace('"Allow"', '"Perhaps"'));
    await page.getByText(/\$\.Statement\[0\]\.Effect: .*Allowed: "Allow" or "Deny"/).waitFor();
    assert.ok(await save.isDisabled());
    // The editor marks the very place.
    const marked = page.locator('.cm-lintRange-error');
    await world.until(async () => (await marked.allTextContents()).join() === '"Perhaps"');
    await accessible(page, 'permissions with a fault');
    await policy.fill(good);
    assert.equal((await fetch(`${world.obs}/policies/public/a.txt`)).status, 403);
    await save.click();
    await page.getByText('Saved').first().waitFor();
    assert.equal(await (await fetch(`${world.obs}/policies/public/a.txt`)).text(), 'open');

    assert.equal((await fetch(`${world.obs}/policies`)).status, 403);
    const acl = page.getByRole('region', { name: 'Access control list' });
    await acl.getByRole('button', { name: 'Add grant' }).click();
    await acl.getByRole('combobox', { name: 'Who' }).last().click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'Everybody' }).click();
    await acl.getByRole('button', { name: 'Save' }).click();
    await world.until(async () => (await fetch(`${world.obs}/policies`)).status === 200);
    await close();
  });

  it('is refused to whoever may not, with the reason', async () => {
    const password = 'Correct-Horse-7';
    const user = { name: 'guest', domain_id: world.root.accountId, password };
    await world.root_('POST', '/v3.0/OS-USER/users', { user });
    await bucketOf('closed');
    const { page, close } = await opened('/buckets/closed', {}, { user: 'guest' });
    await page.getByText(/guest is not allowed obs:bucket:ListBucket on obs:\/\/closed/).waitFor();
    await page.locator('input[type=file]').first().setInputFiles(file('mine.txt', 'mine'));
    await page.getByText(/guest is not allowed obs:object:PutObject on obs:\/\/closed\/mine.txt/).waitFor();
    await page.getByRole('link', { name: 'Buckets' }).click();
    await page.getByText(/is not allowed obs:bucket:ListAllMyBuckets/).waitFor();
    await page.locator('[aria-disabled=true]', { hasText: 'Create bucket' }).waitFor();
    await close();
  });
});

describe('paths of other pages', () => {
  it('lead into the file browser', async () => {
    const id = await world.train('writes-output', { runMs: 50 });
    await put('digits', 'writes-output/model.txt', 'learned');
    const { page, close } = await opened(`/training/jobs/${id}?tab=outputs`);
    await page.getByRole('tab', { name: 'Outputs' }).click();
    await page.getByRole('link', { name: '/digits/writes-output/' }).click();
    await heading(page, 'digits');
    await row(page, 'model.txt').waitFor();
    await close();
  });
});

describe('the path picker', () => {
  it('chooses the code directory, the boot file and the outputs of a training job', async () => {
    const { page, close } = await opened('/training/jobs/create');
    const dialog = page.getByRole('dialog');
    const browse = (label: string) =>
      page.locator('.ant-form-item', { has: page.getByLabel(label) }).getByRole('button', { name: 'Browse' });
    await browse('Code directory').click();
    await dialog.getByRole('button', { name: 'digits', exact: true }).click();
    await dialog.getByRole('button', { name: 'code', exact: true }).click();
    await dialog.getByText('train.py').waitFor();
    await accessible(page, 'the path picker');
    await dialog.getByRole('button', { name: 'Choose this folder' }).click();
    assert.equal(await page.getByLabel('Code directory').inputValue(), '/digits/code/');
    await browse('Boot file').click();
    await dialog.getByRole('button', { name: 'digits', exact: true }).click();
    await dialog.getByRole('button', { name: 'code', exact: true }).click();
    await dialog.getByRole('button', { name: 'train.py', exact: true }).click();
    assert.equal(await page.getByLabel('Boot file').inputValue(), '/digits/code/train.py');
    await page.getByRole('button', { name: 'Add output' }).click();
    await browse('Path in a bucket').click();
    await dialog.getByRole('button', { name: 'digits', exact: true }).click();
    await dialog.getByRole('button', { name: 'Choose this folder' }).click();
    assert.equal(await page.getByLabel('Path in a bucket').inputValue(), '/digits/');
    await close();
  });
});
