import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const AXE = readFileSync(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8');

/** Waits until nothing of the page is still loading. */
export async function settled(page: Page): Promise<void> {
  // Playwright's waitForFunction would wait by `eval`, which the content policy refuses.
  for (const end = Date.now() + 60_000; (await page.locator('.bone, .ant-btn-loading').count()) > 0; ) {
    assert.ok(Date.now() < end, 'the page has loaded');
    await page.waitForTimeout(50);
  }
  await page.waitForTimeout(150);
}

/** What axe-core finds of WCAG A and AA, on the page or in what matches `within`; by all its rules or by some. */
export async function faultsOf(
  page: Page,
  { within, rules }: { within?: string; rules?: readonly string[] } = {},
): Promise<string[]> {
  // The content policy lets no script in; the debugger's evaluate is no script of the page.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(AXE);
  const context = within === undefined ? 'document' : `[...document.querySelectorAll(${JSON.stringify(within)})]`;
  const wanted = JSON.stringify(rules ?? ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']);
  const found = (await page.evaluate(`axe.run(${context}, { runOnly: ${wanted} })`)) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes
        .slice(0, 3)
        .map(node => `${node.html}\n${node.failureSummary}`)
        .join('\n')}`,
  );
}

/** Fails on anything that axe-core finds. */
export async function accessible(page: Page, what: string): Promise<void> {
  assert.deepEqual(await faultsOf(page), [], what);
}
