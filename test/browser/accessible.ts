import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const AXE = readFileSync(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8');

/** Waits until nothing of the page is still loading. */
export async function settled(page: Page): Promise<void> {
  // Playwright's waitForFunction would wait by `eval`, which the content policy refuses.
  for (const end = Date.now() + 15_000; (await page.locator('.bone, .ant-btn-loading').count()) > 0; ) {
    assert.ok(Date.now() < end, 'the page has loaded');
    await page.waitForTimeout(50);
  }
  await page.waitForTimeout(150);
}

/** Fails on anything that axe-core finds of WCAG A and AA. */
export async function accessible(page: Page, what: string): Promise<void> {
  // The content policy lets no script in; the debugger's evaluate is no script of the page.
  await page.evaluate(AXE);
  const found = (await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })",
  )) as {
    violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  const told = found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n${nodes
        .slice(0, 3)
        .map(node => `${node.html}\n${node.failureSummary}`)
        .join('\n')}`,
  );
  assert.deepEqual(told, [], what);
}
