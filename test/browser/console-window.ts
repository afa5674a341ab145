import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import type { ConsoleWorld } from './console-world.ts';

/** A window of the console, signed in as root, on an address. What goes wrong in its scripts or against the content policy fails the test. */
export async function openConsole(browser: Browser, world: ConsoleWorld, path: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(15_000);
  await context.addInitScript(
    text => localStorage.setItem('atelier-console', text),
    JSON.stringify({ language: 'en', theme: 'light' }),
  );
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(String(error)));
  page.on('console', message => {
    // A refused request is told by the page; the browser notes it besides.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) errors.push(message.text());
  });
  await page.goto(world.api + path);
  for (const [label, value] of [
    ['Account', 'acme'],
    ['IAM user', 'acme'],
    ['Password', world.root.password],
  ] as const) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('.frame').waitFor();
  return {
    page,
    async close() {
      await context.close();
      assert.deepEqual(errors, [], 'nothing went wrong in the page');
    },
  };
}

export const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor();
