import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Longest that a page may let a test wait, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Nothing but what the test opens: no updates, no safe-browsing lists, no other calls home. */
const FLAGS = [
  '--headless',
  '--no-sandbox', // it refuses to sandbox what root runs
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-proxy-server',
];

/** Debian's Chromium (or the program that ATELIER_TEST_BROWSER names), with a profile of its own. The caller closes it. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.ATELIER_TEST_BROWSER ?? '/usr/bin/chromium',
    headless: true,
    args: FLAGS,
    timeout: 60_000,
  });
}

/**
 * Holds each request of a window up for a time of its own, up to ATELIER_TEST_DELAY_MS, which is unset in a usual run: answers come in every
 * order then, as they do on a machine that stalls.
 * Not for tests of what browsers ask beforehand (preflights), which they do not ask then.
 */
export async function holdUp(context: BrowserContext): Promise<void> {
  const most = Number(process.env.ATELIER_TEST_DELAY_MS ?? 0);
  if (most === 0) return;
  await context.route('**', async route => {
    await sleep(Math.random() * most);
    await route.continue().catch(() => {}); // the window was closed meanwhile
  });
}

/** Goes to an address, once more where the machine's network changed under way, as it does when containers come and go. */
export async function visit(page: Page, url: string): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      await page.goto(url);
      return;
    } catch (error) {
      if (tried > 3 || !/ERR_NETWORK_CHANGED|interrupted by another navigation/.test(String(error))) throw error;
      await sleep(200);
    }
  }
}

/**
 * Waits until the machine's addresses have stayed as they are for two seconds. A container's interface gets its own a while after the container
 * runs, and a browser gives up what it is loading then; a page that is not ours does not ask for it again.
 */
export async function networkSettled(): Promise<void> {
  // A machine without IPv6 lacks the one.
  const files = ['/proc/net/if_inet6', '/proc/net/fib_trie'].filter(file => existsSync(file));
  const addresses = () => files.map(file => readFileSync(file, 'utf8')).join();
  let last = addresses();
  for (let since = Date.now(); Date.now() - since < 2_000; await sleep(100)) {
    const now = addresses();
    if (now !== last) since = Date.now();
    last = now;
  }
}

/** Tells in the test's output what the browser could not load, as a page that waits for it only shows that it waits. */
export function tellLost(page: Page): void {
  page.on('requestfailed', request => {
    const reason = request.failure()?.errorText;
    if (reason !== 'net::ERR_ABORTED') console.log(`${reason}: ${request.method()} ${request.url().split('?')[0]}`);
  });
}

/** A fresh window, which shares nothing with others, on `url`. What goes wrong in the page's own scripts fails the test that closes it. */
export async function openPage(browser: Browser, url: string) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors: Error[] = [];
  tellLost(page);
  page.on('pageerror', error => errors.push(error));
  await visit(page, url);
  return {
    page,
    async close() {
      await context.close();
      if (errors.length > 0) throw new AggregateError(errors, 'scripts of the page failed');
    },
  };
}

/** A site of its own origin: HTML by path. */
export async function serveSite(pages: Record<string, string>): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const html = pages[new URL(request.url!, 'http://site').pathname];
    response.writeHead(html === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(html);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
