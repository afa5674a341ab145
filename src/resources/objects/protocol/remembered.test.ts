import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Answer, giveKey, send } from '../requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from '../world.fixture.ts';

const PUBLIC = { Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::known/*'] };
const DENIED = { ...PUBLIC, Effect: 'Deny' };

/** What the server remembers of buckets and callers between requests: whatever changes counts for the next request. */
describe('what is remembered between requests', () => {
  let world: ObjectWorld;
  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(person('ann'), 'known');
    await world.objects.service.put(person('ann'), { bucket: 'known', key: 'a' }, Buffer.from('of ann'));
    for (const who of ['ann', 'eve', undefined]) await read(who);
  });
  after(() => world.close());

  const read = (who: string | undefined, headers: Record<string, string> = {}) =>
    send(world, 'GET', '/known/a', { as: who ?? null, headers });
  const change = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const dialect = path.includes('policy') ? 'aws' : 'obs';
    const answer = await send(world, method, path, {
      headers,
      dialect,
      ...(body === undefined ? {} : { body }),
    });
    assert.ok(answer.status < 300, answer.text);
  };
  const status = async (answer: Promise<Answer>) => (await answer).status;

  it('a policy that is set, changed and removed', async () => {
    const set = (statement: object) =>
      change('PUT', '/known?policy', JSON.stringify({ Version: '2012-10-17', Statement: [statement] }));
    assert.equal(await status(read(undefined)), 403);
    await set(PUBLIC);
    assert.equal(await status(read(undefined)), 200);
    await set(DENIED);
    assert.equal(await status(read('ann')), 403);
    await change('DELETE', '/known?policy');
    assert.equal(await status(read('ann')), 200);
    assert.equal(await status(read(undefined)), 403);
  });

  it('access control lists of the object and of the bucket', async () => {
    await change('PUT', '/known/a?acl', undefined, { 'x-obs-acl': 'public-read' });
    assert.equal(await status(read(undefined)), 200);
    await change('PUT', '/known/a?acl', undefined, { 'x-obs-acl': 'private' });
    assert.equal(await status(read(undefined)), 403);
    const list = () => send(world, 'GET', '/known', { as: null });
    await change('PUT', '/known?acl', undefined, { 'x-obs-acl': 'public-read' });
    assert.equal(await status(list()), 200);
    await change('PUT', '/known?acl', undefined, { 'x-obs-acl': 'private' });
    assert.equal(await status(list()), 403);
  });

  it('a key that is disabled, given another secret, and what IAM says', async () => {
    giveKey(world, person('dan'));
    assert.equal(await status(read('dan')), 200);
    const key = world.keys.get('AK-dan')!;
    const url = world.objects.service.signUrl(
      { access: 'AK-dan', secret: key.secret },
      { method: 'GET', bucket: 'known', key: 'a', expiresSeconds: 60, endpoint: world.url },
    );
    assert.equal((await fetch(url)).status, 200);
    world.deny.rule = principal => (principal.name === 'dan' ? 'not any more' : undefined);
    assert.equal((await fetch(url)).status, 403);
    world.deny.rule = () => undefined;
    world.keys.set('AK-dan', { ...key, secret: 'another' });
    assert.match(await (await fetch(url)).text(), /SignatureDoesNotMatch/);
    world.keys.delete('AK-dan');
    assert.match(await (await fetch(url)).text(), /InvalidAccessKeyId/);
  });

  it('versioning, storage class and CORS of a bucket', async () => {
    const put = () => send(world, 'PUT', '/known/b', { body: 'b' });
    assert.equal((await put()).headers['x-obs-version-id'], undefined);
    await change('PUT', '/known?storageClass', '<StorageClass>WARM</StorageClass>');
    assert.equal((await put()).headers['x-obs-storage-class'], 'WARM');
    await change(
      'PUT',
      '/known?versioning',
      '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    );
    assert.match(String((await put()).headers['x-obs-version-id']), /^[0-9a-f]{32}$/);

    const origin = { origin: 'https://a.example' };
    assert.equal((await read('ann', origin)).headers['access-control-allow-origin'], undefined);
    const rule = '<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.example</AllowedOrigin>';
    await change('PUT', '/known?cors', `<CORSConfiguration><CORSRule>${rule}</CORSRule></CORSConfiguration>`);
    assert.equal((await read('ann', origin)).headers['access-control-allow-origin'], 'https://a.example');
    await change('DELETE', '/known?cors');
    assert.equal((await read('ann', origin)).headers['access-control-allow-origin'], undefined);
  });

  it('a bucket that is deleted, and made again by another account', async () => {
    const list = (who: string) => send(world, 'GET', '/passing', { as: who });
    await world.objects.service.createBucket(person('ann'), 'passing');
    assert.equal(await status(list('ann')), 200);
    await change('DELETE', '/passing');
    assert.equal((await list('ann')).code, 'NoSuchBucket');
    await world.objects.service.createBucket(person('eve', 'evil'), 'passing');
    assert.equal(await status(list('eve')), 200);
    assert.equal(await status(list('ann')), 403);
  });

  it('an object that is replaced and deleted', async () => {
    const path = '/known/often';
    for (const body of ['one', 'two']) {
      await send(world, 'PUT', path, { body });
      assert.equal((await send(world, 'GET', path)).text, body);
    }
    for (const colour of ['red', 'blue']) {
      const headers = { 'x-obs-metadata-directive': 'REPLACE_NEW', 'x-obs-meta-colour': colour };
      await change('PUT', `${path}?metadata`, undefined, headers);
      assert.equal((await send(world, 'HEAD', path)).headers['x-obs-meta-colour'], colour);
    }
    await change('DELETE', path);
    assert.equal(await status(send(world, 'GET', path)), 404);
    await send(world, 'PUT', path, { body: 'three' });
    const answer = await send(world, 'GET', path);
    assert.deepEqual([answer.text, answer.headers['x-obs-meta-colour']], ['three', undefined]);
  });
});
