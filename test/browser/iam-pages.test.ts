import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PASSWORD } from '../world.ts';
import { accessible, settled } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld } from './console-world.ts';
import { authorize, chooseAction, choosePolicy, createGroup, createUser, gone } from './steps.ts';

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

const decidedOf = (page: Page) => page.getByRole('region', { name: 'Decided by' });
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
    await settled(page); // until all that shows the user is up to date, the button waits
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
    await gone(page.getByRole('link', { name: 'han', exact: true }));
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
    const marked = () => page.locator('.cm-lintRange-error').allTextContents();
    await world.until(async () => (await marked()).join() === '"obs:object>GetObject"');
    assert.ok(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled());
    await editor(page).fill(JSON.stringify(document, null, 2).replace('>', ':'));
    await page.getByText('This is no valid policy yet').waitFor({ state: 'detached' });

    // Actions are completed from the catalogue.
    await page.locator('.cm-line', { hasText: 'obs:object:GetObject' }).click();
    await page.keyboard.press('End');
    await page.keyboard.type(',\n"obs:bucket:Headb');
    await page.locator('.cm-tooltip-autocomplete').getByText('obs:bucket:HeadBucket').click();
    await page.keyboard.type('"');
    await page.getByText('This is no valid policy yet').waitFor({ state: 'detached' });

    // The same as fields: what is changed there stands in the text.
    await page.getByText('Visual editor', { exact: true }).click();
    await page.locator('.ant-tag', { hasText: 'obs:bucket:HeadBucket' }).waitFor();
    await chooseAction(page, 'modelarts:notebook:listAllNotebooks');
    await page.getByRole('button', { name: 'Add condition' }).click();
    await page.getByText('modelarts:poolType').first().waitFor();
    await page.getByText('JSON', { exact: true }).click();
    await editor(page).locator('.cm-line').first().waitFor();
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

describe('a new team member', () => {
  it('gets what the group has, chooses a password, and learns why something is denied', async () => {
    const { page, close } = await opened('/iam/groups');
    await createGroup(page, 'user_group');
    await page.getByRole('link', { name: 'Policies', exact: true }).click();
    await page.getByRole('button', { name: 'Create custom policy' }).click();
    await page.getByLabel('Policy name').fill('Policy3_DenyOperation');
    await page.getByText('JSON', { exact: true }).click();
    const deny = { Effect: 'deny', Action: ['modelarts:pool:create', 'modelarts:notebook:listAllNotebooks'] };
    await editor(page).fill(JSON.stringify({ Version: '1.1', Statement: [deny] }));
    await page.getByRole('region', { name: 'In words' }).getByText('Denies').waitFor();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'Policy3_DenyOperation');
    await createUser(page, 'mei', 'Given-pass-1', 'user_group');
    await authorize(page, 'user_group', ['ModelArts FullAccess', 'Policy3_DenyOperation']);

    const theirs = await opened('/', {}, { user: 'mei', password: 'Given-pass-1', choose: 'Chosen-pass-2' });
    await heading(theirs.page, 'Overview');
    await theirs.page.getByRole('link', { name: 'Dedicated resource pools' }).click();
    await theirs.page.locator('[aria-disabled=true]', { hasText: 'Create pool' }).first().hover();
    await theirs.page.getByRole('tooltip').getByRole('link', { name: 'Why was I denied?' }).click();
    await heading(theirs.page, 'Why was I denied?');
    await theirs.page.getByText('modelarts:pool:create', { exact: true }).waitFor();
    const decided = decidedOf(theirs.page);
    await decided.getByText('Policy3_DenyOperation').waitFor();
    await decided.getByText(/Statement\[0\]/).waitFor();
    await theirs.page.getByText(/a Deny outweighs every Allow/).waitFor();
    await theirs.page.getByText(/Send the address of this page to an administrator/).waitFor();

    // The administrator sees the same by that address, with the statement, and through which group it is held.
    const { pathname, search } = new URL(theirs.page.url());
    await page.goto(world.api + pathname + search);
    await page.locator('.fact').getByText('mei', { exact: true }).waitFor();
    await decidedOf(page).getByRole('link', { name: 'Policy3_DenyOperation' }).waitFor();
    await decidedOf(page).locator('pre', { hasText: 'modelarts:pool:create' }).waitFor();
    const remedy = page.getByRole('region', { name: 'What would allow it' });
    await remedy.getByRole('link', { name: 'user_group' }).click();
    await page.getByRole('button', { name: 'Revoke Policy3_DenyOperation' }).click();
    await page.getByRole('row', { name: /Policy3_DenyOperation/ }).waitFor({ state: 'detached' });

    // What was explained changes while it is looked at.
    await theirs.page.getByRole('region', { name: 'Verdict' }).getByText('Allowed', { exact: true }).waitFor();
    await theirs.close();
    await close();
  });

  it('is told which grant is missing, and a condition that counted stays in the explanation', async () => {
    const policy = {
      Version: '1.1',
      Statement: [
        { Effect: 'Allow', Action: ['modelarts:*:*'] },
        {
          Effect: 'Deny',
          Action: ['modelarts:trainJob:create'],
          Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
        },
      ],
    };
    const { accountId } = world.root;
    const role = { display_name: 'no-public-pool', type: 'XA', description: '', policy };
    const policyId = (await world.root_('POST', '/v3.0/OS-ROLE/roles', { role })).body.role.id;
    const user = { name: 'bo', domain_id: accountId, password: PASSWORD };
    const userId = (await world.root_('POST', '/v3.0/OS-USER/users', { user })).body.user.id;
    const groupId = (await world.root_('POST', '/v3/groups', { group: { name: 'no-public' } })).body.group.id;
    await world.root_('PUT', `/v3/groups/${groupId}/users/${userId}`);
    const grants = `/v3/OS-INHERIT/domains/${accountId}/groups/${groupId}/roles`;
    await world.root_('PUT', `${grants}/${policyId}/inherited_to_projects`);

    const { page, close } = await opened('/', {}, { user: 'bo' });
    // Where the form knows beforehand it offers no such pool; here it cannot ask, and what the server refuses is told.
    await page.route('**/console/access', route => route.abort());
    await page.goto(`${world.api}/training/jobs/create`);
    await page.getByLabel('Name', { exact: true }).fill('denied');
    await page.getByRole('combobox', { name: 'Engine' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option').first().click();
    await page.getByLabel('Code directory').fill('/digits/code/');
    await page.getByLabel('Boot file').fill('/digits/code/train.py');
    await page.getByRole('combobox', { name: 'Flavor' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option').first().click();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('alert').getByRole('link', { name: 'Why was I denied?' }).click();
    await heading(page, 'Why was I denied?');
    await page.getByText('modelarts:poolType = public').waitFor();
    await decidedOf(page)
      .getByText(/Statement\[1\]/)
      .waitFor();

    // Others are asked about by those who may; here nobody of them is.
    await page.getByRole('link', { name: 'Ask the simulator' }).click();
    await page.getByRole('combobox', { name: 'Action' }).fill('iam:users:createUser');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page
      .getByText(/Missing: an Allow for iam:users:createUser/)
      .first()
      .waitFor();
    await close();

    const root = await opened(`/iam/simulator?user="${userId}"`);
    await root.page.getByRole('combobox', { name: 'Action' }).fill('modelarts:trainJob:create');
    await root.page.keyboard.press('Escape');
    await root.page.getByRole('button', { name: 'Ask', exact: true }).click();
    await root.page.getByText('Allowed by policy no-public-pool.').waitFor();
    await root.page.getByRole('button', { name: 'Add condition' }).click();
    await root.page.getByRole('button', { name: 'Ask', exact: true }).click();
    await decidedOf(root.page)
      .getByText(/Statement\[1\]/)
      .waitFor();
    await root.close();
  });
});

describe('the visual editor', () => {
  it('is used by keyboard, and holds what is no policy yet', async () => {
    const { page, close } = await opened('/iam/policies/create?action=modelarts:pool:create');
    await page.getByLabel('Policy name').focus();
    await page.keyboard.type('by-keyboard');
    await page.getByRole('radio', { name: 'Allow' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('region', { name: 'In words' }).getByText('Denies').waitFor();
    await page.getByLabel('Search actions, or type a pattern').focus();
    await page.keyboard.type('pool:create');
    await page.getByRole('checkbox', { name: 'modelarts:pool:create' }).focus();
    await page.keyboard.press('Space');
    await page.getByText('No action chosen yet.').waitFor();
    await page.getByText('This is no valid policy yet').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Create', exact: true }).isDisabled());
    await page.keyboard.press('Space');
    // A pattern, which no box stands for.
    await page.getByRole('button', { name: 'Everything of modelarts' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.ant-tag', { hasText: 'modelarts:*:*' }).waitFor();
    await page.getByRole('button', { name: 'Remove modelarts:*:*' }).focus();
    await page.keyboard.press('Enter');
    await page.locator('.ant-tag', { hasText: 'modelarts:*:*' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Create', exact: true }).focus();
    await page.keyboard.press('Enter');
    await heading(page, 'by-keyboard');
    await close();
  });
});

describe('agencies, enterprise projects and the trail', () => {
  it('are made, granted, used and found', async () => {
    const { page, close } = await opened('/iam/enterprise-projects');
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: 'Create enterprise project' }).click();
    await dialog.getByLabel('Name').fill('production');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: /production.*Enabled/ }).waitFor();

    await page.getByRole('link', { name: 'Agencies' }).click();
    await page.getByRole('button', { name: 'Create agency' }).click();
    await dialog.getByLabel('Name').fill('pipelines');
    await dialog.getByLabel('A number of days').check();
    await dialog.getByLabel('Days', { exact: true }).fill('30');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: /pipelines.*ModelArts.*30 days/ }).waitFor();
    await page.getByRole('link', { name: 'pipelines' }).click();
    await heading(page, 'pipelines');
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await choosePolicy(dialog, 'OBS OperateAccess');
    await dialog.getByLabel('Enterprise project', { exact: true }).check();
    await dialog.getByRole('combobox', { name: 'Enterprise project' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'production' }).click();
    await accessible(page, 'the dialog of grants');
    await dialog.getByRole('button', { name: 'Authorize' }).click();
    await page.getByRole('row', { name: /OBS OperateAccess.*Enterprise project production/ }).waitFor();
    await page.getByRole('button', { name: 'Revoke OBS OperateAccess' }).click();
    await page.getByText('No permissions yet').waitFor();

    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByLabel('Action').fill('iam:agencies:createAgency');
    await page.getByLabel('Action').press('Enter');
    const row = page.getByRole('row', { name: /CreateAgency iam:agencies:createAgency.*Allowed 201/ });
    await row.waitFor();
    assert.match(page.url(), /action=iam%3Aagencies%3AcreateAgency/);
    await row.getByRole('button', { name: 'CreateAgency' }).click();
    await dialog.getByText('POST /v3.0/OS-AGENCY/agencies').waitFor();
    await page.keyboard.press('Escape');
    await page.getByLabel('Action').fill('');
    await page.getByRole('textbox', { name: 'User', exact: true }).fill('nobody-of-that-name');
    await page.getByRole('textbox', { name: 'User', exact: true }).press('Enter');
    await page.getByText('Nothing was found').waitFor();
    await close();
  });
});
