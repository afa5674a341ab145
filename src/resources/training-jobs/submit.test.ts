import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createWorld, ENGINE_ID, type Json, type World } from './test-world.ts';

describe('submitting training jobs', () => {
  let world: World;
  before(async () => {
    world = await createWorld({
      program: (_, args) => (args.some(arg => arg.startsWith('--hold')) ? {} : { runMs: 30 }),
      settings: { jobQuota: 40, codeLimits: { bytes: 1000, entries: 20, depth: 4 }, queueCheckMs: 10_000 },
    });
    await world.put('bucket/other/train.py', 'x');
    await world.put('bucket/big/train.py', 'x'.repeat(1001));
    for (let index = 0; index < 21; index++) await world.put(`bucket/many/${index}.py`, 'x');
    await world.put('bucket/deep/a/b/c/d/e/train.py', 'x');
    const { objects, user } = world;
    await objects.createBucket(user, 'faraway', { location: 'moon-1' });
    await objects.createBucket(user, 'archive', { storageClass: 'COLD' });
    const put = (key: string, more: object) => objects.put(user, { bucket: 'bucket', key }, Buffer.from('x'), more);
    for (const key of ['archived/a.bin', 'sealed/a.bin']) await put(key, {});
    await put('archived/old.bin', { storageClass: 'COLD' });
    await put('sealed/secret.bin', { encryption: { mode: 'kms', algorithm: 'AES256', nonce: '' } });
  });
  after(() => world.close());

  let serial = 0;
  const job = (change: (body: Json) => void) => world.job(`job-${++serial}`, change);
  const algorithm = (patch: Json) => (body: Json) => Object.assign(body.algorithm, patch);

  const refusals: [string, (body: Json) => void, number, string, RegExp][] = [
    ['a name with a dot', body => (body.metadata.name = 'a.b'), 400, '2788', /metadata\.name.*64/],
    ['a name too long', body => (body.metadata.name = 'a'.repeat(65)), 400, '2788', /64/],
    ['a name of the wrong type', body => (body.metadata.name = 7), 400, '2788', /metadata\.name.*string/],
    ['a description too long', body => (body.metadata.description = 'a'.repeat(257)), 400, '2788', /257.*256/],
    ['an unknown workspace', body => (body.metadata.workspace_id = 'w1'), 400, '2891', /w1/],
    ['an unknown kind', body => (body.kind = 'mrs_job'), 400, '2788', /kind/],
    ['an unknown engine', algorithm({ engine: { engine_id: 'nope' } }), 400, '2780', /nope/],
    ['no engine', algorithm({ engine: null }), 400, '2780', /engine/],
    ['an unknown flavor', body => (body.spec.resource.flavor_id = 'nope'), 400, '2781', /nope/],
    ['no flavor', body => delete body.spec.resource.flavor_id, 400, '2781', /flavor_id/],
    ['a flavor too large', body => (body.spec.resource.flavor_id = 'modelarts.vm.cpu.8u'), 400, '2763', /8 vCPUs/],
    ['more nodes than fit', body => (body.spec.resource.node_count = 3), 400, '2793', /node_count.*3.*can never run/],
    ['more nodes than any flavor has', body => (body.spec.resource.node_count = 17), 400, '2793', /1 to 16/],
    ['no nodes', body => (body.spec.resource.node_count = 0), 400, '2793', /node_count/],
    ['a pool', body => (body.spec.resource.pool_id = 'p'), 404, '2890', /pool p/],
    ['a missing code directory', algorithm({ code_dir: '/bucket/none/' }), 400, '2757', /obs:\/\/bucket\/none\//],
    ['a code directory in no bucket', algorithm({ code_dir: '/nobucket/x/' }), 400, '2757', /nobucket/],
    ['a file as code directory', algorithm({ code_dir: '/bucket/code/train.py' }), 400, '2802', /file/],
    ['a malformed code directory', algorithm({ code_dir: '/bucket/../x' }), 400, '2802', /code_dir/],
    ['no code directory', algorithm({ code_dir: '' }), 400, '2757', /code_dir/],
    ['no boot file', algorithm({ boot_file: '' }), 400, '2758', /boot_file/],
    ['a missing boot file', algorithm({ boot_file: '/bucket/code/no.py' }), 400, '2758', /no\.py/],
    ['a boot file outside', algorithm({ boot_file: '/bucket/other/train.py' }), 400, '2792', /other\/train\.py/],
    [
      'code too large',
      algorithm({ code_dir: '/bucket/big/', boot_file: '/bucket/big/train.py' }),
      400,
      '2761',
      /1000 bytes/,
    ],
    [
      'too many files',
      algorithm({ code_dir: '/bucket/many/', boot_file: '/bucket/many/1.py' }),
      400,
      '2759',
      /20 files/,
    ],
    ['code too deep', algorithm({ code_dir: '/bucket/deep/' }), 400, '2760', /4 folders/],
    ['an input path that is no path', body => set(body, 'inputs', '???'), 400, '2791', /inputs\[0\]/],
    ['an input path without objects', body => set(body, 'inputs', '/bucket/void/'), 404, '2836', /void/],
    ['an input in no bucket', body => set(body, 'inputs', '/nobucket/void/'), 404, '2836', /nobucket/],
    [
      'an input in another region',
      body => set(body, 'inputs', '/faraway/data/'),
      400,
      '2791',
      /region moon-1, not in local-1/,
    ],
    [
      'an input in an archive bucket',
      body => set(body, 'inputs', '/archive/data/'),
      400,
      '2791',
      /archive storage class/,
    ],
    ['an archived object', body => set(body, 'inputs', '/bucket/archived/'), 400, '2791', /old\.bin .* archived/],
    ['an encrypted object', body => set(body, 'inputs', '/bucket/sealed/'), 400, '2791', /secret\.bin .* encrypted/],
    ['an input without path', body => delete body.algorithm.inputs[0].remote, 400, '2753', /data_url/],
    ['a dataset', body => (body.algorithm.inputs[0].remote = { dataset: { id: 'x' } }), 400, '2783', /dataset/],
    ['an output in no bucket', body => set(body, 'outputs', '/nobucket/out/'), 404, '2836', /nobucket/],
    ['channels of one name', body => (body.algorithm.outputs[0].name = 'data_url'), 400, '2753', /data_url/],
    [
      'two outputs to one path',
      body => body.algorithm.outputs.push({ ...body.algorithm.outputs[0], name: 'second' }),
      400,
      '2753',
      /same path/,
    ],
    ['an access method', body => (body.algorithm.inputs[0].access_method = 'file'), 400, '2753', /access_method/],
    ['a parameter twice', algorithm({ parameters: [p('a', '1'), p('a', '2')] }), 400, '2767', /a is given/],
    ['a parameter name', algorithm({ parameters: [p('a b', '1')] }), 400, '2765', /a b/],
    ['a parameter type', algorithm({ parameters: [p('a', '1', { type: 'Complex' })] }), 400, '2825', /Complex/],
    ['a value of another type', algorithm({ parameters: [p('a', 'x', { type: 'Integer' })] }), 400, '2768', /Integer/],
    [
      'a value out of range',
      algorithm({ parameters: [p('a', '9', { type: 'Integer', valid_type: 'Range', valid_range: ['1', '5'] })] }),
      400,
      '2769',
      /from 1 to 5/,
    ],
    [
      'a broken range',
      algorithm({ parameters: [p('a', '9', { type: 'Integer', valid_type: 'Range', valid_range: ['5', '1'] })] }),
      400,
      '2770',
      /valid_range/,
    ],
    [
      'a locked parameter without value',
      algorithm({ parameters: [p('a', '', { editable: false })] }),
      400,
      '2766',
      /a /,
    ],
    ['an environment key', algorithm({ environments: { '1x': 'y' } }), 400, '2788', /1x/],
    ['too many environments', algorithm({ environments: many(101) }), 400, '2788', /101.*100/],
    ['an environment value', algorithm({ environments: { A: 'x'.repeat(4097) } }), 400, '2788', /4096/],
    ['local_code_dir elsewhere', algorithm({ local_code_dir: '/etc' }), 400, '2857', /\/etc/],
    ['local_code_dir at home', algorithm({ local_code_dir: '/home/ma-user/' }), 400, '2857', /\/home/],
    ['local_code_dir reserved', algorithm({ local_code_dir: '/home/ma-user/modelarts-x' }), 400, '2857', /modelarts/],
    ['local_code_dir climbing', algorithm({ local_code_dir: '/home/a/../../etc' }), 400, '2857', /home/],
    ['working_dir', algorithm({ working_dir: 'here' }), 400, '2859', /here/],
    ['auto_stop in days', body => (body.spec.auto_stop = { time_unit: 'DAYS', duration: 1 }), 400, '2788', /HOURS/],
    ['auto_stop of 0', body => (body.spec.auto_stop = { time_unit: 'HOURS', duration: 0 }), 400, '2788', /duration/],
    ['volumes', body => (body.spec.volumes = [{ nfs: {} }]), 400, '2788', /volumes/],
    [
      'a log path in no bucket',
      body => (body.spec.log_export_path = { obs_url: '/nobucket/l/' }),
      400,
      '2820',
      /nobucket/,
    ],
    ['a subscription', algorithm({ subscription_id: 's' }), 400, '2755', /gallery/],
    ['an unknown algorithm', body => (body.algorithm = { id: 'nope' }), 400, '2755', /nope/],
    ['an image without command', custom({ command: '' }), 400, '2806', /command/],
    ['a command without image', custom({ engine: {} }), 400, '2806', /image_url/],
    ['a command of two lines', custom({ command: 'a\nb' }), 400, '2788', /one line/],
    [
      'an image that is not here',
      custom({ engine: { image_url: 'localhost/none:1' } }),
      400,
      '2810',
      /localhost\/none:1/,
    ],
    ['an image that is an option', custom({ engine: { image_url: '--privileged' } }), 400, '2810', /privileged/],
  ];

  for (const [name, change, status, code, message] of refusals) {
    it(`refuses ${name}: ${code}`, async () => {
      const answer = await world.call('POST', '/training-jobs', job(change));
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.equal(answer.body.error_code, `ModelArts.${code}`);
      assert.match(answer.body.error_msg, message);
      const { body } = await world.call('POST', '/training-job-searches', {});
      assert.equal(body.total, 0, 'nothing half-made');
    });
  }

  it('refuses a body that is no JSON', async () => {
    const url = (await world.call('GET', '/training-job-engines')).headers;
    assert.ok(url);
    const answer = await world.call('POST', '/training-jobs', undefined);
    assert.equal(answer.status, 400);
  });

  it('refuses without an agency and says what to do', async () => {
    world.agency.exists = false;
    const answer = await world.call(
      'POST',
      '/training-jobs',
      job(() => {}),
    );
    world.agency.exists = true;
    assert.equal(answer.status, 403);
    assert.equal(answer.body.error_code, 'ModelArts.2785');
    assert.ok(answer.body.error_solution);
  });

  it('refuses what the caller may not read', async () => {
    world.denied.add('user obs:bucket:ListBucket');
    const answer = await world.call(
      'POST',
      '/training-jobs',
      job(() => {}),
    );
    world.denied.clear();
    assert.equal(answer.status, 403);
    assert.match(answer.body.error_msg, /obs:bucket:ListBucket/);
  });

  it('tolerates members it does not know, and null for those left out', async () => {
    const body = job(change => {
      change.algorithm.surprise = { a: 1 };
      change.ftjob_config = null;
      change.algorithm.command = null;
      change.spec.auto_stop = null;
    });
    const answer = await world.call('POST', '/training-jobs', body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.equal(answer.body.status.phase, 'Creating');
    assert.equal(answer.body.algorithm.inputs[0].local_dir, '/home/ma-user/modelarts/inputs/data_url_0');
    assert.equal(answer.body.spec.resource.flavor_detail.flavor_info.memory.size, 4);
  });

  it('lets one of many jobs of the same name through', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        world.call('POST', '/training-jobs', {
          ...job(() => {}),
          metadata: { name: 'twin' },
          algorithm: { ...world.job(`twin-${index}`).algorithm },
        }),
      ),
    );
    assert.equal(answers.filter(answer => answer.status === 201).length, 1);
    for (const answer of answers.filter(candidate => candidate.status !== 201)) {
      assert.equal(answer.body.error_code, 'ModelArts.2751');
    }
  });

  it('refuses an output path that an active job uses, naming that job, however it is spelled', async () => {
    const first = await world.submit(
      job(body => {
        set(body, 'outputs', 'obs://bucket/shared');
        body.algorithm.parameters = [p('hold', '1')];
      }),
    );
    const second = await world.call(
      'POST',
      '/training-jobs',
      job(body => set(body, 'outputs', '/bucket/shared/')),
    );
    assert.equal(second.status, 400);
    assert.match(second.body.error_msg, new RegExp(`obs://bucket/shared/.*${first}`));
    await world.call('POST', `/training-jobs/${first}/actions`, { action_type: 'terminate' });
    await world.until(first, 'Terminated');
    await world.submit(job(body => set(body, 'outputs', '/bucket/shared/')));
  });

  it('runs a command on any image of this machine, its arguments appended as words', async () => {
    const id = await world.submit(
      job(
        custom({
          command: 'cd x && python main.py;',
          inputs: [],
          outputs: [],
          parameters: [p('lr', '0.1; reboot')],
        }),
      ),
    );
    await world.eventually(() => world.container(id) !== undefined, 'container');
    const { spec } = world.container(id)!;
    assert.equal(spec.image, 'localhost/custom:1');
    assert.deepEqual(spec.command!.slice(-2), ['cd x && python main.py "$@"', '--lr=0.1; reboot']);
    await world.call('DELETE', `/training-jobs/${id}`);
  });

  it('runs an algorithm with the values of the job, within what the algorithm allows', async () => {
    const created = await world.call('POST', '/algorithms', {
      metadata: { name: 'mnist' },
      job_config: {
        code_dir: '/bucket/code/',
        boot_file: '/bucket/code/train.py',
        engine: { engine_id: ENGINE_ID },
        parameters: [
          p('lr', '0.1', { type: 'Float', editable: true, required: true }),
          p('seed', '1', { type: 'Integer', editable: false }),
        ],
        inputs: [{ name: 'data_url', access_method: 'env' }],
        outputs: [{ name: 'train_url' }],
      },
    });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    assert.deepEqual(
      created.body.job_config.code_tree.children.map((node: Json) => node.name),
      ['lib', 'train.py'],
    );
    const of = (patch: Json) =>
      job(body => {
        const { inputs, outputs } = body.algorithm;
        body.algorithm = { id: created.body.metadata.id, inputs, outputs, ...patch };
      });
    const locked = await world.call('POST', '/training-jobs', of({ parameters: [{ name: 'seed', value: '2' }] }));
    assert.equal(locked.body.error_code, 'ModelArts.2814');
    const unknown = await world.call('POST', '/training-jobs', of({ parameters: [{ name: 'more', value: '2' }] }));
    assert.equal(unknown.body.error_code, 'ModelArts.2814');
    const channels = await world.call('POST', '/training-jobs', of({ inputs: [] }));
    assert.equal(channels.body.error_code, 'ModelArts.2753');
    const fine = await world.call('POST', '/training-jobs', of({ parameters: [{ name: 'lr', value: '0.5' }] }));
    assert.equal(fine.status, 201, JSON.stringify(fine.body));
    assert.deepEqual(
      fine.body.algorithm.parameters.map((entry: Json) => `${entry.name}=${entry.value}`),
      ['lr=0.5', 'seed=1'],
    );
    assert.equal(fine.body.algorithm.inputs[0].access_method, 'env');
  });

  it('shows engines, flavors and quotas', async () => {
    const engines = await world.call('GET', '/training-job-engines');
    assert.equal(engines.body.items[0].engine_id, ENGINE_ID);
    const flavors = await world.call('GET', '/training-job-flavors?flavor_type=CPU');
    assert.equal(flavors.body.total_count, 3);
    assert.equal((await world.call('GET', '/training-job-flavors?flavor_type=TPU')).status, 400);
    const { quotas } = (await world.call('GET', '/training-quotas')).body;
    assert.equal(quotas[0].quota, 40);
  });

  it('refuses what jobs do not know', async () => {
    const missing = await world.call('GET', '/training-jobs/nope');
    assert.equal(missing.status, 400);
    assert.equal(missing.body.error_code, 'ModelArts.2775');
    const id = await world.submit(job(() => {}));
    const act = (action_type: string) => world.call('POST', `/training-jobs/${id}/actions`, { action_type });
    assert.equal((await act('dance')).body.error_code, 'ModelArts.2812');
    const restart = await act('restart');
    assert.equal(restart.status, 409);
    assert.equal(restart.body.error_code, 'ModelArts.2813');
    const described = await world.call('PUT', `/training-jobs/${id}`, { description: 'better' });
    assert.deepEqual([described.status, described.body], [200, null]);
    assert.equal((await world.show(id)).metadata.description, 'better');
  });

  it('refuses more jobs than the quota', async () => {
    let answer = await world.call(
      'POST',
      '/training-jobs',
      job(() => {}),
    );
    while (answer.status === 201)
      answer = await world.call(
        'POST',
        '/training-jobs',
        job(() => {}),
      );
    assert.equal(answer.body.error_code, 'ModelArts.2815');
    assert.match(answer.body.error_msg, /40/);
  });
});

function p(name: string, value: string, constraint?: Json): Json {
  return { name, value, ...(constraint ? { constraint } : {}) };
}

function set(body: Json, side: 'inputs' | 'outputs', url: string): void {
  body.algorithm[side][0].remote = { obs: { obs_url: url } };
}

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`K${index}`, 'v']));
}

function custom(patch: Json): (body: Json) => void {
  return body => {
    body.algorithm = { command: 'python main.py', engine: { image_url: 'localhost/custom:1' }, ...patch };
  };
}
