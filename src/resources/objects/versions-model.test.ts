import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { tables } from '../../store-kit/index.ts';
import { randomOf, seedOf } from './random.fixture.ts';
import { send } from './requests.fixture.ts';
import { type ObjectWorld, objectWorld } from './world.fixture.ts';

/** A version or delete marker, as whoever made it would remember it. */
interface Entry {
  id: string;
  marker: boolean;
  body: string;
}

const KEYS = ['a', 'a/1', 'a/2', 'b', 'b/c/1', 'ü'];
const STEPS = 240;
const seed = seedOf('objects, versions');
const random = randomOf(seed);
let world: ObjectWorld;
before(async () => {
  world = await objectWorld({ graceMs: 0 });
});
after(() => world.close());

async function ask(method: string, target: string, body?: string) {
  return send(world, method, `/model${encodeURI(target)}`, body === undefined ? {} : { body });
}
async function done(method: string, target: string, body?: string) {
  const answer = await ask(method, target, body);
  assert.ok(answer.status < 300, `${method} ${target}: ${answer.status} ${answer.text}`);
  return answer;
}

type Row = [key: string, id: string, latest: boolean, marker: boolean];
const field = (text: string, name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1];

/** One listing, or all its pages; each row once. */
async function listed(parameters = ''): Promise<{ rows: Row[]; groups: string[] }> {
  const rows: Row[] = [];
  const groups: string[] = [];
  let marker = '';
  for (let page = 0; page < 1000; page++) {
    const { text } = await done('GET', `?versions${parameters}${marker}`);
    for (const [, kind, inner] of text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/g)) {
      const of = (name: string) => field(inner!, name)!;
      rows.push([of('Key'), of('VersionId'), of('IsLatest') === 'true', kind === 'DeleteMarker']);
    }
    for (const [, group] of text.matchAll(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g)) groups.push(group!);
    if (field(text, 'IsTruncated') !== 'true') return { rows, groups };
    marker = `&key-marker=${field(text, 'NextKeyMarker')}`;
    const id = field(text, 'NextVersionIdMarker');
    if (id) marker += `&version-id-marker=${id}`;
  }
  assert.fail('the listing does not end');
}

it(`versions are as whoever made them remembers, whatever was done (seed ${seed})`, async () => {
  await send(world, 'PUT', '/model');
  const model = new Map<string, Entry[]>(KEYS.map(key => [key, []]));
  let versioning: 'Enabled' | 'Suspended' | undefined;

  /** What a new entry leaves of those before. */
  const kept = (entries: Entry[]) =>
    versioning === undefined ? [] : versioning === 'Enabled' ? entries : entries.filter(entry => entry.id !== 'null');

  async function step(at: number): Promise<void> {
    const key = KEYS[random.below(KEYS.length)]!;
    const entries = model.get(key)!;
    const choice = random.below(10);
    if (choice < 4) {
      const body = `${at} of ${key}`;
      const { headers } = await done('PUT', `/${key}`, body);
      const id = String(headers['x-obs-version-id'] ?? 'null');
      assert.equal(id !== 'null', versioning === 'Enabled');
      model.set(key, [{ id, marker: false, body }, ...kept(entries)]);
    } else if (choice < 6) {
      const { headers } = await done('DELETE', `/${key}`);
      if (versioning === undefined) model.set(key, []);
      else {
        assert.equal(headers['x-obs-delete-marker'], 'true');
        const id = String(headers['x-obs-version-id'] ?? 'null');
        model.set(key, [{ id, marker: true, body: '' }, ...kept(entries)]);
      }
    } else if (choice < 9) {
      const entry = entries[random.below(entries.length + 1)];
      const { headers } = await done('DELETE', `/${key}?versionId=${entry?.id ?? 'f'.repeat(32)}`);
      assert.equal(headers['x-obs-delete-marker'] === 'true', entry?.marker ?? false);
      model.set(
        key,
        entries.filter(each => each !== entry),
      );
    } else if (at > STEPS / 8) {
      versioning = versioning === 'Enabled' ? 'Suspended' : 'Enabled';
      await done(
        'PUT',
        '?versioning',
        `<VersioningConfiguration><Status>${versioning}</Status></VersioningConfiguration>`,
      );
    }
  }

  async function check(): Promise<void> {
    const wanted = KEYS.flatMap(key =>
      model.get(key)!.map((entry, at): Row => [key, entry.id, at === 0, entry.marker]),
    );
    assert.deepEqual((await listed()).rows, wanted);
    assert.deepEqual((await listed(`&max-keys=${1 + random.below(4)}`)).rows, wanted, 'page by page');
    const grouped = await listed(`&delimiter=/&max-keys=${1 + random.below(3)}`);
    assert.deepEqual(
      grouped.rows,
      wanted.filter(([key]) => !key.includes('/')),
    );
    const groups = ['a/', 'b/'].filter(group => wanted.some(([key]) => key.startsWith(group)));
    assert.deepEqual(grouped.groups, groups);
    for (const key of KEYS) {
      const [current, ...older] = model.get(key)!;
      const got = await ask('GET', `/${key}`);
      if (!current || current.marker) assert.equal(got.code, 'NoSuchKey', key);
      else assert.equal(got.text, current.body);
      assert.equal(got.headers['x-obs-delete-marker'] === 'true', current?.marker ?? false);
      for (const { id, marker, body } of current ? [current, ...older] : []) {
        const version = await ask('GET', `/${key}?versionId=${id}`);
        if (marker) assert.equal(version.code, 'MethodNotAllowed');
        else assert.equal(version.text, body);
      }
    }
    const alive = tables<{ obs_blobs: { dead_at: number | null } }>(world.db).selectFrom('obs_blobs').selectAll();
    const blobs = (await alive.where('dead_at', 'is', null).execute()).length;
    assert.equal(blobs, [...model.values()].flat().filter(entry => !entry.marker).length, 'no byte is lost or left');
  }

  for (let at = 0; at < STEPS; at++) {
    await step(at);
    if (at % 10 === 9) await check();
  }
});
