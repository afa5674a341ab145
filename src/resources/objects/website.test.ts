import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { s3Client } from './clients.fixture.ts';
import { send } from './requests.fixture.ts';
import { DOMAIN, type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');

describe('CORS, as browsers ask', () => {
  let world: ObjectWorld;
  const rule = `<CORSConfiguration>
    <CORSRule><AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod><AllowedMethod>GET</AllowedMethod>
      <AllowedOrigin>https://*.app.test</AllowedOrigin><AllowedHeader>*</AllowedHeader>
      <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>
    <CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>`;
  const origin = 'https://www.app.test';
  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, 'pages');
    await world.objects.service.createBucket(ann, 'closed');
    assert.equal((await send(world, 'PUT', '/pages?cors', { body: rule })).status, 200);
  });
  after(() => world.close());

  const ask = (target: string, headers: Record<string, string>, host?: string) =>
    send(world, 'OPTIONS', target, { as: null, headers, ...(host ? { host } : {}) });

  it('answers a preflight without a signature, by path and by host', async () => {
    const headers = {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'Content-Type, x-obs-acl',
    };
    for (const answer of [await ask('/pages/a%20b', headers), await ask('/a', headers, `pages.${DOMAIN}`)]) {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['access-control-allow-origin'], origin);
      assert.equal(answer.headers['access-control-allow-methods'], 'PUT, POST, GET');
      assert.equal(answer.headers['access-control-allow-headers'], 'content-type, x-obs-acl');
      assert.equal(answer.headers['access-control-max-age'], '600');
      assert.match(String(answer.headers.vary), /Origin/);
    }
  });

  it('refuses a preflight that no rule allows', async () => {
    const method = { 'access-control-request-method': 'PUT' };
    assert.equal((await ask('/pages/a', { origin: 'https://evil.test', ...method })).code, 'AccessForbidden');
    assert.equal((await ask('/pages/a', { origin: 'https://www.app.test.evil.test', ...method })).status, 403);
    assert.equal((await ask('/pages/a', { origin, 'access-control-request-method': 'DELETE' })).status, 403);
    const header = { 'access-control-request-headers': 'x-any' };
    assert.equal(
      (await ask('/pages/a', { origin: 'http://b', 'access-control-request-method': 'GET', ...header })).status,
      403,
    );
    assert.equal((await ask('/closed/a', { origin, ...method })).code, 'AccessForbidden');
    assert.equal((await ask('/none-such/a', { origin, ...method })).code, 'NoSuchBucket');
    assert.equal((await ask('/pages/a', { ...method })).code, 'BadRequest');
    assert.equal((await ask('/pages/a', { origin })).code, 'BadRequest');
    assert.equal((await ask('/', { origin, ...method })).code, 'NoSuchBucket');
    const split = { 'access-control-request-headers': 'a b; c' };
    assert.equal((await ask('/pages/a', { origin, ...method, ...split })).code, 'BadRequest');
  });

  it('a browser uploads by a signed URL, and reads answers and errors', async () => {
    const s3 = s3Client(world.url, world.key('ann'), { requestChecksumCalculation: 'WHEN_REQUIRED' });
    const place = { Bucket: 'pages', Key: 'up' };
    const url = await getSignedUrl(s3, new PutObjectCommand(place), { expiresIn: 60 });
    const put = await fetch(url, { method: 'PUT', body: 'hello', headers: { origin } });
    assert.equal(put.status, 200);
    assert.equal(put.headers.get('access-control-allow-origin'), origin);
    assert.equal(put.headers.get('access-control-expose-headers'), 'ETag');
    const get = await fetch(await getSignedUrl(s3, new GetObjectCommand(place)), { headers: { origin: 'http://x' } });
    assert.equal(get.headers.get('access-control-allow-origin'), '*');
    assert.equal(get.headers.get('access-control-allow-credentials'), null);
    const missing = await fetch(`${world.url}/pages/up`, { headers: { origin } });
    assert.equal(missing.status, 403);
    assert.equal(missing.headers.get('access-control-allow-origin'), origin);
    const foreign = await fetch(url, { method: 'PUT', body: 'x', headers: { origin: 'https://evil.test' } });
    assert.equal(foreign.headers.get('access-control-allow-origin'), null);
    s3.destroy();
  });
});

describe('websites', () => {
  let world: ObjectWorld;
  const host = `pages.obs-website.${DOMAIN}`;
  const put = (key: string, text: string, headers: Record<string, string> = {}) =>
    send(world, 'PUT', `/pages/${key}`, { body: text, headers });
  const get = (target: string, method = 'GET') => send(world, method, target, { host });
  const configure = (inner: string) =>
    send(world, 'PUT', '/pages?website', { body: `<WebsiteConfiguration>${inner}</WebsiteConfiguration>` });

  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, 'pages');
    await put('index.html', 'home', { 'content-type': 'text/html' });
    await put('docs/index.html', 'docs', { 'content-type': 'text/html' });
    await put('error.html', 'sorry', { 'content-type': 'text/html' });
    await put('old', '', { 'x-obs-website-redirect-location': '/new?x=1' });
  });
  after(() => world.close());

  it('serves pages, indexes, redirects and the error document', async () => {
    assert.equal((await get('/')).status, 404);
    const routes = `<RoutingRules>
      <RoutingRule><Condition><KeyPrefixEquals>was/</KeyPrefixEquals></Condition>
        <Redirect><ReplaceKeyPrefixWith>is/</ReplaceKeyPrefixWith></Redirect></RoutingRule>
      <RoutingRule><Condition><KeyPrefixEquals>gone/</KeyPrefixEquals><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>
        <Redirect><Protocol>https</Protocol><HostName>example.com</HostName><ReplaceKeyWith>lost</ReplaceKeyWith><HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>
      </RoutingRules>`;
    const configured = await configure(
      `<IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>error.html</Key></ErrorDocument>${routes}`,
    );
    assert.equal(configured.status, 200, configured.text);
    const home = await get('/');
    assert.deepEqual([home.status, home.text, home.headers['content-type']], [200, 'home', 'text/html']);
    assert.equal((await get('/docs/')).text, 'docs');
    const slash = await get('/docs');
    assert.deepEqual([slash.status, slash.headers.location], [302, '/docs/']);
    const missing = await get('/missing');
    assert.deepEqual([missing.status, missing.text, missing.headers['content-type']], [404, 'sorry', 'text/html']);
    const head = await get('/missing', 'HEAD');
    assert.deepEqual([head.status, head.text], [404, '']);
    const old = await get('/old');
    assert.deepEqual([old.status, old.headers.location], [301, '/new?x=1']);
    assert.equal((await get('/was/a%20b')).headers.location, '/is/a%20b');
    const gone = await get('/gone/x');
    assert.deepEqual([gone.status, gone.headers.location], [302, 'https://example.com/lost']);
    const post = await get('/index.html', 'POST');
    assert.equal(post.status, 405);
    assert.match(post.text, /<h1>405 MethodNotAllowed/);
    // The API answers on its own name as before, and tells of the redirect.
    const api = await send(world, 'GET', '/pages/old');
    assert.deepEqual([api.status, api.headers['x-obs-website-redirect-location']], [200, '/new?x=1']);
  });

  it('redirects all, for everybody', async () => {
    await configure(
      '<RedirectAllRequestsTo><HostName>example.com</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>',
    );
    const answer = await send(world, 'GET', '/a/b?c', { host, as: null });
    assert.deepEqual([answer.status, answer.headers.location], [301, 'https://example.com/a/b']);
  });

  it('is no way around permissions, nor to other places', async () => {
    await configure('<IndexDocument><Suffix>index.html</Suffix></IndexDocument>');
    const nobody = await send(world, 'GET', '/', { host, as: null });
    assert.equal(nobody.status, 403);
    assert.match(nobody.text, /<h1>403 AccessDenied/);
    assert.equal((await send(world, 'GET', '/', { host, as: 'eve' })).status, 403);
    await put('%2Fevil.test/index.html', 'x');
    const slash = await get('/%2Fevil.test');
    assert.equal(slash.headers.location, '/%2Fevil.test/');
    assert.equal((await put('bad', '', { 'x-obs-website-redirect-location': 'javascript:x' })).code, 'InvalidArgument');
    const none = await send(world, 'GET', '/', { host: `none-such.obs-website.${DOMAIN}` });
    assert.equal(none.status, 404);
    assert.match((await get('/<script>')).text, /404 NoSuchKey<\/h1><p>[^<]*<\/p>/);
  });
});
