import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of notebooks and images. */

let world: ConsoleWorld;
let browser: Browser;
let notebookId: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld({ ssh: { host: '127.0.0.1', first: 47_310, last: 47_330 } });
  notebookId = (await computeSamples(world)).notebookId!;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('notebooks', () => {
  it('are created with a key pair, watched until they run, opened, extended, stopped and deleted', async () => {
    const { page, close } = await opened('/notebooks');
    await page.getByRole('button', { name: 'Create notebook' }).first().click();
    await heading(page, 'Create notebook');
    await page.getByLabel('Name', { exact: true }).fill('two words');
    await page.getByText('1 to 64 letters, digits, hyphens and underscores.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('by-hand');
    await page.getByLabel('Image', { exact: true }).click();
    await page.locator('.ant-select-item-option').first().click();
    await page.getByLabel('Flavor').click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option').first().click();
    await page.getByLabel('Name of a new key pair').fill('my-laptop');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Make and download' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'my-laptop.pem');
    await page.getByLabel('Key pairs for SSH').click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'my-laptop' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'by-hand');

    const jupyter = page.getByRole('link', { name: 'Open Jupyter of by-hand' });
    await jupyter.waitFor();
    assert.match((await jupyter.getAttribute('href'))!, /\/lab\?token=[\w-]{36}$/);
    assert.deepEqual(
      [await jupyter.getAttribute('target'), await jupyter.getAttribute('rel')],
      ['_blank', 'noopener noreferrer'],
    );
    await page.getByRole('tab', { name: 'SSH' }).click();
    await page.getByText(/^ssh -i my-laptop.pem -p 47\d+ ma-user@127.0.0.1/).waitFor();

    const id = page.url().split('/').at(-1)!.split('?')[0]!;
    const show = async () => (await world.root_('GET', `/v1/${world.root.projectId}/notebooks/${id}`)).body;
    const before = (await show()).lease.duration;
    await page.getByLabel('Hours from now').click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: /^4 h$/ }).click();
    await page.getByRole('button', { name: 'Extend' }).click();
    await world.until(async () => (await show()).lease.duration > before + 2.9 * 3_600_000);

    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await page.locator('.state', { hasText: 'STOPPED' }).waitFor();
    assert.equal(await jupyter.count(), 0);
    await page.getByRole('button', { name: 'Start' }).click();
    await jupyter.waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByText(/is being stopped by acme/).waitFor();

    await page.getByRole('button', { name: 'Delete' }).click();
    await page
      .getByRole('dialog')
      .getByLabel(/Type by-hand/)
      .fill('by-hand');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Notebooks');
    await gone(page.getByRole('link', { name: 'by-hand', exact: true }));
    await close();
  });

  it('show by themselves that somebody else stopped one', async () => {
    const { page, close } = await opened('/notebooks');
    await page.getByRole('row', { name: /digits-notebook.*RUNNING/ }).waitFor();
    await world.root_('POST', `/v1/${world.root.projectId}/notebooks/${notebookId}/stop`);
    await page.getByRole('row', { name: /digits-notebook.*STOPPED/ }).waitFor();
    await world.root_('POST', `/v1/${world.root.projectId}/notebooks/${notebookId}/start`);
    await page.getByRole('row', { name: /digits-notebook.*RUNNING/ }).waitFor();
    await close();
  });

  it('say what a mount lacks', async () => {
    const { page, close } = await opened(`/notebooks/${notebookId}?tab=mounts`);
    await page.getByLabel('Path in a bucket').fill('obs://digits/');
    await page.getByText(/not a whole bucket/).waitFor();
    await page.getByLabel('Path in a bucket').fill('obs://digits/code/');
    await page.getByLabel('Directory below /data').fill('code');
    await page.getByRole('button', { name: 'Mount', exact: true }).click();
    await page.getByText(/rclone is missing: install it/).waitFor();
    await close();
  });
});

describe('images', () => {
  it('are saved from a notebook, listed and deleted', async () => {
    const { page, close } = await opened(`/notebooks/${notebookId}`);
    await page.getByRole('button', { name: 'Save image' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Organization').fill('team');
    await dialog.getByLabel('Image name').fill('Mine');
    await dialog.getByText(/Lower-case letters/).waitFor();
    await dialog.getByLabel('Image name').fill('mine');
    await dialog.getByRole('button', { name: 'Save image' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Images' }).click();
    await page.getByRole('row', { name: /mine:1.0.*ACTIVE/ }).waitFor();
    await page.getByRole('button', { name: 'Delete mine' }).click();
    await page
      .getByRole('dialog')
      .getByLabel(/Type mine/)
      .fill('mine');
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await gone(page.getByRole('row', { name: /mine:1.0/ }));
    await close();
  });

  it('that this machine does not have are not registered, and the page says why', async () => {
    const { page, close } = await opened('/images');
    await page.getByRole('button', { name: 'Register image' }).click();
    await page.getByRole('dialog').getByLabel('Image path').fill('localhost/team/absent:1.0');
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    await page.getByText(/there is no image localhost\/team\/absent:1.0 on this machine/).waitFor();
    await close();
  });
});
