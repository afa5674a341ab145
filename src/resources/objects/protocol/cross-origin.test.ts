import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { type ObjectWorld, objectWorld, person, REGION } from '../world.fixture.ts';

const ObsClient = createRequire(import.meta.url)('esdk-obs-nodejs');
const Origin = 'https://app.example.com';
const Bucket = 'from-pages';

/** What a browser sends for a page of another origin, and whether it would let the page see the answer. */
describe('uploads from pages of another origin', () => {
  let world: ObjectWorld;
  // biome-ignore lint/suspicious/noExplicitAny: the package has no types
  let obs: any;
  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(person('ann'), Bucket);
    const { access, secret } = world.key('ann');
    obs = new ObsClient({
      access_key_id: access,
      secret_access_key: secret,
      server: world.url,
      signature: 'v2',
      region: REGION,
    });
    await tick();
    const rule = {
      AllowedMethod: ['PUT', 'POST'],
      AllowedOrigin: [Origin],
      AllowedHeader: ['*'],
      ExposeHeader: ['ETag'],
    };
    const { CommonMsg } = await obs.setBucketCors({ Bucket, CorsRules: [rule] });
    assert.equal(CommonMsg.Status, 200);
  });
  after(async () => {
    obs.close();
    await world.close();
  });
  const read = async (Key: string) => String((await obs.getObject({ Bucket, Key })).InterfaceResult.Content);
  const readable = (answer: Response, origin: string) => answer.headers.get('access-control-allow-origin') === origin;

  it('by a signed PUT, after a preflight', async () => {
    const Headers = { 'Content-Type': 'image/png' };
    const { SignedUrl, ActualSignedRequestHeaders } = obs.createSignedUrlSync({
      Method: 'PUT',
      Bucket,
      Key: 'put.png',
      Expires: 60,
      Headers,
    });
    const ask = (origin: string) =>
      fetch(SignedUrl, {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'PUT',
          'Access-Control-Request-Headers': 'content-type',
        },
      });
    const asked = await ask(Origin);
    assert.ok(asked.ok && readable(asked, Origin));
    assert.match(asked.headers.get('access-control-allow-methods')!, /PUT/);
    assert.equal(asked.headers.get('access-control-allow-headers'), 'content-type');
    const refused = await ask('https://evil.example');
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [403, null]);

    const { Host: _, ...headers } = ActualSignedRequestHeaders;
    const put = await fetch(SignedUrl, { method: 'PUT', headers: { ...headers, Origin }, body: 'from a page' });
    assert.ok(put.ok && readable(put, Origin), await put.text());
    assert.match(put.headers.get('access-control-expose-headers')!, /ETag/);
    assert.equal(await read('put.png'), 'from a page');
    const forged = await fetch(SignedUrl.replace('put.png', 'x.png'), {
      method: 'PUT',
      headers: { Origin },
      body: 'x',
    });
    assert.ok(forged.status === 403 && readable(forged, Origin), 'the page can read why it was refused');
  });

  it('by a signed form, which needs no preflight', async () => {
    const Key = 'form.png';
    const made = obs.createPostSignatureSync({ Bucket, Key, Expires: 60, FormParams: {} });
    const send = (signature: string) => {
      const form = new FormData();
      const fields = { key: Key, AWSAccessKeyId: 'AK-ann', policy: made.Policy, signature };
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append('file', new Blob(['from a form']), 'form.png');
      return fetch(`${world.url}/${Bucket}`, { method: 'POST', headers: { Origin }, body: form });
    };
    const posted = await send(made.Signature);
    assert.ok(posted.status === 204 && readable(posted, Origin), await posted.text());
    assert.match(posted.headers.get('etag')!, /^"[0-9a-f]{32}"$/);
    assert.equal(await read(Key), 'from a form');
    const forged = await send('AAAA');
    assert.ok(forged.status === 403 && readable(forged, Origin));
  });
});
