import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { consoleWindows } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';

/** A person at Settings → Global Configuration. */

let world: ConsoleWorld;
let browser: Browser;
const ADDRESS = '/settings/global-configuration';
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('authorizations', () => {
  it('are added for a user with policies that were searched for, looked at and deleted', async () => {
    const user = { name: 'ann', domain_id: world.root.accountId, password: 'Given-pass-1' };
    await world.root_('POST', '/v3.0/OS-USER/users', { user });
    const { page, close } = await opened(ADDRESS);
    await page.getByRole('row', { name: /All users.*ma_agency_console/ }).waitFor();
    await page.getByRole('button', { name: 'Add authorization' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('IAM user').check();
    await dialog.getByRole('combobox', { name: 'Authorized to' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'ann' }).click();
    await dialog.getByLabel('Agency name').fill('of-ann');
    await dialog.getByLabel('Custom').check();
    await dialog.getByLabel('Search policies').fill('obs admin');
    await dialog.locator('li').filter({ hasNotText: 'OBS Administrator' }).first().waitFor({ state: 'detached' });
    await dialog.getByRole('checkbox', { name: 'OBS Administrator' }).check();
    await dialog.getByText('1 chosen, 1 shown').waitFor();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.waitFor({ state: 'detached' });

    const row = page.getByRole('row', { name: /ann.*ma_agency_of-ann/ });
    await row.getByRole('button', { name: 'View permissions' }).click();
    await dialog.getByText('OBS Administrator', { exact: true }).waitFor();
    assert.equal(await dialog.locator('li').count(), 1);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });

    await row.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type ann/).fill('ann');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
    await close();
  });

  it('take the agency that was made for them, where they failed themselves and are asked for again', async () => {
    const user = { name: 'bea', domain_id: world.root.accountId, password: 'Given-pass-1' };
    await world.root_('POST', '/v3.0/OS-USER/users', { user });
    const { page, close } = await opened(ADDRESS);
    await page.getByRole('button', { name: 'Add authorization' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('IAM user').check();
    await dialog.getByRole('combobox', { name: 'Authorized to' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'bea' }).click();
    await dialog.getByLabel('Agency name').fill('of-bea');
    await page.route('**/authorizations', route =>
      route.request().method() === 'POST' ? route.abort('connectionreset') : route.fallback(),
    );
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('alert').getByText('The server does not answer').waitFor();
    await page.unroute('**/authorizations');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /bea.*ma_agency_of-bea/ }).waitFor();
    await close();
  });

  it('that are there already are refused, with the way out', async () => {
    const { page, close } = await opened(ADDRESS);
    await page.getByRole('button', { name: 'Add authorization' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Existing agency').first().check();
    await dialog.getByRole('combobox', { name: 'Existing agency' }).click();
    await page.locator('.ant-select-item-option', { hasText: 'ma_agency_console' }).click();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText(/All users have an authorization already/).waitFor();
    await close();
  });
});

describe('strict mode', () => {
  it('is turned off only after saying what that means', async () => {
    const mode = async () => (await world.root_('GET', '/v1/auth-mode')).body.mode;
    const { page, close } = await opened(ADDRESS);
    await page.getByRole('switch', { name: 'Strict authorization' }).click();
    await page
      .getByRole('dialog')
      .getByText(/every user of the account may do everything/)
      .waitFor();
    assert.equal(await mode(), 'strict');
    await page.getByRole('dialog').getByRole('button', { name: 'Turn strict authorization off' }).click();
    await world.until(async () => (await mode()) === 'loose');
    await page.getByRole('switch', { name: 'Strict authorization', checked: false }).click();
    await world.until(async () => (await mode()) === 'strict');
    await close();
  });
});
