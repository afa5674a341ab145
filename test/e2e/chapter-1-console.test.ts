import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { networkSettled, openBrowser, openPage } from '../browser/chromium.ts';
import { heading, signIn } from '../browser/console-windows.ts';
import {
  authorize,
  choose,
  chooseAction,
  choosePassword,
  choosePolicy,
  createGroup,
  createPolicy,
  createUser,
  gone,
  goTo,
  grantHere,
  option,
  savePolicy,
} from '../browser/steps.ts';
import { documentPolicy } from '../scenarios/team.ts';
import { containersOf } from './containers.ts';
import { putEcho } from './echo.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { ENGINE } from './jobs.ts';

/**
 * Sections 1.2.3 and 1.3.1 to 1.3.5 of the document as people do them: each in a window of their own, by clicking, with real pools, notebooks,
 * jobs and services. No page is loaded anew to see what others did. test/e2e/chapter-1.test.ts holds the same by the API.
 */

const BUCKET = 'chapter-one';
const GIVEN = 'Given-pass-1';
const CHOSEN = 'Chosen-pass-2';
const TRAIN = `
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument('--train_url')
where, _ = parser.parse_known_args()
with open(os.path.join(where.train_url, 'result.txt'), 'w') as file: file.write('trained')
`;
const WORKING = {
  Version: '1.1',
  Statement: [
    {
      Effect: 'Allow',
      Action: [
        ...['create', 'get', 'list', 'update', 'delete'].map(verb => `modelarts:trainJob:${verb}`),
        ...['get', 'list'].flatMap(verb => [`modelarts:pool:${verb}`, `modelarts:workspace:${verb}`]),
      ],
    },
  ],
};

interface Person {
  page: Page;
  close(): Promise<void>;
}

describe('chapter 1 by clicking, with real containers', () => {
  let at: Installation;
  let browser: Browser;
  let root: Person;
  let admin: Person;
  let developer: Person;
  let member: Person;

  before(async () => {
    at = await createInstallation({ ATELIER_VCPUS: '8' });
    await presetImageReady(at);
    await at.obs.createBucket(BUCKET);
    await at.obs.put({ bucket: BUCKET, key: 'code/train.py' }, Buffer.from(TRAIN));
    await at.obs.put({ bucket: BUCKET, key: 'long/train.py' }, Buffer.from('import time\ntime.sleep(600)\n'));
    await putEcho(at, BUCKET);
    browser = await openBrowser();
    root = await openPage(browser, at.profile.endpoints.api);
    await signIn(root.page, { root: { account: at.profile.account! } }, { password: at.profile.password! });
    await root.page.locator('.frame').waitFor();
  });
  after(async () => {
    await browser?.close();
    await at?.remove();
  });

  const dialogOf = (page: Page) => page.getByRole('dialog');
  const state = (page: Page, text: string, timeout = 60_000) =>
    page.locator('.state', { hasText: text }).first().waitFor({ timeout });

  /** Signs in for the first time, which asks for another password than the one that was given. */
  async function comesIn(user: string): Promise<Person> {
    const window = await openPage(browser, at.profile.endpoints.api);
    await signIn(window.page, { root: { account: at.profile.account! } }, { user, password: GIVEN });
    await choosePassword(window.page, CHOSEN);
    await window.page.locator('.frame').waitFor();
    return window;
  }

  /** Follows what the disabled thing says of itself; what is found is why it is denied. */
  async function asksWhy(page: Page, what: string, by: string): Promise<void> {
    const disabled = page.locator('[aria-disabled=true], [tabindex="0"]', { hasText: what }).first();
    await disabled.hover();
    await page
      .getByRole('tooltip')
      .getByText(/You may not do this/)
      .waitFor();
    await page.getByRole('tooltip').getByRole('link', { name: 'Why was I denied?' }).click();
    await heading(page, 'Why was I denied?');
    await page.getByRole('main').getByText(by).first().waitFor();
  }

  /** Grants one action by a new policy, made in the visual editor. */
  async function allowVisually(page: Page, name: string, service: string, action: string): Promise<void> {
    await goTo(page, 'Policies');
    await page.getByRole('button', { name: 'Create custom policy' }).click();
    await page.getByLabel('Policy name').fill(name);
    await choose(page, 'Service', service);
    await chooseAction(page, action);
    await savePolicy(page, name);
  }

  /** Lets the platform act for a user: `agency` is made for it with the chosen policies, or with those of a common user. */
  async function configure(user: string, agency: { suffix?: string; policies?: string[]; existing?: string }) {
    const { page } = root;
    const dialog = dialogOf(page);
    await goTo(page, 'Global Configuration');
    await page.getByRole('button', { name: 'Add authorization' }).first().click();
    await dialog.getByLabel('IAM user').check();
    await choose(page, 'Authorized to', user);
    if (agency.existing) {
      await dialog.getByLabel('Existing agency').first().check();
      await choose(page, 'Existing agency', agency.existing);
    } else {
      await dialog.getByLabel('Agency name').fill(agency.suffix!);
      await dialog.getByLabel(agency.policies ? 'Custom' : 'Common User').check();
    }
    for (const policy of agency.policies ?? []) {
      await choosePolicy(dialog, policy);
    }
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: new RegExp(`${user}.*${agency.existing ?? agency.suffix}`) }).waitFor();
  }

  /** Fills in the form of a training job. `pool`: chosen in the list; what is chosen stays when absent. */
  async function fillJob(page: Page, job: { name: string; code: string; output?: string; pool?: string }) {
    await goTo(page, 'Training jobs');
    await page.getByRole('button', { name: 'Create training job' }).first().click();
    await heading(page, 'Create training job');
    await page.locator('#name').fill(job.name);
    await choose(page, 'Engine', ENGINE.split('-')[0]!);
    await page.getByLabel('Code directory').fill(`/${BUCKET}/${job.code}/`);
    await page.getByLabel('Boot file').fill(`/${BUCKET}/${job.code}/train.py`);
    if (job.output) {
      await page.getByRole('button', { name: 'Add output' }).click();
      const group = page.getByRole('group', { name: 'Add output' });
      await group.getByLabel('Name of parameter').fill('train_url');
      await group.getByLabel('Path in a bucket').fill(`/${BUCKET}/${job.output}/`);
    }
    if (job.pool) await choose(page, 'Resource pool', job.pool);
    else if (await page.locator('.ant-form-item').getByTitle('Public resource pool').isVisible()) {
      await choose(page, 'Flavor', 'CPU: 1 vCPUs');
    }
  }

  async function create(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await heading(page, name);
  }

  /** Creates a notebook instance and waits until it runs. */
  async function createNotebook(page: Page, name: string, key?: string): Promise<void> {
    await goTo(page, 'Notebooks');
    await page.getByRole('button', { name: 'Create notebook' }).first().click();
    await heading(page, 'Create notebook');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await choose(page, 'Image', 'pytorch');
    await choose(page, 'Flavor', 'cpu.1u');
    if (key) await useNewKey(page, key);
    await create(page, name);
    await page.getByRole('link', { name: `Open Jupyter of ${name}` }).waitFor({ timeout: 60_000 });
  }

  /** Makes a key pair of one's own in a form, and chooses it there. */
  async function useNewKey(page: Page, key: string): Promise<void> {
    await page.getByLabel('Name of a new key pair').fill(key);
    await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Make and download' }).click()]);
    await page.getByLabel('Key pairs for SSH').click();
    await option(page, key).click();
    await page.keyboard.press('Escape');
  }

  async function deleteHere(page: Page, name: string, then: string): Promise<void> {
    await page.getByRole('button', { name: 'Delete' }).click();
    await dialogOf(page)
      .getByLabel(new RegExp(`Type ${name}`))
      .fill(name);
    await dialogOf(page).getByRole('button', { name: 'Delete' }).click();
    await heading(page, then);
  }

  it('1.3.1 a user works once the administrator has authorized the platform', async () => {
    const { page } = root;
    await createGroup(page, 'members');
    await createPolicy(page, 'Working', WORKING);
    await createUser(page, 'mei', GIVEN, 'members');
    await authorize(page, 'members', ['Working', 'OBS Administrator']);

    member = await comesIn('mei');
    await goTo(member.page, 'Global Configuration');
    await member.page.locator('[aria-disabled=true]', { hasText: 'Add authorization' }).first().waitFor();
    await fillJob(member.page, { name: 'first', code: 'code', output: 'first' });
    await member.page.getByRole('button', { name: 'Create', exact: true }).click();
    await member.page
      .getByRole('alert')
      .getByText(/ModelArts\.2785/)
      .waitFor();

    const dialog = dialogOf(page);
    await goTo(page, 'Global Configuration');
    await page.getByRole('button', { name: 'Add authorization' }).first().click();
    await dialog.getByLabel('Common User').check();
    await dialog.getByRole('button', { name: 'Create' }).click();
    const row = page.getByRole('row', { name: /All users.*modelarts_agency/ });
    await row.getByRole('button', { name: 'View permissions' }).click();
    await dialog.getByText('ModelArts CommonOperations', { exact: true }).waitFor();
    await page.keyboard.press('Escape');

    await create(member.page, 'first');
    await state(member.page, 'Completed');
    assert.equal((await at.obs.head({ bucket: BUCKET, key: 'first/result.txt' }))?.size, 'trained'.length);
    // What follows is configured for each user.
    await dialog.waitFor({ state: 'detached' });
    await row.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByLabel(/Type all/).fill('all-users');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await row.waitFor({ state: 'detached' });
  });

  it('1.2.3 a workspace lets those in whom it names', async () => {
    const { page } = root;
    const dialog = dialogOf(page);
    await goTo(page, 'Workspaces');
    await page.getByRole('button', { name: 'Create workspace' }).click();
    await dialog.getByLabel('Name').fill('routine');
    await dialog.getByLabel('Its creator and members').check();
    await dialog.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'routine' }).click();
    await heading(page, 'routine');
    await member.page.getByRole('button', { name: 'Workspace: default' }).click();
    await member.page.getByRole('menuitem', { name: 'default' }).waitFor();
    assert.equal(await member.page.getByRole('menuitem', { name: 'routine' }).count(), 0);

    await page.getByRole('button', { name: 'Edit' }).click();
    await choose(page, 'Members', 'mei');
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.locator('.fact').getByRole('link', { name: 'mei' }).waitFor();
    await member.page.getByRole('menuitem', { name: 'routine' }).waitFor();
    await member.page.keyboard.press('Escape');
    await deleteHere(page, 'routine', 'Workspaces');
  });

  it('1.3.2 administrators have pools and all notebooks; developers work, without managing either', async () => {
    const { page } = root;
    await createGroup(page, 'ModelArts_admin_group');
    await createGroup(page, 'user_group');
    await createUser(page, 'the-admin', GIVEN, 'ModelArts_admin_group');
    await createUser(page, 'the-developer', GIVEN, 'user_group');
    for (const name of ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation']) {
      await createPolicy(page, name, documentPolicy(name));
    }
    await authorize(page, 'ModelArts_admin_group', ['Policy1_IAM_OBS', 'Policy2_AllowOperation']);
    await authorize(page, 'user_group', ['Policy1_IAM_OBS', 'Policy2_AllowOperation', 'Policy3_DenyOperation']);
    await configure('the-admin', { suffix: 'admin' });
    await configure('the-developer', { suffix: 'develop_user', policies: ['OBS Administrator'] });
    await configure('mei', { existing: 'ma_agency_develop_user' });

    admin = await comesIn('the-admin');
    const dialog = dialogOf(admin.page);
    await goTo(admin.page, 'Networks');
    await admin.page.getByRole('button', { name: 'Create network' }).first().click();
    await dialog.getByLabel('Name').fill('team-network');
    await dialog.getByLabel('Addresses (CIDR)').fill('192.168.30.0/24');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await admin.page.getByRole('row', { name: /team-network.*Active/ }).waitFor();
    await goTo(admin.page, 'Dedicated resource pools');
    await admin.page.getByRole('button', { name: 'Create pool' }).first().click();
    await heading(admin.page, 'Create pool');
    await admin.page.getByLabel('Name').fill('team-pool');
    await choose(admin.page, 'Network', 'team-network');
    await choose(admin.page, 'Flavor', 'cpu.1u');
    await admin.page.getByLabel('Nodes').fill('3');
    await create(admin.page, 'team-pool');
    await admin.page.locator('.state', { hasText: 'Available' }).nth(2).waitFor({ timeout: 60_000 });

    developer = await comesIn('the-developer');
    await goTo(developer.page, 'Dedicated resource pools');
    await developer.page.getByRole('link', { name: 'team-pool' }).waitFor();
    await asksWhy(developer.page, 'Create pool', 'Policy3_DenyOperation');
    await goTo(developer.page, 'Notebooks');
    await developer.page.getByRole('switch', { name: 'Of all users', disabled: true }).waitFor();
    await asksWhy(developer.page, 'Of all users', 'Policy3_DenyOperation');
    await createNotebook(developer.page, 'of-developer');
    await networkSettled();
    const [jupyter] = await Promise.all([
      developer.page.waitForEvent('popup'),
      developer.page.getByRole('link', { name: 'Open Jupyter of of-developer' }).click(),
    ]);
    await jupyter.waitForURL(/\/tree|\/lab/);
    await jupyter.close();
    await fillJob(developer.page, { name: 'of-developer', code: 'code', output: 'developed', pool: 'team-pool' });
    await create(developer.page, 'of-developer');
    await state(developer.page, 'Completed');
    assert.equal((await at.obs.head({ bucket: BUCKET, key: 'developed/result.txt' }))?.size, 'trained'.length);

    // Full control: the administrator ends what is another's.
    await goTo(admin.page, 'Notebooks');
    await admin.page.getByRole('switch', { name: 'Of all users' }).click();
    await admin.page.getByRole('row', { name: /of-developer.*RUNNING.*the-developer/ }).waitFor();
    await admin.page.getByRole('link', { name: 'of-developer', exact: true }).click();
    await admin.page.getByRole('button', { name: 'Stop' }).click();
    await admin.page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await state(admin.page, 'STOPPED');
    assert.deepEqual(await containersOf(at, 'notebook'), []);
    await deleteHere(admin.page, 'of-developer', 'Notebooks');
  });

  it("1.3.3 who may list all sees another's instance, and starts it with a key pair of one's own", async () => {
    const { page } = member;
    await createNotebook(developer.page, 'shared', 'KeyPair-developer');
    await goTo(page, 'Notebooks');
    await page
      .getByText(/modelarts:notebook:list|No notebook/)
      .first()
      .waitFor();
    await asksWhy(page, 'Of all users', 'modelarts:notebook:listAllNotebooks');
    await goTo(page, 'Notebooks');

    await allowVisually(
      root.page,
      'Viewing all notebook instances',
      'modelarts',
      'modelarts:notebook:listAllNotebooks',
    );
    await allowVisually(root.page, 'Viewing all users of the current IAM project', 'iam', 'iam:users:listUsers');
    await authorize(root.page, 'members', [
      'Viewing all notebook instances',
      'Viewing all users of the current IAM project',
    ]);
    await page.getByRole('switch', { name: 'Of all users' }).click();
    await page.getByRole('row', { name: /shared.*RUNNING.*the-developer/ }).waitFor();
    await developer.page.getByRole('button', { name: 'Stop' }).click();
    await developer.page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('row', { name: /shared.*STOPPED/ }).waitFor({ timeout: 60_000 });

    await createPolicy(root.page, 'Starting the instances of others', {
      Version: '1.1',
      Statement: [{ Effect: 'Allow', Action: ['modelarts:notebook:*', 'ecs:serverKeypairs:*'] }],
    });
    await authorize(root.page, 'members', ['Starting the instances of others']);
    await page.getByRole('link', { name: 'shared', exact: true }).click();
    await page.getByRole('button', { name: 'Start' }).click();
    const refusal = page.getByRole('alert').filter({ hasText: 'Failed to find SSH key pair KeyPair-developer' });
    await refusal.getByText('ModelArts.6789').waitFor();
    await page.getByRole('tab', { name: 'SSH' }).click();
    await page.getByLabel('Key pairs for SSH').press('Backspace');
    await useNewKey(page, 'KeyPair-mei');
    await Promise.all([
      page.waitForResponse(answer => answer.request().method() === 'PUT' && /\/notebooks\//.test(answer.url())),
      page.getByRole('button', { name: 'Save', exact: true }).click(),
    ]);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText(/^ssh -i KeyPair-mei\.pem -p \d+ ma-user@127\.0\.0\.1/).waitFor({ timeout: 60_000 });
    await state(developer.page, 'RUNNING');
    await deleteHere(developer.page, 'shared', 'Notebooks');
  });

  it('1.3.4 Cloud Shell logs in to a running container of a dedicated pool, with the permission for it', async () => {
    const { page } = member;
    await fillJob(page, { name: 'in-public', code: 'long' });
    await create(page, 'in-public');
    await page.getByRole('tab', { name: 'Cloud Shell' }).click();
    await page.getByText(/Cloud Shell opens in jobs of a dedicated resource pool alone/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();

    await fillJob(page, { name: 'in-pool', code: 'long', pool: 'team-pool' });
    await create(page, 'in-pool');
    await page.getByRole('tab', { name: 'Cloud Shell' }).click();
    await page.getByText(/You may not do this.*modelarts:trainJob:exec/).waitFor();
    const name = 'Using Cloud Shell to log in to a running training container';
    await allowVisually(root.page, name, 'modelarts', 'modelarts:trainJob:exec');
    await authorize(root.page, 'members', [name]);
    await page.getByRole('button', { name: 'Open terminal' }).click({ timeout: 60_000 });
    const terminal = page.locator('.shell');
    await terminal.and(page.locator('[data-stage=open]')).waitFor();
    await terminal.locator('.xterm-rows').getByText('$').first().waitFor();
    await page.keyboard.type('echo I am $(id -un) in $((6 * 7))\n');
    await terminal.locator('.xterm-rows').getByText('I am ma-user in 42').waitFor();
    const columns = async (mark: string) => {
      await page.keyboard.type(`echo ${mark} has $(stty size | cut -d" " -f2) columns\n`);
      const line = terminal.getByText(new RegExp(`${mark} has \\d+ columns`)).first();
      return Number(/has (\d+)/.exec((await line.textContent())!)![1]);
    };
    const wide = await columns('wide');
    await page.setViewportSize({ width: 900, height: 700 });
    let narrow = wide;
    for (let attempt = 0; attempt < 50 && narrow >= wide; attempt++) narrow = await columns(`narrow-${attempt}`);
    assert.ok(narrow < wide, `a smaller window has fewer columns than ${wide}, not ${narrow}`);
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('tooltip').getByRole('button', { name: 'Stop' }).click();
    await state(page, 'Terminated');
    await page.getByText(/A terminal can be opened while the job runs/).waitFor();
  });

  it('1.3.5 who may not use the public pool works in the dedicated one, with job, notebook and service', async () => {
    // In the visual editor, as the document says; what comes of it is the document's own text.
    await goTo(root.page, 'Policies');
    await root.page.getByRole('button', { name: 'Create custom policy' }).click();
    await root.page.getByLabel('Policy name').fill('DenyPublicPool');
    await root.page.getByText('Deny', { exact: true }).click();
    for (const action of ['trainJob', 'notebook', 'service'].map(kind => `modelarts:${kind}:create`)) {
      await chooseAction(root.page, action);
    }
    await root.page.getByRole('button', { name: 'Add condition' }).click();
    await root.page.getByText('JSON', { exact: true }).click();
    const lines = root.page.getByLabel('Policy document').locator('.cm-line');
    await lines.first().waitFor();
    assert.deepEqual(JSON.parse((await lines.allTextContents()).join('\n')), documentPolicy('DenyPublicPool'));
    await savePolicy(root.page, 'DenyPublicPool');
    await createGroup(root.page, 'pool-users');
    await createUser(root.page, 'pool-user', GIVEN, 'pool-users');
    await authorize(root.page, 'pool-users', ['Tenant Administrator', 'DenyPublicPool']);
    await configure('pool-user', { suffix: 'pool_user', policies: ['OBS Administrator'] });
    // Step 4: the agency is bound by it too.
    await goTo(root.page, 'Agencies');
    await root.page.getByRole('link', { name: 'ma_agency_pool_user' }).click();
    await heading(root.page, 'ma_agency_pool_user');
    await grantHere(root.page, ['DenyPublicPool']);

    const { page, close } = await comesIn('pool-user');
    /** Only a dedicated pool can be selected. */
    const bound = async () => {
      const field = page.locator('.ant-form-item', { has: page.getByRole('combobox', { name: 'Resource pool' }) });
      await field.getByTitle('team-pool').waitFor();
      await field.getByText(/Only a dedicated pool can be chosen.*DenyPublicPool/).waitFor();
      await page.getByRole('combobox', { name: 'Resource pool' }).click();
      assert.match((await option(page, 'Public').getAttribute('class'))!, /disabled/);
      await page.keyboard.press('Escape');
    };
    await fillJob(page, { name: 'dedicated', code: 'code', output: 'dedicated', pool: 'team-pool' });
    await bound();
    await create(page, 'dedicated');
    await page.locator('.fact').getByRole('link', { name: 'team-pool' }).waitFor();
    await state(page, 'Completed');
    await createNotebook(page, 'dedicated');
    await page.locator('.fact').getByRole('link', { name: 'team-pool' }).waitFor();

    await goTo(page, 'AI applications');
    await page.getByRole('button', { name: 'Create AI application' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('echo');
    await page.getByLabel('Package in a bucket').check();
    await page.getByLabel('Path in a bucket').fill(`obs://${BUCKET}/echo/`);
    await create(page, 'echo 0.0.1');
    await state(page, 'published');
    await page.getByRole('button', { name: 'Deploy' }).click();
    await bound();
    await page.getByLabel('Name', { exact: true }).fill('echo');
    await choose(page, 'Flavor', 'CPU: 1 vCPUs');
    await page.getByRole('button', { name: 'Deploy' }).click();
    await heading(page, 'echo');
    await state(page, 'running');
    await page.getByRole('tab', { name: 'Configuration' }).click();
    await page.locator('.fact').getByRole('link', { name: 'team-pool' }).waitFor();
    await page.getByRole('tab', { name: 'Prediction' }).click();
    await page.getByText('JSON', { exact: true }).click();
    await page.getByLabel('Request body').fill('{"said": "hello"}');
    await page.getByRole('button', { name: 'Send' }).click();
    await page
      .getByRole('region', { name: 'Result' })
      .getByText(/"said": "hello"/)
      .waitFor();

    // The administrator sees all of it in the pool, and ends it with the pool.
    await goTo(admin.page, 'Dedicated resource pools');
    await admin.page.getByRole('link', { name: 'team-pool' }).click();
    await heading(admin.page, 'team-pool');
    await admin.page.getByRole('tab', { name: 'Running' }).click();
    await admin.page.getByRole('row', { name: /dedicated notebook/ }).waitFor();
    await admin.page.getByRole('row', { name: /echo infer/ }).waitFor();
    await deleteHere(admin.page, 'team-pool', 'Dedicated resource pools');
    await gone(admin.page.getByRole('link', { name: 'team-pool' }));
    assert.deepEqual([...(await containersOf(at, 'notebook')), ...(await containersOf(at, 'service-instance'))], []);
    for (const window of [{ close }, root, admin, developer, member]) await window.close();
  });
});
