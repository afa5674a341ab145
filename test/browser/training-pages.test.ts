import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { zh } from '../../src/console/texts/zh.ts';
import { createTeam } from '../scenarios/team.ts';
import { accessible } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading, signIn } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';
import { gone } from './steps.ts';

/** A person at the pages of training: algorithms, jobs made of them and of other jobs, Cloud Shell, metrics. */

let world: ConsoleWorld;
let browser: Browser;
let poolId: string;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld({ terminals: { checkMs: 2_000 }, trainingSettings: { sampleMs: 3_600_000 } });
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
    await accessible(page, 'a terminal');
    const dark = await opened(`/training/jobs/${id}?tab=shell`, { theme: 'dark', language: 'zh' });
    await dark.page.getByRole('button', { name: zh.openShell }).click();
    await dark.page.locator('[data-stage=open]').waitFor();
    await dark.page.keyboard.type('dark-words');
    await terminal(dark.page).locator('.xterm-rows').getByText('dark-words').waitFor();
    await accessible(dark.page, 'a terminal on dark ground');
    await dark.close();

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
    await stop(id);
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

/** Takes the first option of a form's choice. */
async function choose(page: Page, label: string, option?: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  const options = page.locator('.ant-select-dropdown:visible .ant-select-item-option');
  await (option ? options.filter({ hasText: option }) : options).first().click();
}

const job = async (id: string) => (await world.root_('GET', `/v2/${world.root.projectId}/training-jobs/${id}`)).body;
const idIn = (page: Page) => page.url().split('/').at(-1)!.split('?')[0]!;

describe('the columns of a list', () => {
  it('are chosen and ordered, and are so again for the same user, but not for another', async () => {
    await world.train('in-the-list', { runMs: 50 });
    const { page, close } = await opened('/training/jobs');
    const heads = () => page.getByRole('columnheader').allTextContents();
    const before = await heads();
    await page.getByRole('button', { name: 'Columns' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: 'Duration' }).uncheck();
    await dialog.getByRole('button', { name: 'Move Created by forward' }).click();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const chosen = ['Name', 'State', 'Message', 'Created by', 'Created'];
    assert.deepEqual(await heads(), chosen);
    await page.reload();
    await page.getByRole('columnheader').first().waitFor();
    assert.deepEqual(await heads(), chosen);

    // The same browser, another user.
    const team = await createTeam(world);
    const policy = await team.policy('reads-jobs', {
      Version: '1.1',
      Statement: [{ Effect: 'Allow', Action: ['modelarts:trainJob:list'] }],
    });
    await team.grant(await team.group('readers', [await team.member('reader')]), [policy]);
    await page.getByRole('button', { name: 'User acme' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await signIn(page, world, { user: 'reader' });
    await page.getByRole('columnheader').first().waitFor();
    assert.deepEqual(await heads(), before);
    await close();
  });
});

describe('algorithms', () => {
  it('are created, changed, used for a job, and deleted by name', async () => {
    const { page, close } = await opened('/training/algorithms');
    await page.getByRole('button', { name: 'Create algorithm' }).last().click();
    await heading(page, 'Create algorithm');
    await page.locator('#name').fill('no blanks');
    await page.getByText(/1 to 64 letters/).waitFor();
    await page.locator('#name').fill('reads-digits');
    await choose(page, 'Engine');
    await page.getByLabel('Code directory').fill('/digits/code/');
    await page.getByLabel('Boot file').fill('/digits/code/absent.py');
    await page.getByRole('button', { name: 'Add hyperparameter' }).click();
    const parameters = page.getByRole('group', { name: 'Hyperparameters' });
    await parameters.getByLabel('Name').fill('epochs');
    await parameters.getByLabel('Default value').fill('many');
    await choose(page, 'Type', 'Integer');
    await page.getByRole('button', { name: 'Add input' }).click();
    await page.getByRole('group', { name: 'Add input' }).getByLabel('Name of parameter').fill('data_url');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText(/DefaultValueTypeError|absent.py/).waitFor();
    await parameters.getByLabel('Default value').fill('3');
    await page.getByLabel('Boot file').fill('/digits/code/train.py');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'reads-digits');
    await page.getByText('3 · Integer').waitFor();
    await page.getByRole('tab', { name: 'Code' }).click();
    await page.getByRole('listitem').filter({ hasText: 'train.py' }).first().waitFor();

    await page.getByRole('button', { name: 'Edit' }).click();
    await heading(page, 'Edit reads-digits');
    assert.equal(await parameters.getByLabel('Default value').inputValue(), '3');
    await parameters.getByLabel('Default value').fill('5');
    await page.getByRole('button', { name: 'Save' }).click();
    await heading(page, 'reads-digits');
    await page.getByText('5 · Integer').waitFor();
    const algorithmId = idIn(page);

    await page.getByRole('button', { name: 'Create training job' }).click();
    await heading(page, 'Create training job');
    await page.getByRole('link', { name: 'reads-digits' }).waitFor();
    await page.locator('#name').fill('of-algorithm');
    const inputs = page.getByRole('group', { name: 'Add input' });
    assert.equal(await inputs.getByLabel('Name of parameter').inputValue(), 'data_url');
    await inputs.getByLabel('Path in a bucket').fill('/digits/code/');
    await choose(page, 'Flavor');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'of-algorithm');
    const made = await job(idIn(page));
    assert.equal(made.algorithm.id, algorithmId);
    assert.deepEqual(
      made.algorithm.parameters.map((each: { name: string; value: string }) => [each.name, each.value]),
      [['epochs', '5']],
    );
    await stop(idIn(page));

    await page.getByRole('link', { name: 'Algorithms' }).click();
    await page.getByRole('link', { name: 'reads-digits' }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/Type reads-digits/).fill('reads-digits');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Algorithms');
    await gone(page.getByRole('link', { name: 'reads-digits' }));
    await close();
  });

  it('are made of a job, with what it ran', async () => {
    const id = await world.train('worth-keeping', { runMs: 50 });
    const { page, close } = await opened(`/training/jobs/${id}`);
    await page.getByRole('button', { name: 'Save as algorithm' }).click();
    await heading(page, 'Save worth-keeping as an algorithm');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'worth-keeping');
    const shown = await world.root_('GET', `/v2/${world.root.projectId}/algorithms/${idIn(page)}`);
    const { code_dir, boot_file, outputs } = shown.body.job_config;
    assert.deepEqual([code_dir, boot_file], ['/digits/code/', '/digits/code/train.py']);
    assert.deepEqual(
      outputs.map((each: { name: string }) => each.name),
      ['train_url'],
    );
    assert.doesNotMatch(JSON.stringify(outputs), /worth-keeping/, 'the path of one job is not the algorithm’s');
    await close();
  });
});

describe('a job', () => {
  it('is rebuilt: filled in as it was, also what the form does not show', async () => {
    const id = await world.train('first-try', { runMs: 50 }, { pool_id: poolId });
    const { page, close } = await opened(`/training/jobs/${id}`);
    await page.getByRole('button', { name: 'Rebuild' }).click();
    await heading(page, 'Rebuild first-try');
    assert.equal(await page.locator('#name').inputValue(), 'first-try-2');
    const variables = page.getByRole('group', { name: 'Environment variables' });
    assert.equal(await variables.getByLabel('Name', { exact: true }).inputValue(), 'EPOCHS');
    await variables.getByRole('textbox').nth(1).fill('9');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/Everything is in place/).waitFor();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'first-try-2');
    const [old, made] = [await job(id), await job(idIn(page))];
    assert.deepEqual(made.algorithm, { ...old.algorithm, environments: { EPOCHS: '9' } });
    assert.deepEqual(made.spec, old.spec);
    await stop(idIn(page));
    await close();
  });

  it('runs an image of one’s own, in a pool, on a whole node', async () => {
    world.engine.addImage('localhost/team/mine:1.0');
    const { page, close } = await opened('/training/jobs/create');
    await page.locator('#name').fill('own-image');
    await page.getByLabel('Own image').check();
    await page.getByLabel('Image', { exact: true }).fill('localhost/team/mine:1.0');
    await page.getByLabel('Command').fill('python -c pass');
    await choose(page, 'Resource pool', 'lab-pool');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'own-image');
    const { algorithm, spec } = await job(idIn(page));
    assert.deepEqual([algorithm.command, algorithm.engine.image_url], ['python -c pass', 'localhost/team/mine:1.0']);
    assert.equal(spec.resource.pool_id, poolId);
    await stop(idIn(page));
    await close();
  });
});
