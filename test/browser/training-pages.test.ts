import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createTeam } from '../scenarios/team.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';

/** A person at the pages of training: Cloud Shell, metrics. */

let world: ConsoleWorld;
let browser: Browser;
let poolId: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld({ terminals: { checkMs: 50 } });
  poolId = (await computeSamples(world)).poolId!;
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

/** Ends a job, so that its place in the pool is free. */
async function stop(id: string): Promise<void> {
  const job = `/v2/${world.root.projectId}/training-jobs/${id}`;
  await world.root_('POST', `${job}/actions`, { action_type: 'terminate' });
  await world.until(async () => (await world.root_('GET', job)).body.status.phase === 'Terminated');
}

const terminal = (page: Page) => page.locator('.shell:visible');

describe('Cloud Shell', () => {
  it('opens terminals beside each other, which go on while one looks elsewhere, and ends them with the job', async () => {
    const id = await world.train('talks', {}, { pool_id: poolId });
    const { page, close } = await opened(`/training/jobs/${id}?tab=shell`);
    const open = page.getByRole('button', { name: 'Open terminal' });
    await open.click();
    await page.getByRole('textbox', { name: 'worker-0 · 1' }).waitFor({ state: 'attached' });
    await page.locator('[data-stage=open]').waitFor();
    await page.keyboard.type('first-words');
    await terminal(page).locator('.xterm-rows').getByText('first-words').waitFor();

    await open.click();
    await page.getByRole('textbox', { name: 'worker-0 · 2' }).waitFor({ state: 'attached' });
    await page.locator('[data-stage=open]:visible').waitFor();
    await page.keyboard.type('second-words');
    await terminal(page).locator('.xterm-rows').getByText('second-words').waitFor();
    await page.getByRole('tab', { name: 'Events' }).click();
    await page.getByRole('tab', { name: 'Cloud Shell' }).click();
    await page.getByRole('tab', { name: 'worker-0 · 1' }).click();
    await terminal(page).locator('.xterm-rows').getByText('first-words').waitFor();

    await stop(id);
    await page
      .getByText(/The program ended with exit code/)
      .first()
      .waitFor();
    await page.getByText('A terminal can be opened while the job runs; it is Terminated.').waitFor();
    await page.getByRole('button', { name: 'Open again' }).click();
    await page.getByText('The terminal was not opened').waitFor();
    await page.getByText(/does not run; it is Terminated/).waitFor();
    await close();
  });

  it('is not offered in the public pool, nor to who may not, and says why', async () => {
    const id = await world.train('public', {});
    const owner = await opened(`/training/jobs/${id}?tab=shell`);
    await owner.page.getByText(/dedicated resource pool alone/).waitFor();
    assert.equal(await owner.page.getByRole('button', { name: 'Open terminal' }).count(), 0);
    await owner.close();
    await stop(id);

    const inPool = await world.train('watched', {}, { pool_id: poolId });
    const team = await createTeam(world);
    const looks = ['modelarts:*:get', 'modelarts:*:list'].map(action => ({ Effect: 'Allow', Action: [action] }));
    const policy = await team.policy('looks-only', { Version: '1.1', Statement: looks });
    await team.grant(await team.group('lookers', [await team.member('looker')]), [policy]);
    const looker = await opened(`/training/jobs/${inPool}?tab=shell`, {}, { user: 'looker' });
    await looker.page.getByText(/You may not do this: .*modelarts:trainJob:exec/).waitFor();
    assert.equal(await looker.page.getByRole('button', { name: 'Open terminal' }).count(), 0);
    await looker.close();
    await stop(inPool);
  });

  it('ends with the session, on the server too', async () => {
    const id = await world.train('left-alone', {}, { pool_id: poolId });
    const { page, close } = await opened(`/training/jobs/${id}?tab=shell`);
    await page.getByRole('button', { name: 'Open terminal' }).click();
    await page.locator('[data-stage=open]').waitFor();
    const traces = `/v3/${world.root.projectId}/traces?trace_type=system&limit=100`;
    const closed = async () => (await world.root_('GET', traces)).text.split('CloseTrainingJobShell').length;
    const before = await closed();
    await world.db.deleteFrom('console_sessions').execute();
    await world.until(async () => (await closed()) > before);
    await close();
  });
});

describe('metrics of a job', () => {
  it('are drawn, and told in a table, and nothing jumps when the picture comes', async () => {
    const id = await world.train('measured', {});
    const { page, close } = await opened(`/training/jobs/${id}?tab=metrics`);
    await page.getByText('Nothing has been measured yet.').waitFor();
    const plot = page.locator('.plot');
    const { height } = (await plot.boundingBox())!;
    const minute = Math.floor(Date.now() / 60_000);
    const sample = { job_id: id, task: 0, samples: 2 };
    const use = [10, 20, 60];
    const rows = use.map((cpu, at) => ({ ...sample, minute: minute + at, cpu_sum: 2 * cpu, memory_sum: 2 * 33.3 }));
    await world.db.insertInto('training_task_metrics').values(rows).execute();
    await page.reload();
    await page.getByRole('row', { name: 'CPU 60 % 30 % 60 %' }).waitFor();
    await page.getByRole('row', { name: 'Memory 33.3 % 33.3 % 33.3 %' }).waitFor();
    await page.getByRole('img', { name: 'CPU and memory' }).locator('canvas').waitFor();
    assert.equal((await plot.boundingBox())!.height, height);
    assert.equal(await page.getByText('GPU').count(), 0, 'a job without accelerators is not told of them');
    await stop(id);
    await close();
  });
});
