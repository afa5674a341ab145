import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { PASSWORD } from '../world.ts';
import { accessible } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of workspaces. */

let world: ConsoleWorld;
let browser: Browser;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('a workspace', () => {
  it('is made for some people, limited, closed to others, and deleted', async () => {
    const { accountId } = world.root;
    for (const name of ['ann', 'ben']) {
      const user = { name, domain_id: accountId, password: PASSWORD };
      const id = (await world.root_('POST', '/v3.0/OS-USER/users', { user })).body.user.id;
      const group = (await world.root_('POST', '/v3/groups', { group: { name: `of-${name}` } })).body.group.id;
      await world.root_('PUT', `/v3/groups/${group}/users/${id}`);
      const { roles } = (await world.root_('GET', '/v3/roles?display_name=ModelArts%20FullAccess')).body;
      const grants = `/v3/OS-INHERIT/domains/${accountId}/groups/${group}/roles`;
      await world.root_('PUT', `${grants}/${roles[0].id}/inherited_to_projects`);
    }
    const { page, close } = await opened('/workspaces');
    const dialog = page.getByRole('dialog');
    await page.getByRole('row', { name: /default.*Everybody of the account/ }).waitFor();
    await page.getByRole('button', { name: 'Create workspace' }).click();
    await dialog.getByLabel('Name').fill('vision-lab');
    await dialog.getByLabel('Its creator and members').check();
    await accessible(page, 'the dialog');
    await dialog.getByRole('combobox', { name: 'Members' }).click();
    await page.locator('.ant-select-item-option', { hasText: 'ann' }).click();
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'vision-lab' }).click();
    await heading(page, 'vision-lab');
    await page.locator('.fact').getByRole('link', { name: 'ann' }).waitFor();

    await page.getByRole('button', { name: 'Set limit of Training jobs that have not ended' }).click();
    await dialog.getByLabel('Limit').fill('1');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('row', { name: /Training jobs that have not ended 1.*0 \/ 1/ }).waitFor();
    await page.getByRole('button', { name: 'Work here' }).click();
    await page.getByRole('button', { name: 'Workspace: vision-lab' }).waitFor();

    // Who is let in works there; who is not is told why, by the same page that tells of policies.
    const id = page.url().split('/').at(-1)!.split('?')[0]!;
    const ann = await opened(`/workspaces/${id}`, {}, { user: 'ann' });
    await heading(ann.page, 'vision-lab');
    await ann.close();
    const ben = await opened(`/workspaces/${id}`, { workspace: id }, { user: 'ben' });
    await ben.page.getByText(/is closed to the caller/).waitFor();
    await ben.page.getByRole('alert').getByRole('link', { name: 'Why was I denied?' }).click();
    await heading(ben.page, 'Why was I denied?');
    await ben.page.getByRole('region', { name: 'Verdict' }).getByText('Denied', { exact: true }).waitFor();
    await ben.page.getByText('Ask the owner of the workspace for entry').waitFor();
    await ben.close();

    await page.getByRole('button', { name: 'Edit' }).click();
    await dialog.getByLabel('Everybody of the account').check();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('.fact').getByText('Everybody of the account').waitFor();
    await page.getByRole('button', { name: 'Delete' }).click();
    assert.ok(await dialog.getByRole('button', { name: 'Delete' }).isDisabled());
    await dialog.getByLabel(/Type vision-lab/).fill('vision-lab');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Workspaces');
    await gone(page.getByRole('link', { name: 'vision-lab' }));
    await page.getByRole('button', { name: 'Workspace: default' }).waitFor();
    await close();
  });
});
