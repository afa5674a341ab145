import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator, Page, Route } from 'playwright-core';
import { pages } from '../../src/console/pages.ts';
import { PASSWORD } from '../world.ts';
import { accessible, faultsOf, settled } from './accessible.ts';
import { openBrowser } from './chromium.ts';
import { consoleWindows, heading, signIn } from './console-windows.ts';
import { BUILT, type ConsoleWorld, consoleWorld, everySample, repeatJob } from './console-world.ts';
import { gone, goTo } from './steps.ts';

const FIRST_LOAD_BYTES = 300_000;

let world: ConsoleWorld;
let browser: Browser;
/** Ids for the parameters of pages. */
let samples: Record<string, string>;

before(async () => {
  assert.ok(existsSync(join(BUILT, 'index.html')), 'the console is built; run: node src/console/build.ts');
  world = await consoleWorld();
  samples = await everySample(world);
  await world.train('digits-failed', { runMs: 50, exitCode: 1, output: [{ text: 'ValueError: no such column' }] });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await world?.remove();
});

const { open, opened } = consoleWindows(() => ({ world, browser }));
const addressOf = (path: string) =>
  path.replace(/\$(\w+)/g, (_, name: string) => samples[name] ?? `no sample for ${name}`);

describe('signing in', () => {
  it('leads to the page that was asked for, and nothing of the credential is where scripts look', async () => {
    const window = await opened('/training/jobs');
    await heading(window.page, 'Training jobs');
    assert.equal(new URL(window.page.url()).pathname, '/training/jobs');
    const seen = await window.page.evaluate('document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })');
    assert.doesNotMatch(String(seen), /atelier-console-test01|eyJ/);
    await window.close();
  });

  it('says what is wrong with a wrong password', async () => {
    const window = await open('/');
    await signIn(window.page, world, { password: 'not-the-password-1' });
    await window.page
      .getByRole('alert')
      .getByText(/password/i)
      .first()
      .waitFor();
    await window.close();
  });

  it('asks for a new password where an administrator gave the first one', async () => {
    const user = { name: 'newcomer', domain_id: world.root.accountId, password: 'Given-pass-1', pwd_status: true };
    await world.root_('POST', '/v3.0/OS-USER/users', { user });
    const window = await open('/');
    await signIn(window.page, world, { user: 'newcomer', password: 'Given-pass-1' });
    await window.page.getByLabel('New password', { exact: true }).fill('Chosen-pass-2');
    await window.page.getByLabel('New password again').fill('Chosen-pass-2');
    await window.page.getByRole('button', { name: 'Set password' }).click();
    await heading(window.page, 'Overview');
    // Nobody has given this user anything: the page says so, and what to do.
    await window.page
      .getByText(/Policy doesn't allow/)
      .first()
      .waitFor();
    await window.page.getByRole('link', { name: 'Training jobs' }).click();
    const create = window.page.getByRole('button', { name: 'Create training job' }).first();
    await window.page.locator('[aria-disabled=true]', { hasText: 'Create training job' }).first().waitFor();
    await create.hover();
    await window.page
      .getByRole('tooltip')
      .getByText(/You may not do this/)
      .waitFor();
    await window.close();
  });

  it('ends with signing out, in every tab', async () => {
    const { page, context, close } = await opened('/');
    const other = await context.newPage();
    await other.goto(`${world.api}/training/jobs`);
    await heading(other, 'Training jobs');
    await page.getByRole('button', { name: 'User acme' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await heading(page, 'Sign in to Atelier');
    await heading(other, 'Sign in to Atelier');
    await close();
  });

  it('is asked for again when the session has ended, and the page comes back', async () => {
    const { page, close } = await opened('/training/jobs');
    await page.getByRole('link', { name: 'digits-done' }).waitFor();
    await world.db.deleteFrom('console_sessions').execute();
    // Whatever asks next meets it: a person who types, or the page itself, and then the field is gone already.
    const typed = page.getByLabel('Search by name').fill('digits', { timeout: 5_000 });
    await typed.catch(() => undefined);
    await heading(page, 'Sign in to Atelier');
    await signIn(page, world);
    await heading(page, 'Training jobs');
    await close();
  });
});

describe('what shows by itself', () => {
  it('shows a job that somebody else submits, and its state, without a reload', async () => {
    const { page, close } = await opened('/training/jobs');
    await page.getByRole('link', { name: 'digits-done' }).waitFor();
    const requests: string[] = [];
    page.on('request', request => requests.push(request.url()));
    // Once it stands and has read what may have changed meanwhile; a page that asks again and again has no such time.
    let idle = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 10 && idle > 1; attempt++) {
      const before = requests.length;
      await page.waitForTimeout(1500);
      idle = requests.length - before;
    }
    await world.train('digits-live', { runMs: 400 });
    await page.getByRole('link', { name: 'digits-live' }).waitFor();
    await page.getByRole('row', { name: /digits-live.*Completed/ }).waitFor();
    assert.ok(idle <= 1, `a page on which nothing happens asks for nothing; it asked ${idle} times`);
    await close();
  });

  it('shows what somebody did while it still asked to be told', async () => {
    const window = await open('/training/jobs');
    const asked = Promise.withResolvers<Route>();
    await window.page.route('**/console/changes', asked.resolve, { times: 1 });
    await signIn(window.page, world);
    await window.page.getByRole('link', { name: 'digits-done' }).waitFor();
    const route = await asked.promise;
    await world.train('digits-unheard', { runMs: 50 });
    // What is told waits a moment for what else there is.
    await window.page.waitForTimeout(1_500);
    await route.continue();
    await window.page.getByRole('row', { name: /digits-unheard/ }).waitFor();
    await window.close();
  });

  it('asks by itself for what did not come, once the server answers again', async () => {
    const window = await open('/training/jobs');
    let away = true;
    // Both: what a page reads and what it is told.
    for (const path of ['**/training-job-searches', '**/console/changes']) {
      await window.page.route(path, route => (away ? route.abort('connectionreset') : route.fallback()));
    }
    await signIn(window.page, world);
    await window.page.getByRole('alert').getByText('This page tries again by itself').waitFor();
    away = false;
    await window.page.getByRole('link', { name: 'digits-done' }).waitFor();
    await window.close();
  });

  it('shows what happens in the project that was gone to', async () => {
    const project = { name: 'local-1_second' };
    const second = (await world.root_('POST', '/v3/projects', { project })).body.project.id;
    const { page, close } = await opened(addressOf('/training/jobs/$jobId'));
    const elsewhere = page.getByRole('heading', { name: 'digits-done' });
    await elsewhere.waitFor();
    await page.getByRole('button', { name: /^Region and project: / }).click();
    await page.getByRole('menuitem', { name: project.name }).click();
    await page.getByRole('button', { name: `Region and project: ${project.name}` }).waitFor();
    await gone(elsewhere);
    await goTo(page, 'Workspaces');
    await heading(page, 'Workspaces');
    // Somebody else, elsewhere.
    const { account } = world.root;
    const headers = { 'x-atelier-console': 'active' };
    const body = { account, user: account, password: PASSWORD };
    const session = await world.send('POST', '/console/session', { headers, body });
    const there = { ...headers, cookie: session.headers.get('set-cookie')!.split(';')[0]! };
    await world.send('PUT', '/console/session', { headers: there, body: { project_id: second } });
    const made = await world.send('POST', `/v1/${second}/workspaces`, {
      headers: there,
      body: { name: 'of-the-second' },
    });
    assert.equal(made.status, 200, made.text);
    await page.getByText('of-the-second').waitFor();
    await close();
  });

  it('shows the log as it is written, and finds in it', async () => {
    const id = await world.train('digits-log', {
      runMs: 4000,
      output: [{ text: 'first words' }, { afterMs: 2500, text: 'last words' }],
    });
    const { page, close } = await opened(`/training/jobs/${id}`);
    const log = page.getByRole('log');
    await log.getByText('first words').waitFor();
    await log.getByText('last words').waitFor();
    await page.getByLabel('Search in the log').fill('LAST');
    await page.getByRole('status').getByText('1 lines').waitFor();
    assert.equal(await log.locator('mark').textContent(), 'last');
    await close();
  });
});

describe('training jobs', () => {
  it('are checked before they are created, and created', async () => {
    const { page, close } = await opened('/training/jobs/create');
    await page.getByLabel('Name', { exact: true }).fill('from-the-form');
    await page.getByRole('combobox', { name: 'Engine' }).click();
    await page.locator('.ant-select-item-option').first().click();
    await page.getByLabel('Code directory').fill('/digits/nothing/');
    await page.getByLabel('Boot file').fill('/digits/nothing/train.py');
    await page.getByLabel('Flavor').click();
    await page.locator('.ant-select-dropdown:visible .ant-select-item-option').first().click();
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText('The job would not start').waitFor();
    await page.getByLabel('Code directory').fill('/digits/code/');
    await page.getByLabel('Boot file').fill('/digits/code/train.py');
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/Everything is in place/).waitFor();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, 'from-the-form');
    await page.getByRole('button', { name: 'Delete' }).click();
    const dialog = page.getByRole('dialog');
    assert.ok(await dialog.getByRole('button', { name: 'Delete' }).isDisabled());
    await dialog.getByLabel(/Type from-the-form/).fill('from-the-form');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await heading(page, 'Training jobs');
    await gone(page.getByRole('link', { name: 'from-the-form' }));
    await close();
  });

  it('scroll and filter at once when there are a hundred thousand', async () => {
    await repeatJob(world, 'digits-done', 100_000);
    const { page, close } = await opened('/training/jobs');
    await page
      .getByText(/100,?00\d/)
      .first()
      .waitFor();
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await page.getByRole('link', { name: 'many-0', exact: true }).waitFor();
    assert.ok((await page.getByRole('row').count()) < 80, 'only what is looked at is drawn');
    // Typed as a person types, so each letter narrows the list.
    await page.getByLabel('Search by name').pressSequentially('many-77777', { delay: 30 });
    await page.getByText(/^1 of /).waitFor();
    await page.getByRole('link', { name: 'many-77777', exact: true }).waitFor();
    assert.equal(await page.getByRole('link', { name: /^many-/ }).count(), 1, 'what does not match is gone');
    await close();
    await world.db.deleteFrom('training_jobs').where('id', 'like', 'many-%').execute();
  });
});

describe('a long list', () => {
  it('shows what it is scrolled to, also after a search that found nothing, and tells what did not come', async () => {
    const many = Array.from({ length: 60 }, (_, at) => `crew-${String(at).padStart(2, '0')}`);
    for (const name of many) {
      const made = await world.root_('POST', '/v3/groups', { group: { name, domain_id: world.root.accountId } });
      assert.equal(made.status, 201, made.text);
    }
    const { page, close } = await opened('/iam/groups');
    await page.getByRole('link', { name: 'crew-00', exact: true }).waitFor();
    await page.getByLabel('Search by name').fill('nothing has this name');
    await page.getByText('Nothing matches').waitFor();
    await page.getByLabel('Search by name').fill('');
    await page.getByRole('link', { name: 'crew-00', exact: true }).waitFor();
    await page.evaluate("document.querySelector('[role=table]').scrollTop = 1e9");
    await page.getByRole('link', { name: 'crew-59', exact: true }).waitFor();

    // What is on the screen stays where reading it anew fails.
    await page.route('**/v3/groups*', route => route.abort('connectionreset'));
    await world.root_('POST', '/v3/groups', { group: { name: 'late', domain_id: world.root.accountId } });
    const alert = page.getByRole('alert');
    await alert.getByText('The server does not answer').waitFor();
    await page.getByRole('link', { name: 'crew-59', exact: true }).waitFor();
    await page.unroute('**/v3/groups*');
    await alert.getByRole('button').click();
    await page.getByLabel('Search by name').fill('late');
    await page.getByRole('link', { name: 'late', exact: true }).waitFor();
    await alert.waitFor({ state: 'detached' });
    await close();
  });
});

describe('every page', () => {
  it('is listed: no file of a page is without a line in the list', () => {
    const dir = join(import.meta.dirname, '../../src/console/pages');
    const files = pages.map(page => `${page.file}.tsx`);
    assert.deepEqual(
      files.filter(file => !existsSync(join(dir, file))),
      [],
      'every line of the list has a file',
    );
    for (const file of readdirSync(dir)) {
      if (file === 'sign-in.tsx') continue;
      assert.ok(files.includes(file), `${file} has no line in pages.ts`);
    }
  });

  // Words are the same on both grounds, and colours in both languages: two of the four say all.
  for (const [theme, language] of [
    ['light', 'en'],
    ['dark', 'zh'],
  ] as const) {
    it(`can be read by everybody, ${theme}, ${language}`, async () => {
      const signedOut = await open('/', { theme, language });
      await signedOut.page.getByRole('heading', { level: 1 }).waitFor();
      await accessible(signedOut.page, 'sign-in');
      await signIn(signedOut.page, world);
      await signedOut.page.locator('.frame').waitFor();
      for (const { path } of pages) {
        const address = addressOf(path);
        assert.doesNotMatch(address, /no sample/, 'the test has an id for each parameter');
        await signedOut.page.goto(world.api + address);
        await signedOut.page.getByRole('heading', { level: 1 }).waitFor();
        await signedOut.page.locator('.page > header ~ *').first().waitFor({ state: 'attached' });
        await settled(signedOut.page);
        assert.equal(await signedOut.page.getByText(/There is no such page|页面不存在/).count(), 0, address);
        await accessible(signedOut.page, address);
        await tabsAccessible(signedOut.page, address);
      }
      await signedOut.page.goto(`${world.api}/nowhere`);
      await signedOut.page.getByRole('heading', { level: 1, name: /There is no such page|页面不存在/ }).waitFor();
      await accessible(signedOut.page, 'no page');
      await signedOut.page.getByRole('button', { name: /^(Go to the overview|返回总览)$/ }).click();
      await signedOut.page.waitForURL(`${world.api}/`);
      await signedOut.page.goto(`${world.api}/networks`);
      await signedOut.page.locator('h1 ~ .ant-btn, header .ant-btn-primary').first().click();
      await signedOut.page.getByRole('dialog').waitFor();
      await accessible(signedOut.page, 'a dialog');
      await signedOut.close();
    });
  }
});

describe('what is pointed at', () => {
  for (const theme of ['light', 'dark'] as const) {
    it(`can be read, ${theme}`, async () => {
      const { page, close } = await opened('/training/jobs', { theme });
      const wrong: string[] = [];
      const point = async (what: Locator) => {
        await what.hover();
        const faults = await faultsOf(page, { rules: ['color-contrast'] });
        wrong.push(...faults.map(fault => `${what}: ${fault}`));
      };
      await page.getByRole('link', { name: 'digits-done' }).waitFor();
      await point(page.getByRole('button', { name: 'Create training job' }).first());
      await point(page.getByRole('link', { name: 'digits-done' }));
      await point(page.getByRole('navigation').getByRole('link', { name: 'Notebooks' }));
      await page.goto(world.api + addressOf('/training/jobs/$jobId'));
      await page.getByRole('button', { name: 'Delete' }).waitFor();
      await settled(page);
      for (const button of await page.locator('main').getByRole('button').all()) await point(button);
      for (const tab of await page.locator('main').getByRole('tab').all()) await point(tab);
      await page.getByRole('button', { name: 'Delete' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel(/^Type /).fill('digits-done');
      for (const button of await dialog.getByRole('button').all()) await point(button);
      assert.deepEqual(wrong, []);
      await close();
    });
  }
});

/** As `accessible`, for each tab of the page that is open. */
async function tabsAccessible(page: Page, address: string): Promise<void> {
  const tabs = page.locator('main').getByRole('tab');
  for (let at = 1; at < (await tabs.count()); at++) {
    await tabs.nth(at).click();
    await settled(page);
    await accessible(page, `${address}, ${await tabs.nth(at).textContent()}`);
  }
}

describe('the files', () => {
  it('of the first load are at most 300 kB compressed, before the page’s own', () => {
    const manifest = JSON.parse(readFileSync(join(BUILT, '.vite/manifest.json'), 'utf8')) as Record<
      string,
      { file: string; imports?: string[]; css?: string[] }
    >;
    const seen = new Set<string>();
    const visit = (name: string): void => {
      const chunk = manifest[name]!;
      if (seen.has(chunk.file)) return;
      for (const file of [chunk.file, ...(chunk.css ?? [])]) seen.add(file);
      for (const each of chunk.imports ?? []) visit(each);
    };
    visit('index.html');
    const bytes = [...seen].reduce((sum, file) => sum + statSync(join(BUILT, `${file}.gz`)).size, 0);
    assert.ok(bytes <= FIRST_LOAD_BYTES, `${bytes} bytes in ${seen.size} files`);
  });

  it('are kept for ever, compressed, and shadow no operation', async () => {
    const html = await fetch(world.api, { headers: { accept: 'text/html' } });
    const policy = html.headers.get('content-security-policy')!;
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.match(policy, /script-src 'self';/);
    assert.equal(html.headers.get('x-frame-options'), 'DENY');
    const text = await html.text();
    assert.equal(/nonce="([^"]+)"/.exec(text)![1], /'nonce-([^']+)'/.exec(policy)![1]);
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(text)![1]!;
    const file = await fetch(world.api + script, { headers: { 'accept-encoding': 'br' } });
    assert.equal(file.headers.get('content-encoding'), 'br');
    assert.match(file.headers.get('cache-control')!, /immutable/);
    const accept = { accept: 'text/html' };
    assert.equal((await fetch(`${world.api}/v2/nothing`, { headers: accept })).status, 404);
    assert.equal((await fetch(`${world.api}/console/nothing`, { headers: accept })).status, 404);
    assert.equal((await fetch(`${world.api}/assets/nothing.js`, { headers: accept })).status, 404);
    assert.equal((await fetch(`${world.api}/assets/..%2f..%2fpackage.json`)).status, 404);
    assert.equal((await fetch(`${world.api}/training/jobs`)).status, 404, 'programs are told that it is no operation');
    assert.equal((await fetch(`${world.api}/training/jobs`, { headers: accept })).status, 200);
  });
});
