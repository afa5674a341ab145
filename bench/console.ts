import type { BrowserContextOptions, ConsoleMessage } from 'playwright-core';
import { openBrowser } from '../test/browser/chromium.ts';
import { signIn } from '../test/browser/console-windows.ts';
import { consoleWorld } from '../test/browser/console-world.ts';
import { median, type Report } from './report.ts';

const ROUNDS = 7;
const READY = 'ready after ';
const TARGET = '≤ 1500 ms';

/**
 * Tells in the page itself when what is waited for is shown and the page has come to a task after that, in milliseconds from the beginning of
 * the navigation: the browser's driver takes time of the page to look, in steps of up to half a second.
 */
const watch = (ready: string) => `new MutationObserver((_, observer) => {
  if (!document.querySelector(${JSON.stringify(ready)})?.checkVisibility()) return;
  observer.disconnect();
  setTimeout(() => console.debug('${READY}' + performance.now()));
}).observe(document, { childList: true, subtree: true, attributes: true });`;

/** How long the console takes from an address in a browser that never saw it until one can work with it, server and browser on this machine. */
export async function benchConsole(): Promise<Report> {
  const world = await consoleWorld();
  const browser = await openBrowser();
  /** Opens an address with an empty cache; resolves with the milliseconds from there until `ready` is shown and the page answers. */
  async function load(path: string, ready: string, options: BrowserContextOptions = {}): Promise<number> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.addInitScript(watch(ready));
    const isReady = (message: ConsoleMessage) => message.text().startsWith(READY);
    const [told] = await Promise.all([page.waitForEvent('console', isReady), page.goto(world.api + path)]);
    await page.locator(ready).first().click();
    await context.close();
    return Number(told.text().slice(READY.length));
  }
  const repeated = async (...input: Parameters<typeof load>) => {
    const samples: number[] = [];
    for (let round = 0; round < ROUNDS; round++) samples.push(await load(...input));
    return median(samples);
  };
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(world.api);
    await signIn(page, world);
    await page.locator('.frame').waitFor();
    const storageState = await context.storageState();
    await context.close();
    const figure = { unit: 'ms', target: TARGET };
    return {
      bench: 'console',
      figures: [
        { ...figure, what: 'first load until one can sign in', value: await repeated('/', 'form input') },
        {
          ...figure,
          what: 'first load of the overview, signed in',
          value: await repeated('/', 'section .count', { storageState }),
        },
        {
          ...figure,
          what: 'first load of the training jobs, signed in',
          value: await repeated('/training/jobs', '.empty button', { storageState }),
        },
      ],
    };
  } finally {
    await browser.close();
    await world.remove();
  }
}
