import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page, Route } from 'playwright-core';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading } from './console-windows.ts';
import { type ConsoleWorld, computeSamples, consoleWorld } from './console-world.ts';

/** What people typed and chose on pages of compute stays, and is not doubled or undone, where answers are slow, fail, or are old. */

let world: ConsoleWorld;
let browser: Browser;
let samples: Record<string, string>;
const { opened } = consoleWindows(() => ({ world, browser }));

before(async () => {
  world = await consoleWorld({ ssh: { host: '127.0.0.1', first: 47_340, last: 47_360 } });
  samples = await computeSamples(world);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

/** Holds the requests of a page that match until `release` lets them go. */
async function held(page: Page, url: RegExp, method: string) {
  const waiting: Route[] = [];
  await page.route(url, route => {
    if (route.request().method() === method) waiting.push(route);
    else void route.fallback();
  });
  return {
    count: () => waiting.length,
    release: async () => {
      for (const route of waiting) await route.continue();
    },
  };
}

const refusal = { status: 403, json: { error_code: 'ModelArts.0001', error_msg: 'Not now.' } };

describe('a notebook', () => {
  it('is started once, and stopped only when that was meant', async () => {
    const at = `/v1/${world.root.projectId}/notebooks/${samples.notebookId}`;
    const is = async (status: string) => (await world.root_('GET', at)).body.status === status;
    const { page, close } = await opened(`/notebooks/${samples.notebookId}`);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stop digits-notebook?').waitFor();
    assert.ok(await is('RUNNING'), 'a click asks');
    await page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await page.locator('.state', { hasText: 'STOPPED' }).waitFor();

    const starts = await held(page, /\/notebooks\/[^/]+\/start$/, 'POST');
    const start = page.getByRole('button', { name: 'Start' });
    await Promise.all([page.waitForRequest(/\/start$/), start.dblclick()]);
    await page.locator('.ant-btn-loading', { hasText: 'Start' }).waitFor();
    assert.equal(starts.count(), 1);
    await starts.release();
    await page.locator('.state', { hasText: 'RUNNING' }).waitFor();
    await close();
  });

  it('keeps the SSH settings that are being chosen when it gets its address', async () => {
    const { projectId } = world.root;
    await world.root_('POST', `/v2.1/${projectId}/os-keypairs`, { keypair: { name: 'laptop' } });
    const { id } = (
      await world.root_('POST', `/v1/${projectId}/notebooks`, {
        name: 'by-ssh',
        image_id: NOTEBOOK_IMAGE_ID,
        flavor: 'modelarts.vm.cpu.1u',
        volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
        endpoints: [{ service: 'SSH', key_pair_names: ['laptop'] }],
      })
    ).body;
    const { page, close } = await opened('/notebooks');
    let early = true;
    await page.route(new RegExp(`/notebooks/${id}$`), async route => {
      const answer = await route.fetch();
      const notebook = await answer.json();
      if (early) delete notebook.endpoints[0].uri;
      await route.fulfill({ response: answer, json: notebook });
    });
    await page.getByRole('link', { name: 'by-ssh', exact: true }).click();
    await page.getByRole('tab', { name: 'SSH' }).click();
    await page.locator('.state', { hasText: 'RUNNING' }).waitFor();
    await page.getByLabel('SSH from addresses').fill('192.0.2.7');
    await page.keyboard.press('Enter');
    early = false;
    await world.root_('POST', `/v1/${projectId}/notebooks/${id}/stop`);
    await page.locator('.state', { hasText: 'STOPPED' }).waitFor();
    await page.getByTitle('192.0.2.7').waitFor({ timeout: 5_000 });
    await close();
  });
});

describe('the form of a job', () => {
  it('stays as it was filled in when what it began with cannot be read again', async () => {
    const id = await world.train('once-more', {});
    const { page, close } = await opened(`/training/jobs/create?job=${id}`);
    await heading(page, 'Rebuild once-more');
    await page.locator('#name').fill('with-much-typing');
    const shown = new RegExp(`/training-jobs/${id}$`);
    await page.route(shown, route => route.fulfill(refusal));
    const refused = page.waitForResponse(shown);
    await world.root_('POST', `/v2/${world.root.projectId}/training-jobs/${id}/actions`, { action_type: 'terminate' });
    await (await refused).finished();
    // Whatever comes of it is drawn before what comes of a click.
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/Everything is in place/).waitFor();
    assert.equal(await page.locator('#name').inputValue(), 'with-much-typing');
    await close();
  });

  it('is called checked only for what was checked', async () => {
    const id = await world.train('checked', { runMs: 50 });
    const { page, close } = await opened(`/training/jobs/create?job=${id}`);
    const checks = await held(page, /\/training-job-checks$/, 'POST');
    await Promise.all([
      page.waitForRequest(/training-job-checks/),
      page.getByRole('button', { name: 'Check' }).click(),
    ]);
    await page.locator('.ant-btn-loading', { hasText: 'Check' }).waitFor();
    await page.locator('#name').fill('another');
    const answered = page.waitForResponse(/training-job-checks/);
    await checks.release();
    await (await answered).finished();
    await page.locator('#description').fill('Told of what is drawn.');
    assert.equal(await page.getByText(/Everything is in place/).count(), 0);
    await close();
  });
});

describe('the log of a job', () => {
  it('goes on from where it broke, with what was searched for', async () => {
    const id = await world.train('talks', {
      output: [{ text: 'loss 0.5' }, { text: 'a chatty line' }, { afterMs: 100, text: 'loss 0.25' }],
      runMs: 500,
    });
    const at = `/v2/${world.root.projectId}/training-jobs/${id}`;
    await world.until(async () => (await world.root_('GET', at)).body.status.phase === 'Completed');
    const whole: string = (await world.root_('GET', `${at}/logs/worker-0?offset=0`)).body.content;
    const half = whole.slice(0, whole.indexOf('loss 0.25'));
    const { page, close } = await opened('/training/jobs');
    const offsets: (string | null)[] = [];
    // The connection ends early, then there is none, and then all is well.
    await page.route(/logs\/worker-0\?.*follow=true/, route => {
      offsets.push(new URL(route.request().url()).searchParams.get('offset'));
      if (offsets.length === 1) return route.fulfill({ contentType: 'text/plain; charset=utf-8', body: half });
      return offsets.length === 2 ? route.abort() : route.continue();
    });
    await page.getByRole('link', { name: 'talks' }).click();
    await page.getByLabel('Search in the log').fill('loss');
    const again = page.getByRole('button', { name: 'Try again' });
    await again.waitFor();
    const log = page.getByRole('log');
    assert.match((await log.textContent())!, /loss 0\.5/, 'what was read stays');
    await again.click();
    await log.getByText('loss 0.25').waitFor();
    assert.equal((await log.textContent())!.match(/loss 0\.5/g)!.length, 1, 'nothing is read twice');
    const reached = String(Buffer.byteLength(half));
    assert.deepEqual(offsets, ['0', reached, reached]);
    await close();
  });
});

describe('the tags of a node', () => {
  it('are those of now when they are changed, and none are saved before they are known', async () => {
    const { page, close } = await opened(`/pools/${samples.poolId}`);
    const dialog = page.getByRole('dialog');
    const name = (await page
      .getByRole('row', { name: /Available/ })
      .getByRole('cell')
      .first()
      .textContent())!;
    const open = async () => {
      await page.getByRole('button', { name: `Actions of ${name}` }).click();
      await page.getByRole('menuitem', { name: 'Tags', exact: true }).click();
    };
    await open();
    await dialog.getByRole('button', { name: 'Add tag' }).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });

    const at = `/v1/${world.root.projectId}/nodes/${name}/tags`;
    await world.root_('POST', at, { action: 'reset', tags: [{ key: 'team', value: 'vision' }] });
    let away = true;
    await page.route(/\/nodes\/[^/]+\/tags$/, route => {
      const reads = route.request().method() === 'GET';
      return reads && away ? route.fulfill(refusal) : route.continue();
    });
    await open();
    await dialog.getByText('Not now.').waitFor();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.locator('.ant-form-item-explain-error').waitFor();
    away = false;
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByRole('button', { name: 'Add tag' }).click();
    await dialog.getByLabel('Key').nth(1).fill('room');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    const { tags } = (await world.root_('GET', at)).body;
    assert.deepEqual(tags.map((tag: { key: string }) => tag.key).sort(), ['room', 'team']);
    await close();
  });
});
