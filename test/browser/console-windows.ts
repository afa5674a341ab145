import assert from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PASSWORD, type World } from '../world.ts';
import { holdUp, tellLost, visit } from './chromium.ts';
import { choosePassword } from './steps.ts';

interface Window_ {
  page: Page;
  context: BrowserContext;
  /** Of scripts, and of the content policy. */
  errors: string[];
  close(): Promise<void>;
}

/** Opens windows on the console of a world; what goes wrong in one fails the test that closes it. */
export function consoleWindows(at: () => { world: World; browser: Browser }) {
  /** A fresh window on an address. */
  async function open(path: string, settings: object = {}): Promise<Window_> {
    const { world, browser } = at();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(60_000);
    await holdUp(context);
    await context.addInitScript(
      text => localStorage.getItem('atelier-console') ?? localStorage.setItem('atelier-console', text),
      JSON.stringify({ language: 'en', theme: 'light', ...settings }),
    );
    const page = await context.newPage();
    const errors: string[] = [];
    tellLost(page);
    page.on('pageerror', error => errors.push(String(error)));
    page.on('console', message => {
      // A refused request is told by the page; the browser notes it besides.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) errors.push(message.text());
    });
    await visit(page, world.api + path);
    return {
      page,
      context,
      errors,
      async close() {
        await context.close();
        assert.deepEqual(errors, [], 'nothing went wrong in the page');
      },
    };
  }

  /** The same, signed in as the first account's root user, or as another of its users, who may have to choose a password. */
  async function opened(
    path: string,
    settings: object = {},
    user: { user?: string; password?: string; choose?: string } = {},
  ): Promise<Window_> {
    const window = await open(path, settings);
    await signIn(window.page, at().world, user);
    if (user.choose) await choosePassword(window.page, user.choose);
    // The heading of the page: the sign-in, which may still stand, has one too.
    await orTold(window.page, window.page.locator('.frame h1').first().waitFor());
    return window;
  }
  return { open, opened };
}

/** Waits for something; where it does not come, the error tells what the page shows instead. */
async function orTold(page: Page, awaited: Promise<void>): Promise<void> {
  await awaited.catch(async error => {
    throw new Error(`at ${page.url()} there is: ${await page.locator('body').textContent()}`, { cause: error });
  });
}

/** Fills in the sign-in page that is open. */
export async function signIn(
  page: Page,
  { root: { account } }: { root: { account: string } },
  { user = account, password = PASSWORD } = {},
): Promise<void> {
  const field = page.getByLabel(/^(Account|账号)$/);
  await orTold(page, field.waitFor());
  await field.fill(account);
  await page.getByLabel(/^(IAM user|IAM 用户)$/).fill(user);
  await page.getByLabel(/^(Password|密码)$/).fill(password);
  await page.getByRole('button', { name: /^(Sign in|登 ?录)$/ }).click();
}

export const heading = (page: Page, name: string) =>
  page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
