import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createApiServer } from '../../http/index.ts';
import { defaultWorkspaceOnly } from '../../http/testing.ts';
import { systemClock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import { silentLog } from '../../kernel/log.ts';
import type { Principal } from '../../kernel/principal.ts';
import { type Database, migrate, openSqlite } from '../../store-kit/index.ts';
import { createModels, type Models, type ModelsDeps, modelsMigrations } from './index.ts';

const RUNTIME = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';
const CONFIG = { model_algorithm: 'image_classification', model_type: 'PyTorch', runtime: RUNTIME };
const engine = {
  engineId: RUNTIME,
  engineName: 'PyTorch',
  engineVersion: '1.8.0',
  imageRef: 'localhost/pytorch:1',
  contains: { Pillow: '9.4' },
};
const root: Principal = {
  kind: 'root',
  id: 'u1',
  name: 'root',
  accountId: 'acc',
  accountName: 'acc',
  credential: 'token',
};

/** The members of the answers that the tests look at. */
interface Body {
  model_id: string;
  model_status: string;
  model_algorithm: string;
  model_size: number;
  source_job_id: string;
  source_location: string;
  runtime: string;
  apis: string;
  config: string;
  error_code: string;
  error_msg: string;
  total_count: number;
  count: number;
  models: { model_version: string }[];
  events: { event_type: string; event_info: string }[];
  engine_runtimes: { runtimes: string[] }[];
  delete_success_list: string[];
  delete_failed_list: { error_code: string }[];
}

/** Objects in memory behind the interface models use. */
class Bucket {
  files = new Map<string, string>();
  forbidden = false;
  hold: Promise<void> | undefined;
  downloads = 0;

  package(dir: string, files: Record<string, string>) {
    for (const [name, text] of Object.entries(files)) this.files.set(`${dir}model/${name}`, text);
  }

  #check(principal: Principal, path: { bucket: string; key: string }) {
    if (!this.forbidden) return;
    throw new Failure({
      code: 'AccessDenied',
      status: 403,
      message: `agency ${principal.name} is not allowed obs:bucket:ListBucket on obs://${path.bucket}/${path.key}: no policy allows it`,
    });
  }

  async *walk(principal: Principal, path: { bucket: string; key: string }) {
    this.#check(principal, path);
    for (const [key, text] of this.files) {
      if (key.startsWith(path.key)) yield { key, size: text === 'HUGE' ? 21 * 1024 ** 3 : text.length };
    }
  }

  async head(principal: Principal, path: { bucket: string; key: string }) {
    this.#check(principal, path);
  }

  async read(principal: Principal, path: { bucket: string; key: string }) {
    this.#check(principal, path);
    return { stream: Readable.from([Buffer.from(this.files.get(path.key)!)]) };
  }

  async download(principal: Principal, from: { bucket: string; key: string }, dir: string) {
    this.#check(principal, from);
    this.downloads += 1;
    for (const [key, text] of this.files) {
      if (!key.startsWith(from.key) || key.endsWith('/')) continue;
      const file = join(dir, key.slice(from.key.length));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      await this.hold;
    }
  }
}

describe('models', () => {
  let dir: string;
  let db: Database;
  let bucket: Bucket;
  let models: Models;
  let base: string;
  let close: () => Promise<void>;
  const jobs = new Map<string, { status: string; outputs: { name: string; obsUrl: string }[] }>();

  const deps = (): ModelsDeps => ({
    db,
    clock: systemClock,
    log: silentLog(),
    objects: bucket,
    iam: { assumeAgency: async ({ agencyName }) => ({ principal: { ...root, kind: 'agency', name: agencyName } }) },
    authorizations: { agencyFor: async () => 'ma_agency_x' },
    training: { output: async (_project, id) => jobs.get(id) },
    images: { engines: () => [engine], engineOfRuntime: runtime => (runtime === RUNTIME ? engine : undefined) },
    dir: join(dir, 'models'),
  });

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${base}/v1/p1/models${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const create = (extra: Record<string, unknown> = {}) =>
    call('POST', '', {
      model_name: 'mnist',
      model_version: '0.0.1',
      model_type: 'PyTorch',
      source_location: 'obs://bkt/out/',
      ...extra,
    });
  const settled = async (id: string) => {
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      const { body } = await call('GET', `/${id}`);
      if (body.model_status !== 'publishing') return body;
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    throw new Error('still publishing');
  };
  const good = { 'config.json': JSON.stringify(CONFIG), 'customize_service.py': 'x = 1', 'mnist.pt': 'weights' };

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'models-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  beforeEach(async () => {
    db = openSqlite(':memory:');
    await migrate(db, modelsMigrations, 0);
    bucket = new Bucket();
    jobs.clear();
    models = createModels(deps());
    const server = createApiServer({
      ...defaultWorkspaceOnly,
      authenticate: async () => root,
      authorizer: { decide: async () => ({ allowed: true, reason: '' }) },
      ownsProject: async () => true,
      audit: async () => {},
      log: silentLog(),
      metrics: new Registry(),
    });
    server.mount(models.routes);
    await server.app.listen({ host: '127.0.0.1', port: 0 });
    base = `http://127.0.0.1:${(server.app.server.address() as { port: number }).port}`;
    await models.start();
    close = async () => {
      await models.stop();
      await server.app.close();
      await db.destroy();
    };
  });

  afterEach(() => close());

  it('imports a package from OBS, fills in the engine and keeps the files', async () => {
    bucket.package('out/', good);
    const created = await create();
    assert.equal(created.status, 200);
    const model = await settled(created.body.model_id);
    assert.equal(model.model_status, 'published', model.error_msg);
    assert.equal(model.runtime, RUNTIME);
    assert.equal(model.model_algorithm, 'image_classification');
    assert.deepEqual(JSON.parse(model.apis), [{ url: '/', method: 'post', protocol: 'http' }]);
    assert.deepEqual(JSON.parse(model.config), CONFIG);
    assert.equal(model.model_size, Object.values(good).join('').length);
    const deployable = await models.get('p1', model.model_id);
    assert.equal(deployable.engine?.imageRef, 'localhost/pytorch:1');
    assert.equal(await readFile(join(deployable.packageDir, 'mnist.pt'), 'utf8'), 'weights');
    const { body } = await call('GET', `/${model.model_id}/events`);
    assert.match(body.events.at(-1)!.event_info, /published/);
  });

  it('imports from a completed training job without naming a path', async () => {
    jobs.set('j1', { status: 'Completed', outputs: [{ name: 'train_url', obsUrl: '/bkt/out/' }] });
    bucket.package('out/', good);
    const created = await create({ source_location: undefined, model_type: undefined, source_job_id: 'j1' });
    const model = await settled(created.body.model_id);
    assert.equal(model.model_status, 'published');
    assert.equal(model.source_job_id, 'j1');
    assert.equal(model.source_location, '/bkt/out/');
    jobs.set('j2', { status: 'Running', outputs: [] });
    const early = await create({ model_version: '0.0.2', source_job_id: 'j2' });
    assert.equal(early.status, 400);
    assert.match(early.body.error_msg, /Running.*Completed/);
  });

  const broken: [string, Record<string, string>, RegExp][] = [
    ['no model directory', {}, /no "model" directory/],
    ['no config.json', { 'customize_service.py': '', 'm.pt': '' }, /config\.json is missing/],
    [
      'no customize_service.py',
      { 'config.json': JSON.stringify(CONFIG), 'm.pt': '' },
      /customize_service\.py is missing/,
    ],
    [
      'no model file',
      { 'config.json': JSON.stringify(CONFIG), 'customize_service.py': '' },
      /no model file.*\*\.pt or \*\.pth/,
    ],
    ['two model files', { ...good, 'second.pth': '' }, /more than one model file.*mnist\.pt, second\.pth/],
    ['two config.json', { ...good, 'sub/config.json': '{}' }, /exactly one config\.json/],
    ['a space in a directory', { ...good, 'my dir/a.txt': '' }, /"my dir".*space/],
    ['too large', { ...good, 'mnist.pt': 'HUGE' }, /20 GiB.*3044/],
    ['broken JSON', { ...good, 'config.json': '{"model_type":' }, /not valid JSON.*3015/],
    ['missing key', { ...good, 'config.json': '{"model_type":"PyTorch"}' }, /\[model_algorithm\] is required/],
    [
      'wrong type',
      { ...good, 'config.json': JSON.stringify({ ...CONFIG, runtime: 7 }) },
      /\[runtime\] must be a string/,
    ],
    [
      'unknown runtime',
      { ...good, 'config.json': JSON.stringify({ ...CONFIG, runtime: 'py9' }) },
      /\[runtime\] "py9" is not known here\. Known: pytorch/,
    ],
    [
      'missing dependency',
      {
        ...good,
        'config.json': JSON.stringify({ ...CONFIG, dependencies: [{ packages: [{ package_name: 'scipy' }] }] }),
      },
      /scipy/,
    ],
  ];
  for (const [name, files, expected] of broken) {
    it(`fails with a clear event: ${name}`, async () => {
      bucket.package('out/', files);
      const { body } = await create();
      const model = await settled(body.model_id);
      assert.equal(model.model_status, 'failed');
      const { body: list } = await call('GET', `/${body.model_id}/events`);
      assert.equal(list.events.at(-1)!.event_type, 'abnormal');
      assert.match(list.events.at(-1)!.event_info, expected);
      assert.deepEqual(await readdir(join(dir, 'models')).then(n => n.filter(x => x.startsWith(body.model_id))), []);
    });
  }

  it('tolerates unknown and misspelt keys', async () => {
    const config = {
      ...CONFIG,
      metrics: { recal: 1 },
      apis: [{ procotol: 'https', url: '/', method: 'post', request: { 'Content-type': 'applicaton/json' } }],
      dependencies: [{ installer: 'pip', packages: [{ package_name: 'pillow', package_version: '', restraint: '' }] }],
      extra: true,
    };
    bucket.package('out/', { ...good, 'config.json': JSON.stringify(config) });
    const { body } = await create();
    assert.equal((await settled(body.model_id)).model_status, 'published');
  });

  it('names action and agency when the agency may not read', async () => {
    bucket.package('out/', good);
    bucket.forbidden = true;
    const { body } = await create();
    const model = await settled(body.model_id);
    assert.equal(model.model_status, 'failed');
    assert.match(model.error_msg, /ma_agency_x.*obs:bucket:ListBucket/);
  });

  it('refuses bad requests at once', async () => {
    for (const [extra, code, status, text] of [
      [{ model_name: 'a b' }, 'ModelArts.3037', 400, /model_name/],
      [{ model_name: 'x'.repeat(65) }, 'ModelArts.3037', 400, /model_name/],
      [{ model_version: '1.02.3' }, 'ModelArts.3037', 400, /model_version/],
      [{ description: 'a<b' }, 'ModelArts.3037', 400, /description/],
      [{ description: 'x'.repeat(101) }, 'ModelArts.3037', 400, /100/],
      [{ model_type: 'Image' }, 'ModelArts.3037', 400, /model_type/],
      [{ model_name: 7 }, 'ModelArts.3037', 400, /model_name/],
      [{ source_location: undefined }, 'ModelArts.3036', 400, /source_location/],
      [{ source_location: 'obs://bkt/../x' }, 'ModelArts.3017', 400, /\.\./],
      [{ source_job_id: 'none' }, 'ModelArts.2775', 400, /source_job_id/],
      [{ runtime: 'nope' }, 'ModelArts.3037', 400, /runtime/],
      [{ initial_config: '{' }, 'ModelArts.3015', 400, /initial_config/],
      [{ initial_config: '{"model_type":"PyTorch"}' }, 'ModelArts.3015', 400, /model_algorithm/],
      [{ initial_config: '{"model_type":"PyTorch","model_algorithm":7}' }, 'ModelArts.3016', 400, /model_algorithm/],
    ] as const) {
      const answer = await create(extra);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.equal(answer.body.error_code, code);
      assert.match(answer.body.error_msg, text);
    }
    assert.equal((await call('GET', '')).body.total_count, 0);
  });

  it('takes the forms of a source location', async () => {
    bucket.package('out/dir/', good);
    let version = 0;
    for (const source_location of ['https://bkt.obs.local:7081/out/dir', '/bkt/out/dir/', 'obs://bkt/out/dir']) {
      const { body } = await create({ source_location, model_version: `1.0.${version++}` });
      assert.equal((await settled(body.model_id)).model_status, 'published', source_location);
    }
  });

  it('keeps name and version unique, lists and pages', async () => {
    bucket.package('out/', good);
    for (const version of ['1.9.0', '1.10.0', '1.2.0']) {
      await settled((await create({ model_version: version })).body.model_id);
    }
    const twice = await create({ model_version: '1.9.0' });
    assert.equal(twice.status, 409);
    assert.equal(twice.body.error_code, 'ModelArts.3002');
    const sorted = await call('GET', '?sort_by=model_version&order=asc');
    assert.deepEqual(
      sorted.body.models.map(model => model.model_version),
      ['1.2.0', '1.9.0', '1.10.0'],
    );
    const second = await call('GET', '?sort_by=model_version&order=asc&limit=2&offset=1');
    assert.equal(second.body.total_count, 3);
    assert.equal(second.body.count, 1);
    assert.equal(second.body.models[0]!.model_version, '1.10.0');
    assert.equal((await call('GET', '?model_name=nis')).body.total_count, 3);
    assert.equal((await call('GET', '?model_version=1.2.0')).body.total_count, 1);
    assert.equal((await call('GET', '?not_model_type=PyTorch')).body.total_count, 0);
    assert.equal((await call('GET', '?model_status=broken')).status, 400);
    const runtimes = await call('GET', '/ai-engine-runtimes');
    assert.deepEqual(runtimes.body.engine_runtimes[0]!.runtimes, [RUNTIME]);
  });

  it('does not delete what a service uses, and deletes all versions with cascade', async () => {
    bucket.package('out/', good);
    const ids: string[] = [];
    for (const version of ['1.0.0', '1.0.1']) {
      const { body } = await create({ model_version: version });
      await settled(body.model_id);
      ids.push(body.model_id);
    }
    models.setUsedBy(async ({ id }) => (id === ids[0] ? ['digits'] : []));
    const refused = await call('DELETE', `/${ids[0]}`);
    assert.equal(refused.status, 500);
    assert.equal(refused.body.error_code, 'ModelArts.3009');
    assert.match(refused.body.error_msg, /digits/);
    const cascade = await call('DELETE', `/${ids[0]}?cascade=true`);
    assert.deepEqual(cascade.body.delete_success_list, [ids[1]]);
    assert.equal(cascade.body.delete_failed_list[0]!.error_code, 'ModelArts.3009');
    assert.equal((await call('GET', `/${ids[1]}`)).status, 404);
    assert.equal((await call('DELETE', `/${ids[1]}`)).body.error_code, 'ModelArts.3001');
    models.setUsedBy(async () => []);
    assert.equal((await call('DELETE', `/${ids[0]}`)).status, 200);
    for (const end = Date.now() + 60_000; existsSync(join(dir, 'models', ids[0]!)) && Date.now() < end; ) {
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    assert.equal(existsSync(join(dir, 'models', ids[0]!)), false);
    assert.equal((await create({ model_version: '1.0.0' })).status, 200);
  });

  it('finishes an import that a restart interrupted', async () => {
    bucket.package('out/', good);
    let release!: () => void;
    bucket.hold = new Promise(resolve => {
      release = resolve;
    });
    const { body } = await create();
    for (let i = 0; i < 100 && bucket.downloads === 0; i++) await new Promise(resolve => setTimeout(resolve, 5));
    const stopping = models.stop();
    bucket.hold = undefined;
    release();
    await stopping;
    assert.equal((await call('GET', `/${body.model_id}`)).body.model_status, 'publishing');
    const again = createModels(deps());
    await again.start();
    assert.equal((await settled(body.model_id)).model_status, 'published');
    await again.stop();
  });
});
