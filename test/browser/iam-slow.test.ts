import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld, identitySamples } from './console-world.ts';
import { createUser, option } from './steps.ts';

/** A person at the pages of users, groups and policies, while answers take their time or do not come. */

let world: ConsoleWorld;
let browser: Browser;
let ids: Record<string, string>;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  ids = await identitySamples(world);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

/** Holds requests to a place up until they are let go; `asked`: how many there were. */
async function hold(page: Page, method: string, place: RegExp) {
  const held = Promise.withResolvers<void>();
  let asked = 0;
  await page.route(place, async route => {
    if (route.request().method() !== method) return route.fallback();
    asked++;
    await held.promise;
    await route.fallback().catch(() => {}); // the window was closed meanwhile
  });
  return { letGo: held.resolve, asked: () => asked };
}

/** Refuses requests to a place until `mend` is called. */
async function refuse(page: Page, place: RegExp) {
  let refused = true;
  const text = 'Not today.';
  // As IAM says it, and as the others do.
  const json = { error: { code: 403, message: text, title: 'Forbidden' }, error_code: 'ModelArts.0', error_msg: text };
  await page.route(place, route => (refused ? route.fulfill({ status: 403, json }) : route.fallback()));
  return () => {
    refused = false;
  };
}

const document = (action: string) => ({ Version: '1.1', Statement: [{ Effect: 'Allow', Action: [action] }] });

/** Makes a policy, or changes one, as somebody else does. */
async function putPolicy(name: string, action: string, id?: string): Promise<string> {
  const role = { display_name: name, type: 'XA', description: 'First', policy: document(action) };
  const at = '/v3.0/OS-ROLE/roles';
  const answer = await world.root_(id ? 'PATCH' : 'POST', id ? `${at}/${id}` : at, { role });
  return answer.body.role.id;
}

describe('what is not read yet', () => {
  it('is not told as nothing, and no policy moves under the pointer', async () => {
    const { page, close } = await opened(`/iam/groups/${ids.groupId}?tab=permissions`);
    const own = await hold(page, 'GET', /OS-ROLE\/roles/);
    await page.reload();
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const rows = page.getByRole('dialog').locator('li');
    await rows.first().waitFor();
    const first = await rows.first().textContent();
    own.letGo();
    await rows.filter({ hasText: 'dedicated-pools-only' }).waitFor();
    assert.equal(await rows.first().textContent(), first);
    await close();
  });

  it('is not taken for the default workspace, and what failed can be asked again', async () => {
    const { page, close } = await opened('/iam/groups', { workspace: ids.workspaceId! });
    await page.getByRole('button', { name: 'Workspace: vision-lab' }).waitFor();
    const mend = await refuse(page, /\/workspaces\?/);
    await page.reload();
    await page.getByRole('button', { name: `Workspace: ${ids.workspaceId}` }).click();
    await page.getByText('That did not work: Not today.').waitFor();
    mend();
    await page.getByRole('menuitem', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Workspace: vision-lab' }).waitFor();
    await close();
  });

  it('is no empty list of a field: it says that it failed, and asks again', async () => {
    const { page, close } = await opened(`/iam/groups/${ids.groupId}`);
    const mend = await refuse(page, /\/v3\/users/);
    await page.getByRole('button', { name: 'Add members' }).first().click();
    await page.getByRole('combobox', { name: 'Users' }).click();
    const list = page.locator('.ant-select-dropdown:visible');
    await list.getByText('Not today.').waitFor();
    mend();
    await list.getByRole('button', { name: 'Try again' }).click();
    await option(page, 'li-lei').waitFor();
    await close();
  });

  it('is no answer to why: without its workspace, nothing is said of what somebody may do there', async () => {
    const { page, close } = await opened('/');
    await refuse(page, new RegExp(`/workspaces/${ids.workspaceId}$`));
    await page.goto(
      `${world.api}/iam/why?action=modelarts:pool:create&user="${ids.userId}"&workspace="${ids.workspaceId}"`,
    );
    await heading(page, 'Why was I denied?');
    await page.getByRole('alert').getByText('Not today.').waitFor();
    assert.equal(await page.getByRole('region', { name: 'Verdict' }).count(), 0);
    await close();
  });
});

describe('what is under way', () => {
  it('is asked for once: a grant that is taken back twice is no failure', async () => {
    const { page, close } = await opened(`/iam/groups/${ids.groupId}?tab=permissions`);
    const revoking = await hold(page, 'DELETE', /\/roles\//);
    const button = page.getByRole('button', { name: 'Revoke dedicated-pools-only' });
    await button.dblclick();
    await button.and(page.locator('.ant-btn-loading')).waitFor();
    await button.click();
    revoking.letGo();
    await page.getByText('No permissions yet').waitFor();
    assert.equal(revoking.asked(), 1);
    assert.equal(await page.getByRole('alert').count(), 0);
    await close();
  });

  it('shows the secret of a key before lists are read again', async () => {
    const { page, close } = await opened(`/iam/users/${ids.userId}?tab=keys`);
    await page.getByText('No access key yet').waitFor();
    const lists = await hold(page, 'GET', /OS-CREDENTIAL/);
    await page.getByRole('button', { name: 'Create access key' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    await page.getByText('The secret is shown this once', { exact: false }).waitFor();
    assert.ok(lists.asked() > 0);
    lists.letGo();
    await close();
  });

  it('leaves a user that was made, and tells which group it could not join', async () => {
    const { page, close } = await opened('/iam/users');
    await refuse(page, /\/groups\/[^/]+\/users\//);
    await createUser(page, 'half-made', 'Given-pass-1', 'developers');
    await page.getByRole('alert').getByText('Not today.').waitFor();
    await page.getByRole('link', { name: 'half-made' }).waitFor();
    await close();
  });
});

describe('a policy that is being changed', () => {
  const EDITOR = 'Policy document';

  it('keeps what is typed while it is saved, and the view in which it is typed', async () => {
    const id = await putPolicy('typed', 'iam:users:listUsers');
    const { page, close } = await opened(`/iam/policies/${id}`);
    await page.getByText('JSON', { exact: true }).click();
    const saving = await hold(page, 'PATCH', /OS-ROLE\/roles/);
    await page.getByLabel(EDITOR).fill(JSON.stringify(document('iam:groups:listGroups')));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel(EDITOR).fill(JSON.stringify(document('iam:agencies:listAgencies')));
    saving.letGo();
    await page.getByText('Saved').waitFor();
    await page.getByLabel(EDITOR).getByText('iam:agencies:listAgencies').waitFor();
    await close();
  });

  it('shows what others save meanwhile where nothing was typed, and keeps what was', async () => {
    const id = await putPolicy('watched', 'iam:users:getUser');
    const { page, close } = await opened(`/iam/policies/${id}`);
    await page.getByText('JSON', { exact: true }).click();
    await page.getByLabel(EDITOR).getByText('iam:users:getUser').waitFor();
    await putPolicy('watched', 'iam:groups:getGroup', id);
    await page.getByLabel(EDITOR).getByText('iam:groups:getGroup').waitFor();

    await page.getByLabel(EDITOR).fill(JSON.stringify(document('iam:agencies:getAgency')));
    const read = page.waitForResponse(answer => answer.url().includes(`/v3/roles/${id}`));
    await putPolicy('watched', 'iam:roles:getRole', id);
    await (await read).finished();
    await page.getByRole('region', { name: 'In words' }).getByText('iam:agencies:getAgency').waitFor();
    await page.getByLabel(EDITOR).getByText('iam:agencies:getAgency').waitFor();
    await close();
  });
});
