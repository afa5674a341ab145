import type { Locator, Page } from 'playwright-core';
import { settled } from './accessible.ts';

/** What administrators do again and again in the console, by clicking from whatever page is open. */

const dialogOf = (page: Page) => page.getByRole('dialog');

/** An option of the list that is open. */
export const option = (page: Page, text: string | RegExp) =>
  page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: text }).first();

/** Chooses from the list of a field. */
export async function choose(page: Page, label: string, text: string | RegExp): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await option(page, text).click();
}

/** Waits until the list that is open has been read, and this is not in it, or no longer. */
export async function gone(entry: Locator): Promise<void> {
  await settled(entry.page());
  await entry.waitFor({ state: 'detached' });
}

/** Follows a link of the menu. */
export const goTo = (page: Page, name: string) =>
  page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

/** Creates a user as an administrator does; what is not given is left as the form has it. */
export async function createUser(page: Page, name: string, password: string, group?: string): Promise<void> {
  await goTo(page, 'Users');
  await page.getByRole('button', { name: 'Create user' }).click();
  const dialog = dialogOf(page);
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Password', { exact: true }).fill(password);
  if (group) {
    await dialog.getByLabel('Groups').click();
    await option(page, group).click();
    await page.keyboard.press('Escape');
  }
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
}

export async function createGroup(page: Page, name: string): Promise<void> {
  await goTo(page, 'User groups');
  await page.getByRole('button', { name: 'Create group' }).first().click();
  const dialog = dialogOf(page);
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Pastes a policy into the JSON editor, and creates it. */
export async function createPolicy(page: Page, name: string, document: object): Promise<void> {
  await goTo(page, 'Policies');
  await page.getByRole('button', { name: 'Create custom policy' }).click();
  await page.getByLabel('Policy name').fill(name);
  await page.getByText('JSON', { exact: true }).click();
  await page.getByLabel('Policy document').fill(JSON.stringify(document, null, 2));
  await savePolicy(page, name);
}

/** Finds an action in the visual editor and chooses it. */
export async function chooseAction(page: Page, action: string): Promise<void> {
  await page.getByLabel('Search actions, or type a pattern').fill(action);
  // Found: nothing moves any more.
  await page.locator('.actions .ant-checkbox-wrapper').first().filter({ hasText: action }).waitFor();
  await page.getByRole('checkbox', { name: action, exact: true }).check();
}

/** Creates the policy that the form holds, and waits until its own page is shown. */
export async function savePolicy(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Finds a policy in the table of a dialog and chooses it. */
export async function choosePolicy(dialog: Locator, policy: string): Promise<void> {
  await dialog.getByLabel('Search policies').fill(policy);
  // Found: nothing moves any more.
  await dialog.locator('li').filter({ hasNotText: policy }).first().waitFor({ state: 'detached' });
  await dialog.getByRole('checkbox', { name: policy, exact: true }).check();
}

/** Grants policies to a group on all resources. */
export async function authorize(page: Page, group: string, policies: readonly string[]): Promise<void> {
  await goTo(page, 'User groups');
  await page.getByRole('link', { name: `Authorize ${group}`, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: group }).waitFor();
  await grantHere(page, policies);
}

/** The same, on the page of a group or agency that is open. */
export async function grantHere(page: Page, policies: readonly string[]): Promise<void> {
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = dialogOf(page);
  for (const policy of policies) {
    await choosePolicy(dialog, policy);
  }
  await dialog.getByRole('button', { name: 'Authorize' }).click();
  await dialog.waitFor({ state: 'detached' });
  for (const policy of policies) {
    await page.getByRole('row', { name: new RegExp(`${policy}.*All resources`) }).waitFor();
  }
}

/** Chooses the own password, as who signs in for the first time must. */
export async function choosePassword(page: Page, password: string): Promise<void> {
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password again').fill(password);
  await page.getByRole('button', { name: 'Set password' }).click();
}
