import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import type { World } from '../world.ts';
import { openBrowser } from './chromium.ts';
import { consoleWorld } from './console-world.ts';

describe('a part of the console that does not come', () => {
  let world: World;
  let browser: Browser;
  before(async () => {
    [world, browser] = await Promise.all([consoleWorld(), openBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await world?.remove();
  });

  /** A window in which the network fails a file of the console, so many times. */
  async function failing(name: RegExp, times: number) {
    const page = await (await browser.newContext()).newPage();
    let failed = 0;
    await page.route(name, route => (failed++ < times ? route.abort('internetdisconnected') : route.continue()));
    await page.goto(world.api);
    return { page, failed: () => failed };
  }

  // The first is loaded with the page, the other when it is needed.
  for (const name of [/assets\/index-[^/]*\.js$/, /assets\/sign-in-[^/]*\.js$/]) {
    it(`is asked for again: ${name.source}`, async () => {
      const { page, failed } = await failing(name, 2);
      await page.getByLabel('Account').waitFor({ timeout: 60_000 });
      assert.ok(failed() > 2, 'it had failed, and came');
      await page.context().close();
    });
  }

  it('is told of when it never comes, and is there when one tries again later', async () => {
    let away = true;
    const page = await (await browser.newContext()).newPage();
    await page.route(/assets\/index-[^/]*\.js$/, route => (away ? route.abort() : route.continue()));
    await page.goto(world.api);
    await page.getByRole('alert').getByText('The console could not be loaded').waitFor({ timeout: 60_000 });
    away = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByLabel('Account').waitFor({ timeout: 60_000 });
    await page.context().close();
  });
});
