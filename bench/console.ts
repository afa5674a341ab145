import type { Browser, BrowserContextOptions, ConsoleMessage } from 'playwright-core';
import { openBrowser } from '../test/browser/chromium.ts';
import { signIn } from '../test/browser/console-windows.ts';
import { type ConsoleWorld, consoleWorld, repeatJob } from '../test/browser/console-world.ts';
import { median, type Report } from './report.ts';

const ROUNDS = 7;
const READY = 'ready after ';
const TARGET = '≤ 1500 ms';
const JOBS = 100_000;

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
    // In this order: the first loads are of a platform without jobs.
    const loads = {
      signIn: await repeated('/', 'form input'),
      overview: await repeated('/', 'section .count', { storageState }),
      jobs: await repeated('/training/jobs', '.empty button', { storageState }),
    };
    const list = await largeList(world, browser, { storageState });
    const figure = { unit: 'ms', target: TARGET };
    return {
      bench: 'console',
      figures: [
        { ...figure, what: 'first load until one can sign in', value: loads.signIn },
        { ...figure, what: 'first load of the overview, signed in', value: loads.overview },
        { ...figure, what: 'first load of the training jobs, signed in', value: loads.jobs },
        { unit: 'ms', what: 'the end of 100,000 jobs shown, after scrolling to it', value: list.scrolled },
        { unit: 'ms', what: 'one of 100,000 jobs found, after the last letter of its name', value: list.found },
      ],
    };
  } finally {
    await browser.close();
    await world.remove();
  }
}

/** How long a list of very many takes to show its end, and one that is searched for; medians in milliseconds. */
async function largeList(world: ConsoleWorld, browser: Browser, options: BrowserContextOptions) {
  await world.train('like-this', { runMs: 10 });
  await repeatJob(world, 'like-this', JOBS);
  const scrolled: number[] = [];
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(`${world.api}/training/jobs`);
    const link = (name: string) => page.getByRole('link', { name, exact: true });
    await link(`many-${JOBS - 1}`).waitFor();
    let begun = performance.now();
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await link('many-0').waitFor();
    scrolled.push(performance.now() - begun);
    const name = `many-${77_000 + round}`;
    const search = page.getByLabel('Search by name');
    await search.pressSequentially(name.slice(0, -1), { delay: 30 });
    begun = performance.now();
    await search.press(name.slice(-1));
    await page.getByText(/^1 of /).waitFor();
    await link(name).waitFor();
    found.push(performance.now() - begun);
    await context.close();
  }
  return { scrolled: median(scrolled), found: median(found) };
}
