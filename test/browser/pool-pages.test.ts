import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';

/** A person at the pages of dedicated resource pools and networks. */

let world: ConsoleWorld;
let browser: Browser;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('the use of a pool', () => {
  it('is drawn for the time that was asked for, and that stands in the address', async () => {
    const { poolId } = await computeSamples(world);
    const now = Date.now();
    const old = JSON.stringify({ cpuUsage: 80, memUsedRate: 10 });
    const fresh = JSON.stringify({ cpuUsage: 20, memUsedRate: 12 });
    await world.db
      .insertInto('pool_samples')
      .values([
        { pool_id: poolId!, time: now - 5 * 3_600_000, metrics: old },
        { pool_id: poolId!, time: now - 60_000, metrics: fresh },
      ])
      .execute();
    const { page, close } = await opened(`/pools/${poolId}?tab=use`);
    await page.getByRole('row', { name: 'CPU 20 % 20 % 20 %' }).waitFor();
    await page.getByText('Last day').click();
    await page.getByRole('row', { name: 'CPU 20 % 50 % 80 %' }).waitFor();
    await page.getByRole('img', { name: 'Use of what the pool has' }).locator('canvas').waitFor();
    await page.reload();
    await page.getByRole('row', { name: 'CPU 20 % 50 % 80 %' }).waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('meter', { name: 'lab-pool: vCPUs' }).waitFor();
    await world.root_('DELETE', `/v2/${world.root.projectId}/pools/${poolId}`);
    await close();
  });
});

describe('a dedicated pool', () => {
  it('is made with its network, grown, used, shrunk and deleted', async () => {
    const { page, close } = await opened('/networks');
    await page.getByRole('button', { name: 'Create network' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Lab');
    await dialog.getByText(/4 to 25 lower-case letters/).waitFor();
    await dialog.getByLabel('Name').fill('my-network');
    await dialog.getByLabel('Addresses (CIDR)').fill('10.0.0.0/8');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText(/"10.0.0.0\/8" is not allowed/).waitFor();
    await dialog.getByLabel('Addresses (CIDR)').fill('192.168.128.0/24');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('row', { name: /my-network.*Active/ }).waitFor();

    await page.getByRole('link', { name: 'Dedicated resource pools' }).click();
    await page.getByRole('button', { name: 'Create pool' }).first().click();
    await heading(page, 'Create pool');
    await page.getByLabel('Name').fill('my-pool');
    await page.getByRole('combobox', { name: 'Network' }).click();
    await page.locator('.ant-select-item-option', { hasText: 'my-network' }).click();
    await page.getByRole('combobox', { name: 'Flavor' }).click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: 'cpu.1u' }).click();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'my-pool');
    await page.locator('.state', { hasText: 'Available' }).waitFor();
    await page.getByText('0 / 1', { exact: true }).waitFor();

    // One notebook takes the node, the other waits, and the page says for what.
    const id = page.url().split('/').at(-1)!.split('?')[0]!;
    for (const name of ['takes-it', 'waits']) {
      await world.root_('POST', `/v1/${world.root.projectId}/notebooks`, {
        name,
        image_id: NOTEBOOK_IMAGE_ID,
        flavor: 'modelarts.vm.cpu.1u',
        pool_id: id,
        volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
      });
    }
    await page.getByText('1 / 1', { exact: true }).first().waitFor();
    await page.getByRole('tab', { name: 'Running' }).click();
    await page.getByRole('row', { name: /takes-it/ }).waitFor();
    await page.getByRole('tab', { name: 'Waiting' }).click();
    await page.getByRole('row', { name: /waits.*Position 1: .+/ }).waitFor();

    await page.getByRole('button', { name: 'Resize' }).click();
    await dialog.getByLabel('Nodes').fill('2');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Nothing waits.').waitFor();
    await page.getByRole('tab', { name: 'Nodes' }).click();
    await page.locator('.state', { hasText: 'Available' }).nth(1).waitFor();
    await page.getByText('2 / 2', { exact: true }).first().waitFor();

    await page.locator('.fact a').click();
    await heading(page, 'my-network');
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type my-network/).fill('my-network');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByText(/is used by the pool/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();

    await page.getByRole('link', { name: 'my-pool' }).click();
    await heading(page, 'my-pool');
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type my-pool/).fill('my-pool');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Dedicated resource pools');
    await page.getByRole('link', { name: 'my-pool' }).waitFor({ state: 'detached' });
    await close();
  });
});
