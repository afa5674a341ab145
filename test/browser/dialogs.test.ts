import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator, Page } from 'playwright-core';
import { en } from '../../src/console/texts/en.ts';
import type { TextKey } from '../../src/console/texts/index.ts';
import { zh } from '../../src/console/texts/zh.ts';
import { faultsOf, settled } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows } from './console-windows.ts';
import { type ConsoleWorld, consoleWorld, everySample } from './console-world.ts';

/** What opens over a page: dialogs, drawers, questions at a button, menus. */
const OVERLAY = '[role=dialog], .ant-popover, .ant-dropdown';

type Words = (texts: typeof en | typeof zh) => string | RegExp;
const named =
  (key: TextKey, name?: TextKey): Words =>
  texts =>
    name ? texts[key].replace('{name}', texts[name]) : texts[key];
const ofAny =
  (key: TextKey): Words =>
  texts =>
    new RegExp(texts[key].replace(/\{\w+\}/, '.+'));

const begins =
  (key: TextKey): Words =>
  texts =>
    new RegExp(`^${texts[key]}: `);

/** One of each form and part. By address: what to press, one after another, to open something; a word for each press. */
const OPENINGS: Record<string, readonly (TextKey | readonly Words[])[]> = {
  '/': [[begins('project')], [begins('workspace')], [begins('language')], [begins('theme')], [ofAny('user')]],
  '/notebooks': ['columns'],
  '/notebooks/$notebookId': ['saveImage'],
  '/notebooks/$notebookId?tab=mounts': ['browse'],
  '/images': ['registerImage'],
  '/services/$serviceId': ['stop', 'delete'],
  '/buckets': ['createBucket'],
  '/buckets/$bucketName': ['createFolder'],
  '/buckets/$bucketName?prefix=code/': [
    [() => 'train.py'],
    [ofAny('chooseNamed'), named('renameOrMove')],
    // It is still chosen.
    'delete',
  ],
  '/buckets/$bucketName?tab=properties': [[named('changeNamed', 'quota')], [named('changeNamed', 'lifecycle')]],
  '/pools/$poolId': ['scale', [ofAny('actionsOf')]],
  '/pools/$poolId?tab=shares': ['createSubPool'],
  '/networks': ['createNetwork'],
  '/settings/global-configuration': ['addAuthorization', 'viewPermissions'],
  '/workspaces': ['createWorkspace'],
  '/workspaces/$workspaceId': ['edit', [ofAny('setLimitOf')]],
  '/iam/users': ['createUser'],
  '/iam/users/$userId': ['edit', 'resetPassword'],
  '/iam/users/$userId?tab=groups': ['addToGroups'],
  '/iam/users/$userId?tab=permissions': ['authorize'],
  '/iam/users/$userId?tab=keys': ['createAccessKey'],
  '/iam/groups': ['createGroup'],
  '/iam/groups/$groupId': ['addMembers'],
  '/iam/agencies': ['createAgency'],
  '/iam/enterprise-projects': ['createEnterpriseProject'],
};

/** One of each kind: colours are those of parts, not of pages. */
const DARK = [
  '/',
  '/notebooks',
  '/notebooks/$notebookId',
  '/services/$serviceId',
  '/buckets',
  '/buckets/$bucketName?prefix=code/',
  '/settings/global-configuration',
  '/iam/users/$userId?tab=permissions',
  '/pools/$poolId',
];

let world: ConsoleWorld;
let browser: Browser;
let samples: Record<string, string>;

before(async () => {
  world = await consoleWorld();
  samples = await everySample(world);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

const { opened } = consoleWindows(() => ({ world, browser }));

/** Opens all; resolves with what `look` finds wrong, and where. */
async function everyOpening(
  page: Page,
  texts: typeof en | typeof zh,
  paths: readonly string[],
  look: (opening: { pressed: Locator; overlay: Locator }) => Promise<string[]>,
): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const address = path.replace(/\$(\w+)/g, (_, name: string) => samples[name]!);
    await page.goto(world.api + address);
    await page.getByRole('heading', { level: 1 }).waitFor({ timeout: 60_000 });
    await settled(page);
    for (const opening of OPENINGS[path]!) {
      const words = typeof opening === 'string' ? [named(opening)] : opening;
      const what = `${path} ${words.map(word => word(texts)).join(', ')}`;
      try {
        found.push(...(await look(await press(page, words, texts))).map(each => `${what}: ${each}`));
      } catch (error) {
        found.push(`${what}: ${String(error).slice(0, 300)}`);
      }
      await page.keyboard.press('Escape');
      const left = page.locator(OVERLAY).filter({ visible: true }).first();
      await left.waitFor({ state: 'hidden' }).catch(() => found.push(`${what}: stays open`));
    }
  }
  return found;
}

/** Presses one after another, by the keyboard; resolves with the last of them and what it opened. */
async function press(page: Page, words: readonly Words[], texts: typeof en | typeof zh) {
  let pressed = page.locator('main');
  for (const word of words) {
    const name = word(texts);
    const button = page.getByRole('button', { name, exact: true });
    pressed = button.or(page.getByRole('checkbox', { name, exact: true })).first();
    await pressed.focus();
    await page.keyboard.press((await pressed.getAttribute('type')) === 'checkbox' ? 'Space' : 'Enter');
  }
  const overlay = page.locator(OVERLAY).filter({ visible: true }).last();
  await overlay.waitFor();
  await settled(page);
  return { pressed, overlay };
}

const holdsFocus = (within: Locator) =>
  within
    .locator(':focus')
    .or(within.and(within.page().locator(':focus')))
    .first()
    .waitFor({ state: 'attached', timeout: 10_000 })
    .then(
      () => true,
      () => false,
    );

describe('what a button opens over a page', () => {
  it('can be read by everybody, takes the focus, closes on Escape and gives the focus back', async () => {
    const { page, close } = await opened('/');
    page.setDefaultTimeout(15_000);
    const wrong = await everyOpening(page, en, Object.keys(OPENINGS), async ({ pressed, overlay }) => {
      const faults = await faultsOf(page, { within: OVERLAY });
      const dialog = (await overlay.getAttribute('role')) === 'dialog';
      if (dialog && !(await holdsFocus(overlay))) faults.push('the focus is not in it');
      await page.keyboard.press('Escape');
      await overlay.waitFor({ state: 'hidden' });
      const back = pressed.and(page.locator(':focus'));
      await back.waitFor({ timeout: 10_000 }).catch(() => faults.push('the focus is not back'));
      return faults;
    });
    assert.deepEqual(wrong, []);
    await close();
  });

  it('has colours that can be read on dark ground', async () => {
    const { page, close } = await opened('/', { theme: 'dark', language: 'zh' });
    page.setDefaultTimeout(15_000);
    const look = () => faultsOf(page, { within: OVERLAY, rules: ['color-contrast'] });
    assert.deepEqual(await everyOpening(page, zh, DARK, look), []);
    await close();
  });
});
