import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of dedicated resource pools and networks. */

let world: ConsoleWorld;
let browser: Browser;
let poolId: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld();
  poolId = (await computeSamples(world)).poolId!;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

describe('the nodes of a pool', () => {
  it('are isolated, tagged, protected and drained, and the work is on record; shares are given to teams', async () => {
    const { page, close } = await opened(`/pools/${poolId}`);
    const dialog = page.getByRole('dialog');
    const node = page.getByRole('row', { name: /Available/ });
    await node.waitFor();
    const name = (await node.getByRole('cell').first().textContent())!;
    const choose = async (action: string) => {
      await page.getByRole('button', { name: `Actions of ${name}` }).click();
      await page.getByRole('menuitem', { name: action, exact: true }).click();
    };
    await choose('Isolate');
    await page.getByText('Takes no new tasks').waitFor();
    await choose('Use again');
    await page.getByText('Takes no new tasks').waitFor({ state: 'detached' });

    await choose('Tags');
    await dialog.getByRole('button', { name: 'Add tag' }).click();
    await dialog.getByLabel('Key').fill('team');
    await dialog.getByLabel('Value').fill('vision');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await choose('Tags');
    assert.equal(await dialog.getByLabel('Value').inputValue(), 'vision');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });

    await Promise.all([page.waitForResponse(/batch-lock/), choose('Protect from deletion')]);
    await choose('Delete');
    assert.ok(await dialog.getByRole('button', { name: 'Delete' }).isDisabled());
    await dialog.getByLabel(/^Type /).fill(name);
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByText(/locked/).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });

    await choose('Drain');
    await dialog.getByLabel(/^Type /).fill(name);
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Takes no new tasks').waitFor();
    await page.getByRole('tab', { name: 'Maintenance' }).click();
    await page.getByRole('listitem').filter({ hasText: 'executing' }).filter({ hasText: name }).waitFor();
    await page.getByRole('tab', { name: 'Nodes' }).click();
    await choose('Use again');

    await page.getByRole('tab', { name: 'Sub-pools' }).click();
    await page.getByRole('button', { name: 'Create sub-pool' }).click();
    await dialog.getByLabel('Name').fill('vision-team');
    await dialog.getByLabel('Sure of').fill('9');
    await dialog.getByLabel('At most').fill('9');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByText(/vCPUs/).first().waitFor();
    await dialog.getByLabel('Sure of').fill('0');
    await dialog.getByLabel('At most').fill('1');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('listitem').filter({ hasText: 'vision-team' }).filter({ hasText: '0–1' }).waitFor();
    await page.getByRole('link', { name: 'vision-team' }).click();
    await heading(page, 'vision-team');
    assert.equal(await page.getByRole('tab', { name: 'Sub-pools' }).count(), 0, 'a share has no shares');
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type vision-team/).fill('vision-team');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Dedicated resource pools');
    await close();
  });
});

describe('the use of a pool', () => {
  it('is drawn for the time that was asked for, and that stands in the address', async () => {
    const now = Date.now();
    // The platform's own samples, one a minute, tell nothing of accelerators here.
    const old = JSON.stringify({ gpuUtil: 80 });
    const fresh = JSON.stringify({ gpuUtil: 20 });
    await world.db
      .insertInto('pool_samples')
      .values([
        { pool_id: poolId, time: now - 5 * 3_600_000, metrics: old },
        { pool_id: poolId, time: now - 60_000, metrics: fresh },
      ])
      .execute();
    const { page, close } = await opened(`/pools/${poolId}?tab=use`);
    await page.getByRole('row', { name: 'GPU 20 % 20 % 20 %' }).waitFor();
    await page.getByText('Last day').click();
    await page.getByRole('row', { name: 'GPU 20 % 50 % 80 %' }).waitFor();
    await page.getByRole('img', { name: 'Use of what the pool has' }).locator('canvas').waitFor();
    await page.reload();
    await page.getByRole('row', { name: 'GPU 20 % 50 % 80 %' }).waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('meter', { name: 'lab-pool: vCPUs' }).waitFor();
    // Room for what comes after.
    const pools = `/v2/${world.root.projectId}/pools`;
    await world.root_('DELETE', `${pools}/${poolId}`);
    await world.until(async () => (await world.root_('GET', pools)).body.items.length === 0);
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
    await gone(page.getByRole('link', { name: 'my-pool' }));
    await close();
  });
});
