import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { heading, openConsole } from './console-window.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';

let world: ConsoleWorld;
let browser: Browser;
let first: string;

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
    const { page, close } = await openConsole(browser, world, '/models');
    await page.getByRole('row', { name: /digits.*0\.0\.1.*published/ }).waitFor();
    await world.model('letters', '1.0.0');
    await page.getByRole('row', { name: /letters.*1\.0\.0.*published/ }).waitFor();
    await page.getByLabel('Search by name').fill('lett');
    await page.getByRole('link', { name: 'digits' }).waitFor({ state: 'detached' });
    assert.match(page.url(), /name=lett/);
    await close();
  });

  it('show versions, interfaces and events, lead to deploying, and are deleted by name', async () => {
    await world.model('digits', '0.0.2');
    const { page, close } = await openConsole(browser, world, `/models/${first}`);
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
    await page.getByRole('row', { name: /0\.0\.2/ }).waitFor({ state: 'detached' });
    await page.goto(`${world.api}/models/${first}`);
    await page.getByRole('button', { name: 'Deploy' }).click();
    await page.waitForURL(/\/services\/deploy\?model=/);
    await close();
  });
});
