import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { ObjectEvent } from './index.ts';
import { daysAfter } from './lifecycle.ts';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');

/** What whoever takes events is told, over the OBS dialect. */
describe('events', () => {
  let world: ObjectWorld;
  let told: ObjectEvent[] = [];
  let ahead = 0;
  let bucket = '';
  let number = 0;
  const clock: Clock = { now: () => Date.now() + ahead };
  before(async () => {
    world = await objectWorld({ clock, onEvent: (_, event) => void told.push(event) });
  });
  after(() => world.close());
  beforeEach(async () => {
    ahead = 0;
    bucket = `told-${++number}`;
    await world.objects.service.createBucket(ann, bucket);
    await notify('ObjectCreated:*', 'ObjectRemoved:*', 'LifecycleExpiration:*', 'LifecycleTransition');
    told = [];
  });

  async function ask(method: string, target: string, body?: string, headers: Record<string, string> = {}) {
    const date = new Date(clock.now());
    const sent = { date, headers, ...(body === undefined ? {} : { body }) };
    const answer = await send(world, method, `/${bucket}${target}`, sent);
    assert.ok(answer.status < 300, answer.text);
    return answer;
  }
  const notify = (...events: string[]) =>
    ask(
      'PUT',
      '?notification',
      `<NotificationConfiguration><TopicConfiguration><Topic>urn:smn:t</Topic>${events
        .map(name => `<Event>${name}</Event>`)
        .join('')}</TopicConfiguration></NotificationConfiguration>`,
    );
  const version = () =>
    ask('PUT', '?versioning', '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
  const lifecycle = (...rules: string[]) =>
    ask(
      'PUT',
      '?lifecycle',
      `<LifecycleConfiguration>${rules.map(text => `<Rule><Status>Enabled</Status>${text}</Rule>`).join('')}</LifecycleConfiguration>`,
    );
  async function names(): Promise<string[]> {
    await tick();
    return told.map(event => `${event.name} ${event.key}`);
  }

  it('of writing, appending, forms, copies and parts', async () => {
    await ask('PUT', '/a', 'x');
    await ask('POST', '/log?append&position=0', 'one');
    await ask('POST', '/log?append&position=3', 'three');
    await ask('PUT', '/b', undefined, { 'x-obs-copy-source': `/${bucket}/a` });
    const id = /<UploadId>(.*?)</.exec((await ask('POST', '/m?uploads')).text)![1];
    const part = await ask('PUT', `/m?partNumber=1&uploadId=${id}`, 'part');
    const list = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag></Part></CompleteMultipartUpload>`;
    await ask('POST', `/m?uploadId=${id}`, list);
    await ask('PUT', '?acl', undefined, { 'x-obs-acl': 'public-read-write' });
    const form = new FormData();
    form.append('key', 'formed');
    form.append('file', new Blob(['from a form']), 'f');
    assert.equal((await fetch(`${world.url}/${bucket}`, { method: 'POST', body: form })).status, 204);
    assert.deepEqual(await names(), [
      'ObjectCreated:Put a',
      'ObjectCreated:Post log',
      'ObjectCreated:Post log',
      'ObjectCreated:Copy b',
      'ObjectCreated:CompleteMultipartUpload m',
      'ObjectCreated:Post formed',
    ]);
    assert.deepEqual([told[1]!.size, told[2]!.size, told[2]!.by.name], [3, 8, 'ann']);
    assert.equal(told[0]!.etag, '9dd4e461268c8034f5c8564e155c67a6');
  });

  it('of deleting, which leaves a marker where there are versions', async () => {
    await ask('PUT', '/a', 'x');
    await ask('DELETE', '/a');
    await version();
    await ask('PUT', '/b', 'x');
    const marker = String((await ask('DELETE', '/b')).headers['x-obs-version-id']);
    await ask('DELETE', `/b?versionId=${marker}`);
    assert.deepEqual(
      (await names()).filter(name => !name.startsWith('ObjectCreated')),
      ['ObjectRemoved:Delete a', 'ObjectRemoved:DeleteMarkerCreated b', 'ObjectRemoved:Delete b'],
    );
    assert.deepEqual(
      told.slice(-2).map(event => event.versionId),
      [marker, marker],
    );
  });

  it('of what lifecycle rules do, once for each object and only when it is done', async () => {
    await ask('PUT', '/old/a', 'x');
    await ask('PUT', '/old/b', 'x');
    await ask('PUT', '/cold/c', 'x');
    await ask('PUT', '/own', 'x', { 'x-obs-expires': '1' });
    await lifecycle(
      '<Prefix>old/</Prefix><Expiration><Days>1</Days></Expiration>',
      '<Prefix>cold/</Prefix><Transition><Days>1</Days><StorageClass>WARM</StorageClass></Transition>',
    );
    await tick();
    told = [];
    await world.objects.applyLifecycle();
    assert.deepEqual(await names(), []);
    ahead = daysAfter(Date.now(), 1) - Date.now() + 1000;
    await world.objects.applyLifecycle();
    await world.objects.applyLifecycle();
    assert.deepEqual((await names()).sort(), [
      'LifecycleExpiration:Delete old/a',
      'LifecycleExpiration:Delete old/b',
      'LifecycleExpiration:Delete own',
      'LifecycleTransition cold/c',
    ]);
    assert.deepEqual(told[0]!.by, { id: 'obs', name: 'lifecycle', accountId: '' });
  });

  it('of rules for versions and delete markers', async () => {
    await version();
    const first = String((await ask('PUT', '/v', 'one')).headers['x-obs-version-id']);
    await ask('PUT', '/v', 'two');
    await lifecycle(
      '<Prefix></Prefix><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>',
      '<Prefix>v</Prefix><Expiration><Days>3</Days></Expiration>',
    );
    await tick();
    told = [];
    ahead = daysAfter(Date.now(), 1) - Date.now() + 1000;
    await world.objects.applyLifecycle();
    assert.deepEqual(await names(), ['LifecycleExpiration:Delete v']);
    assert.equal(told[0]!.versionId, first);
    ahead = daysAfter(Date.now(), 3) - Date.now() + 1000;
    await world.objects.applyLifecycle();
    assert.deepEqual((await names()).slice(1), ['LifecycleExpiration:DeleteMarkerCreated v']);
  });

  it('only of those that the document names', async () => {
    await notify('LifecycleExpiration:DeleteMarkerCreated');
    await ask('PUT', '/a', 'x', { 'x-obs-expires': '1' });
    ahead = daysAfter(Date.now(), 1) - Date.now() + 1000;
    assert.equal(await world.objects.applyLifecycle(), 1);
    assert.deepEqual(await names(), []);
  });
});
