import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { documentPolicy } from '../scenarios/team.ts';
import { PASSWORD } from '../world.ts';
import { accessible } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';
import { choose, option } from './steps.ts';

/** Which pool something starts in, and the disk of pools: what people may choose, and what is left. */

const GIB = 1024 ** 3;
let world: ConsoleWorld;
let browser: Browser;
let poolId: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld({ disk: { bytes: 60 * GIB } });
  poolId = (await computeSamples(world)).poolId!;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

/** A user of a group that holds these policies. */
async function member(name: string, ...policies: object[]): Promise<void> {
  const { accountId } = world.root;
  const user = { name, domain_id: accountId, password: PASSWORD };
  const { id } = (await world.root_('POST', '/v3.0/OS-USER/users', { user })).body.user;
  const groupId = (await world.root_('POST', '/v3/groups', { group: { name: `of-${name}` } })).body.group.id;
  await world.root_('PUT', `/v3/groups/${groupId}/users/${id}`);
  for (const [at, policy] of policies.entries()) {
    const role = { display_name: `${name}-${at}`, type: 'XA', description: '', policy };
    const roleId = (await world.root_('POST', '/v3.0/OS-ROLE/roles', { role })).body.role.id;
    const grants = `/v3/OS-INHERIT/domains/${accountId}/groups/${groupId}/roles/${roleId}/inherited_to_projects`;
    await world.root_('PUT', grants);
  }
}

const allowing = (Condition?: object) => ({
  Version: '1.1',
  Statement: [{ Effect: 'Allow', Action: ['modelarts:*:*', 'obs:*:*'], ...(Condition ? { Condition } : {}) }],
});
const FORMS = [
  ['/training/jobs/create', 'Create training job'],
  ['/notebooks/create', 'Create notebook'],
  ['/services/deploy', 'Deploy a real-time service'],
] as const;

describe('who may not use the public pool', () => {
  it('sees it disabled with the reason in each form, and a dedicated one chosen', async () => {
    await member('pat', allowing(), documentPolicy('DenyPublicPool'));
    const { page, close } = await opened('/', {}, { user: 'pat' });
    for (const [path, title] of FORMS) {
      await page.goto(world.api + path);
      await heading(page, title);
      const field = page.locator('.ant-form-item', { has: page.getByRole('combobox', { name: 'Resource pool' }) });
      await field.getByTitle('lab-pool').waitFor();
      await field.getByText(/Only a dedicated pool can be chosen.*pat-1/).waitFor();
      await page.getByRole('combobox', { name: 'Resource pool' }).click();
      assert.match((await option(page, 'Public').getAttribute('class'))!, /disabled/);
      assert.match((await option(page, 'Public').getAttribute('title'))!, /Denied by statement|pat-1/);
      assert.doesNotMatch((await option(page, 'lab-pool').getAttribute('class'))!, /disabled/);
      await page.keyboard.press('Escape');
      await accessible(page, title);
    }
    await page.getByRole('link', { name: 'Why was I denied?' }).click();
    await heading(page, 'Why was I denied?');
    await page.getByText('modelarts:service:create', { exact: true }).waitFor();
    await page.getByText('modelarts:poolType = public').waitFor();
    await close();
  });

  it('may be somebody who is allowed dedicated pools alone, and creates there', async () => {
    await member('dee', allowing({ StringEquals: { 'modelarts:poolType': ['dedicated'] } }), {
      Version: '1.1',
      Statement: [{ Effect: 'Allow', Action: ['modelarts:*:get*', 'modelarts:*:list*', 'obs:*:*'] }],
    });
    const { page, close } = await opened('/notebooks', {}, { user: 'dee' });
    await page.getByRole('button', { name: 'Create notebook' }).first().click();
    await heading(page, 'Create notebook');
    await page.locator('.ant-form-item').getByTitle('lab-pool').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('in-pool');
    await choose(page, 'Image', '');
    await choose(page, 'Flavor', 'cpu.1u');

    // The disk of the pool, and what asks for more than there is.
    await page.getByText(/ of \d+ GiB of the pool’s disk are free/).waitFor();
    await page.getByLabel('Capacity (GB)').fill('20');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(/no room for 20 GB of storage: the disk of the pool lab-pool has/)
      .waitFor();
    await page.getByLabel('Capacity (GB)').fill('5');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'in-pool');
    await page.locator('.fact', { hasText: 'lab-pool' }).waitFor();
    await close();
  });

  it('is told to ask for a pool where there is none', async () => {
    const pools = `/v2/${world.root.projectId}/pools`;
    const { page, close } = await opened('/training/jobs/create', {}, { user: 'pat' });
    await page.locator('.ant-form-item').getByTitle('lab-pool').waitFor();
    await world.root_('DELETE', `${pools}/${poolId}`);
    await world.until(async () => (await world.root_('GET', pools)).body.items.length === 0);
    await page.goto(`${world.api}/training/jobs/create`);
    await page.getByText(/No dedicated pool of the workspace takes this/).waitFor();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    const field = page.locator('.ant-form-item', { has: page.getByRole('combobox', { name: 'Resource pool' }) });
    await field.getByText('Required').waitFor();
    await close();
  });
});

describe('the disk of pools', () => {
  it('is asked for with the nodes, shown beside processors and memory, and refused with what is left', async () => {
    const { page, close } = await opened('/networks');
    const dialog = page.getByRole('dialog');
    await page.getByRole('link', { name: 'Dedicated resource pools' }).click();
    await page.getByRole('button', { name: 'Create pool' }).first().click();
    await heading(page, 'Create pool');
    await page.getByLabel('Name').fill('disk-pool');
    await choose(page, 'Network', 'lab-network');
    await choose(page, 'Flavor', 'cpu.1u');
    const disk = page.getByLabel('Disk of each (GiB)');
    await disk.and(page.locator('[placeholder]:not([placeholder=""])')).waitFor();
    assert.match((await disk.getAttribute('placeholder'))!, /^\d+$/);
    await page.getByLabel('Disk of each (GiB)').fill('500');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page
      .getByRole('alert')
      .getByText(/500 GiB of disk; \d.* can still be given to pools/)
      .waitFor();
    await page.getByLabel('Disk of each (GiB)').fill('12');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'disk-pool');
    await page.getByText('0 / 12', { exact: true }).waitFor();
    await page.getByRole('row', { name: /Available.* 12 / }).waitFor();

    const id = page.url().split('/').at(-1)!.split('?')[0]!;
    const body = { name: 'takes-disk', image_id: NOTEBOOK_IMAGE_ID, flavor: 'modelarts.vm.cpu.1u', pool_id: id };
    const volume = { category: 'EVS', ownership: 'MANAGED', capacity: 5 };
    await world.root_('POST', `/v1/${world.root.projectId}/notebooks`, { ...body, volume });
    await page.getByText('5 / 12', { exact: true }).waitFor();
    // More nodes get the same, unless another size is asked for.
    await page.getByRole('button', { name: 'Resize' }).click();
    await dialog.getByLabel('Disk of each (GiB)').and(page.locator('[placeholder="12"]')).waitFor();
    await dialog.getByLabel('Nodes').fill('2');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('5 / 24', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Dedicated resource pools' }).click();
    await page.getByRole('row', { name: /disk-pool.* 5 \/ 24 GiB/ }).waitFor();
    await close();
  });
});
