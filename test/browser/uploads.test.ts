import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import {
  DeleteBucketCorsCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Browser, Page } from 'playwright-core';
import { esdkClient, s3Client } from '../../src/resources/objects/clients.fixture.ts';
import { type ObjectWorld, objectWorld, person } from '../../src/resources/objects/world.fixture.ts';
import { openBrowser, openPage, serveSite } from './chromium.ts';

const Bucket = 'from-browsers';
const MIB = 1024 * 1024;

/** A page as an application has it: a form that goes to the store, and scripts that send the chosen file there. */
const PAGE = `<!doctype html><title>upload</title>
<form method="post" enctype="multipart/form-data"></form>
<input type="file" id="chosen">
<script>
  const chosen = () => document.getElementById('chosen').files[0];
  /** Submits a form like one without scripts. */
  function submitForm(action, fields) {
    const form = document.forms[0];
    form.action = action;
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement('input');
      Object.assign(input, { type: 'hidden', name, value });
      form.append(input);
    }
    const file = document.getElementById('chosen');
    file.name = 'file';
    form.append(file);
    form.submit();
  }
  const readable = ({ status, headers }) => ({ status, etag: headers.get('etag'), requestId: headers.get('x-amz-request-id') });
  const refused = error => ({ refused: error.name });
  window.fetchForm = (action, fields) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('file', chosen());
    return fetch(action, { method: 'POST', body: form }).then(readable, refused);
  };
  window.put = (url, headers) => fetch(url, { method: 'PUT', headers, body: chosen() }).then(readable, refused);
  window.get = url => fetch(url).then(async answer => ({ status: answer.status, text: await answer.text() }), refused);
  window.putWithProgress = (url, headers) => new Promise(resolve => {
    const request = new XMLHttpRequest();
    const progress = [];
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => progress.push([loaded, total]);
    request.onload = () => resolve({ status: request.status, etag: request.getResponseHeader('etag'), progress });
    request.onerror = () => resolve({ refused: 'error', progress });
    request.send(chosen());
  });
</script>`;

interface Seen {
  status?: number;
  etag?: string | null;
  requestId?: string | null;
  text?: string;
  refused?: string;
  progress?: [number, number][];
}

describe('a browser on pages of another origin', () => {
  let world: ObjectWorld;
  let browser: Browser;
  let site: Awaited<ReturnType<typeof serveSite>>;
  let other: Awaited<ReturnType<typeof serveSite>>;
  let s3: S3Client;
  // biome-ignore lint/suspicious/noExplicitAny: the package has no types
  let obs: any;
  /** Methods of what came to the store. */
  let came: string[] = [];

  before(async () => {
    world = await objectWorld();
    world.objects.server.on('request', request => came.push(request.method!));
    await world.objects.service.createBucket(person('ann'), Bucket);
    s3 = s3Client(world.url, world.key('ann'));
    obs = esdkClient(world.url, world.key('ann'), { signature: 'v2', is_signature_negotiation: false });
    site = await serveSite({ '/': PAGE, '/done': '<!doctype html><title>done</title>' });
    other = await serveSite({ '/': PAGE });
    await tick();
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await site?.close();
    await other?.close();
    s3?.destroy();
    obs?.close();
    await world?.close();
  });
  beforeEach(async () => {
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    came = [];
  });

  const allow = (...AllowedMethods: string[]) =>
    s3.send(
      new PutBucketCorsCommand({
        Bucket,
        CORSConfiguration: {
          CORSRules: [
            { AllowedMethods, AllowedOrigins: [site.origin], AllowedHeaders: ['*'], ExposeHeaders: ['ETag'] },
          ],
        },
      }),
    );

  /** Opens the page, chooses a file as a user does, and looks on while `work` is done. */
  async function on(origin: string, file: Buffer, work: (page: Page) => Promise<void>): Promise<void> {
    const { page, close } = await openPage(browser, origin);
    await page.setInputFiles('#chosen', { name: 'photo.png', mimeType: 'image/png', buffer: file });
    came = [];
    await work(page);
    await close();
  }
  const call = (page: Page, name: string, ...given: unknown[]) =>
    page.evaluate(
      ([name, given]) => (globalThis as never as Record<string, (...all: unknown[]) => Seen>)[name]!(...given),
      [name, given] as [string, unknown[]],
    );

  /** Fields of a form for `key` that the browser submits, with `more` allowed. */
  function fields(Key: string, more: Record<string, string> = {}): Record<string, string> {
    const FormParams = { 'content-type': 'image/png', ...more };
    const made = obs.createPostSignatureSync({ Bucket, Key, Expires: 60, FormParams });
    return { key: Key, ...FormParams, AWSAccessKeyId: 'AK-ann', policy: made.Policy, signature: made.Signature };
  }
  const action = () => `${world.url}/${Bucket}`;
  const putUrl = (Key: string) =>
    getSignedUrl(s3, new PutObjectCommand({ Bucket, Key, ContentType: 'image/png' }), { expiresIn: 60 });
  const getUrl = (Key: string) => getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }), { expiresIn: 60 });
  const md5 = (bytes: Buffer) => `"${createHash('md5').update(bytes).digest('hex')}"`;
  async function stored(Key: string): Promise<Buffer> {
    const { stream, info } = await world.objects.service.read(person('ann'), { bucket: Bucket, key: Key });
    assert.equal(info.contentType, 'image/png');
    return Buffer.concat(await stream.toArray());
  }
  const exists = async (Key: string) =>
    (await world.objects.service.head(person('ann'), { bucket: Bucket, key: Key })) !== undefined;

  it('uploads by a plain form and comes back to the page it asked for, without a CORS rule', async () => {
    const file = randomBytes(2 * MIB);
    await on(site.origin, file, async page => {
      const back = `${site.origin}/done`;
      await call(page, 'submitForm', action(), fields('form.png', { success_action_redirect: back }));
      await page.waitForURL(`${back}?*`);
      const { searchParams } = new URL(page.url());
      assert.deepEqual([searchParams.get('key'), searchParams.get('etag')], ['form.png', md5(file)]);
    });
    assert.ok((await stored('form.png')).equals(file));
    assert.deepEqual(came, ['POST']);
  });

  it('shows why a form was refused', async () => {
    await on(site.origin, Buffer.from('x'), async page => {
      await call(page, 'submitForm', action(), { ...fields('refused.png'), key: 'another.png' });
      await page.waitForURL(action());
      assert.match(await page.content(), /AccessDenied/);
    });
    assert.ok(!(await exists('another.png')));
  });

  it('sends nothing that needs a preflight, and shows no answer, where no rule allows it', async () => {
    await on(site.origin, Buffer.from('refused'), async page => {
      assert.deepEqual(await call(page, 'put', await putUrl('no-rule.png'), { 'content-type': 'image/png' }), {
        refused: 'TypeError',
      });
      const progress = await call(page, 'putWithProgress', await putUrl('no-rule.png'), {
        'content-type': 'image/png',
      });
      assert.equal(progress.refused, 'error');
      assert.deepEqual(came, ['OPTIONS', 'OPTIONS']);
      assert.deepEqual(await call(page, 'get', await getUrl('form.png')), { refused: 'TypeError' });
      assert.deepEqual(await call(page, 'fetchForm', action(), fields('unseen.png')), { refused: 'TypeError' });
    });
    assert.ok(!(await exists('no-rule.png')));
  });

  it('uploads by a signed PUT after a preflight, with progress, and reads the ETag and nothing else', async () => {
    await allow('PUT', 'GET');
    const file = randomBytes(3 * MIB);
    await on(site.origin, file, async page => {
      const headers = { 'content-type': 'image/png' };
      const seen = await call(page, 'putWithProgress', await putUrl('put.png'), headers);
      assert.deepEqual([seen.status, seen.etag], [200, md5(file)]);
      assert.deepEqual(came, ['OPTIONS', 'PUT']);
      assert.deepEqual(seen.progress!.at(-1), [file.length, file.length]);
      assert.ok(
        seen.progress!.every(([loaded, total], at, all) => total === file.length && loaded >= (all[at - 1]?.[0] ?? 0)),
      );
      assert.ok((await stored('put.png')).equals(file));
      const again = await call(page, 'put', await putUrl('put.png'), headers);
      assert.deepEqual(again, { status: 200, etag: md5(file), requestId: null });
      const forged = await call(page, 'put', (await putUrl('put.png')).replace('put.png', 'forged.png'), headers);
      assert.equal(forged.status, 403, 'the page reads that it was refused');
    });
    assert.ok(!(await exists('forged.png')));
  });

  it('uploads a form by script, and reads what a signed link leads to', async () => {
    await allow('POST', 'GET');
    await on(site.origin, Buffer.from('grün'), async page => {
      const seen = await call(page, 'fetchForm', action(), fields('script.png'));
      assert.deepEqual(seen, { status: 204, etag: md5(Buffer.from('grün')), requestId: null });
      assert.deepEqual(came, ['POST'], 'no preflight');
      assert.deepEqual(await call(page, 'get', await getUrl('script.png')), { status: 200, text: 'grün' });
      const missing = await call(page, 'get', await getUrl('missing.png'));
      assert.equal(missing.status, 404);
      assert.match(missing.text!, /NoSuchKey/);
      const refused = await call(page, 'put', await putUrl('script.png'), { 'content-type': 'image/png' });
      assert.deepEqual(refused, { refused: 'TypeError' }, 'the rule does not name PUT');
    });
    assert.equal(String(await stored('script.png')), 'grün');
  });

  it('is refused on a page of an origin that the rule does not name', async () => {
    await allow('PUT', 'POST', 'GET');
    await on(other.origin, Buffer.from('x'), async page => {
      const headers = { 'content-type': 'image/png' };
      assert.deepEqual(await call(page, 'put', await putUrl('other.png'), headers), { refused: 'TypeError' });
      assert.deepEqual(await call(page, 'get', await getUrl('form.png')), { refused: 'TypeError' });
    });
    assert.ok(!(await exists('other.png')));
  });
});
