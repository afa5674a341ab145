import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql } from 'kysely';
import type { Segment } from './object.ts';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld, person } from './world.fixture.ts';

const ann = person('ann');

describe('appending', () => {
  let world: ObjectWorld;
  before(async () => {
    world = await objectWorld();
    await world.objects.service.createBucket(ann, 'logs');
  });
  after(() => world.close());

  const append = (key: string, position: number, body: string) =>
    send(world, 'POST', `/logs/${key}?append&position=${position}`, { body });

  it('joins small pieces only as long as the whole is small', async () => {
    for (const [at, size] of [10_000, 10_000, 100].entries()) {
      assert.equal((await append('pieces', at * 10_000, 'x'.repeat(size))).status, 200);
    }
    const { rows } = await sql<{ segments: string }>`SELECT segments FROM obs_objects WHERE key = 'pieces'`.execute(
      world.db,
    );
    const sizes = (JSON.parse(rows[0]!.segments) as Segment[]).map(segment => segment[2]);
    assert.deepEqual(sizes, [10_000, 10_100]);
  });

  it('ends at 10,000 times', async () => {
    await append('often', 0, 'x');
    await sql`UPDATE obs_objects SET attributes = json_set(attributes, '$.appendable.count', 9999)
      WHERE key = 'often'`.execute(world.db);
    assert.equal((await append('often', 1, 'y')).status, 200);
    const refused = await append('often', 2, 'z');
    assert.deepEqual([refused.status, refused.code], [400, 'InvalidRequest']);
    assert.match(refused.text, /10000 times/);
  });

  it('after a deletion in a bucket with versions makes the newest version', async () => {
    const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    await send(world, 'PUT', '/logs?versioning', { body });
    await send(world, 'PUT', '/logs/again', { body: 'before' });
    await send(world, 'DELETE', '/logs/again');
    assert.equal((await append('again', 0, 'after')).status, 200);
    const { text } = await send(world, 'GET', '/logs?versions&prefix=again');
    const kinds = [...text.matchAll(/<(Version|DeleteMarker)>.*?<IsLatest>(.*?)</g)].map(([, kind, latest]) => [
      kind,
      latest,
    ]);
    assert.deepEqual(kinds, [
      ['Version', 'true'],
      ['DeleteMarker', 'false'],
      ['Version', 'false'],
    ]);
  });
});
