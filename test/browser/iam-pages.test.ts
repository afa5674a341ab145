import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';

/** A person at the pages of users, groups, policies and what goes with them. */

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

/** Creates a user as an administrator does; what is not given is left as the form has it. */
async function createUser(page: Page, name: string, password: string, group?: string): Promise<void> {
  await page.getByRole('link', { name: 'Users', exact: true }).click();
  await page.getByRole('button', { name: 'Create user' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Password', { exact: true }).fill(password);
  if (group) {
    await dialog.getByLabel('Groups').click();
    await page.locator('.ant-select-item-option', { hasText: group }).click();
    await page.keyboard.press('Escape');
  }
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function createGroup(page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name: 'User groups' }).click();
  await page.getByRole('button', { name: 'Create group' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Grants policies to a group on all resources. */
async function authorize(page: Page, group: string, policies: readonly string[]): Promise<void> {
  await page.getByRole('link', { name: 'User groups' }).click();
  await page.getByRole('link', { name: `Authorize ${group}` }).click();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.getByRole('dialog');
  for (const policy of policies) {
    await dialog.getByLabel('Search policies').fill(policy);
    await dialog.getByRole('checkbox', { name: policy, exact: true }).check();
  }
  await dialog.getByRole('button', { name: 'Authorize' }).click();
  await dialog.waitFor({ state: 'detached' });
  for (const policy of policies)
    await page.getByRole('row', { name: new RegExp(`${policy}.*All resources`) }).waitFor();
}

const editor = (page: Page) => page.getByLabel('Policy document');

describe('users and groups', () => {
  it('are made, joined, changed and deleted', async () => {
    const { page, close } = await opened('/iam/groups');
    const dialog = page.getByRole('dialog');
    await createGroup(page, 'readers');
    await createUser(page, 'han', 'Given-pass-1', 'readers');
    await page.getByRole('link', { name: 'han', exact: true }).click();
    await page.getByText('Given by an administrator').waitFor();
    await page.getByRole('row', { name: /readers/ }).waitFor();

    // What the server refuses is told in the dialog.
    await page.getByRole('button', { name: 'Reset password' }).click();
    await dialog.getByLabel('Password', { exact: true }).fill('short');
    await dialog.getByText('At least 8 characters.').waitFor();
    await dialog.getByLabel('Password', { exact: true }).fill('alllowercase');
    await dialog.getByRole('button', { name: 'Reset password' }).click();
    await dialog.getByText(/must mix at least two of/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    await page.getByRole('button', { name: 'Disable' }).click();
    await page.locator('.state', { hasText: 'Disabled' }).waitFor();
    await page.getByRole('button', { name: 'Enable' }).click();
    await page.locator('.state', { hasText: 'Enabled' }).waitFor();

    await page.getByRole('tab', { name: 'Access keys' }).click();
    await page.getByRole('button', { name: 'Create access key' }).click();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText('The secret is shown this once', { exact: false }).waitFor();
    const download = page.waitForEvent('download');
    await dialog.getByRole('button', { name: 'Download credentials.csv' }).click();
    const file = readFileSync(await (await download).path(), 'utf8');
    assert.match(file, /^User Name,Access Key Id,Secret Access Key\nhan,[A-Z0-9]{20},\S{40}\n$/);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    const [, access = '', secret = ''] = file.split('\n')[1]!.split(',');
    await page.getByRole('row', { name: new RegExp(access) }).waitFor();
    assert.equal(await page.getByText(secret).count(), 0);

    await page.getByRole('button', { name: 'Delete', exact: true }).first().click();
    await dialog.getByLabel(/Type han/).fill('han');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Users');
    await page.getByRole('link', { name: 'han', exact: true }).waitFor({ state: 'detached' });
    await close();
  });
});

describe('a custom policy', () => {
  it('is checked as one types, at the place of the mistake, and shown as fields and in words', async () => {
    const { page, close } = await opened('/iam/policies/create');
    await page.getByLabel('Policy name').fill('Policy1_IAM_OBS');
    await page.getByText('JSON', { exact: true }).click();
    const document = {
      Version: '1.1',
      Statement: [{ Effect: 'Allow', Action: ['iam:users:listUsers', 'obs:object>GetObject'] }],
    };
    await editor(page).fill(JSON.stringify(document, null, 2));
    await page.getByText(/\$\.Statement\[0\]\.Action\[1\]: .*as text copied from a PDF does/).waitFor();
    // The editor marks the very line.
    assert.equal(await page.locator('.cm-lintRange-error').textContent(), '"obs:object>GetObject"');
    assert.ok(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled());
    await editor(page).fill(JSON.stringify(document, null, 2).replace('>', ':'));
    await page.getByText('This is no valid policy yet').waitFor({ state: 'detached' });

    // Actions are completed from the catalogue.
    await page.locator('.cm-line', { hasText: 'obs:object:GetObject' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type(',\n"obs:bucket:Headb');
    await page.locator('.cm-tooltip-autocomplete').getByText('obs:bucket:HeadBucket').waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('"');
    await page.getByText('This is no valid policy yet').waitFor({ state: 'detached' });

    // The same as fields: what is changed there stands in the text.
    await page.getByText('Visual editor', { exact: true }).click();
    await page.locator('.ant-tag', { hasText: 'obs:bucket:HeadBucket' }).waitFor();
    await page.getByLabel('Search actions, or type a pattern').fill('notebook:listAll');
    await page.getByRole('checkbox', { name: 'modelarts:notebook:listAllNotebooks' }).check();
    await page.getByRole('button', { name: 'Add condition' }).click();
    await page.getByText('modelarts:poolType').first().waitFor();
    await page.getByText('JSON', { exact: true }).click();
    const text = (await editor(page).locator('.cm-line').allTextContents()).join('\n');
    assert.deepEqual(JSON.parse(text), {
      Version: '1.1',
      Statement: [
        {
          Effect: 'Allow',
          Action: [
            'iam:users:listUsers',
            'obs:object:GetObject',
            'obs:bucket:HeadBucket',
            'modelarts:notebook:listAllNotebooks',
          ],
          Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
        },
      ],
    });
    const words = page.getByRole('region', { name: 'In words' });
    await words.getByText('Allows').waitFor();
    await words.getByText(/Only if modelarts:poolType equals public/).waitFor();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'Policy1_IAM_OBS');
    await page.getByText('Held by nobody').waitFor();

    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/Type Policy1_IAM_OBS/).fill('Policy1_IAM_OBS');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Policies');
    await page.getByRole('link', { name: 'ModelArts CommonOperations' }).click();
    await page.getByText(/System-defined policy/).waitFor();
    await close();
  });
});
