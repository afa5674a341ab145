import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTeam, jobBody, type Member, type Team } from '../../test/scenarios/team.ts';
import { publish, uploadThings } from '../../test/scenarios/things.ts';
import { type Answer, createWorld, type World } from '../../test/world.ts';

const BUCKET = 'needs';
const STORAGE = ['obs:bucket:HeadBucket', 'obs:bucket:ListBucket', 'obs:object:GetObject', 'obs:object:PutObject'];
const FAMILIES = ['modelarts:trainJob:create', 'modelarts:aiAlgorithm:*', 'modelarts:model:*', 'modelarts:service:*'];

type Body = Record<string, never>;
type Statement = { Effect: string; Action: string[]; Resource?: string[]; Condition?: object };

const allow = (...Action: string[]): Statement => ({ Effect: 'Allow', Action });
const deny = (action: string, more: Partial<Statement> = {}): Statement => ({
  Effect: 'Deny',
  Action: [action],
  ...more,
});
const within = (action: string, path: string) => deny(action, { Resource: [`obs:*:*:object:${BUCKET}/${path}`] });

/** What functions need of a caller besides their own action (the document's tables 1-4 to 1-10). */
describe('permissions that functions depend on', () => {
  let world: World;
  let team: Team;
  let serial = 0;
  let pastModel = '';
  let algorithm = '';

  before(async () => {
    world = await createWorld({ work: true, program: () => ({ runMs: 1 }) });
    team = await createTeam(world);
    await uploadThings(world, team, BUCKET);
    const { agency_name } = (await team.root.call('POST', `${team.v2}/agency`, {})).body;
    await team.authorize('all', agency_name);
    const { algorithm: code } = jobBody('x', BUCKET) as { algorithm: Record<string, unknown> };
    const { outputs: _, ...job_config } = code;
    const made = await team.root.call('POST', `${team.v2}/algorithms`, { metadata: { name: 'stored' }, job_config });
    algorithm = made.body.metadata.id;
    pastModel = await publish(world, team, team.root, model());
  });
  after(() => world?.remove());

  /** A new user with these statements. */
  async function user(...statements: Statement[]): Promise<Member> {
    const name = `user-${++serial}`;
    const member = await team.member(name);
    const policy = await team.policy(`policy-${serial}`, { Version: '1.1', Statement: statements });
    await team.grant(await team.group(`group-${serial}`, [member]), [policy]);
    return member;
  }
  const job = (change: (body: Body) => void = () => {}): object => {
    const body = jobBody(`job-${++serial}`, BUCKET) as Body;
    const inputs = [{ name: 'data_url', remote: { obs: { obs_url: `/${BUCKET}/data/` } } }];
    Object.assign(body.algorithm!, { inputs });
    change(body);
    return body;
  };
  const model = (more: object = {}) => ({
    model_name: `model-${++serial}`,
    model_version: '0.0.1',
    source_location: `obs://${BUCKET}/package`,
    ...more,
  });
  const service = (more: object = {}) => ({
    service_name: `service-${++serial}`,
    infer_type: 'real-time',
    config: [entry()],
    ...more,
  });
  const entry = (more: object = {}) => ({
    model_id: pastModel,
    weight: 100,
    specification: 'modelarts.vm.cpu.1u',
    instance_count: 1,
    ...more,
  });
  const submit = (member: Member, body: object) => member.call('POST', `${team.v2}/training-jobs`, body);
  function assertRefused(answer: Answer, ...words: RegExp[]): void {
    assert.equal(answer.status, 403, answer.text);
    for (const word of words) assert.match(answer.body.error_msg, word);
  }

  it('who has them all may, without being granted to assume agencies', async () => {
    const member = await user(allow(...FAMILIES, ...STORAGE));
    assert.equal((await submit(member, job())).status, 201);
    assert.equal((await member.call('POST', `${team.v1}/models`, model())).status, 200);
    assert.equal((await member.call('POST', `${team.v1}/services`, service())).status, 200);
  });

  it('a Deny on assuming agencies takes away whatever works by one, and nothing else', async () => {
    const member = await user(allow(...FAMILIES, 'modelarts:trainJob:*', ...STORAGE), deny('iam:tokens:assume'));
    const { service_id } = (await team.root.call('POST', `${team.v1}/services`, service())).body;
    const one = `${team.v1}/services/${service_id}`;
    for (const [method, path, body] of [
      ['POST', `${team.v2}/training-jobs`, job()],
      ['POST', `${team.v1}/models`, model()],
      ['POST', `${team.v1}/services`, service()],
      ['PUT', one, { config: [entry()] }],
      ['PATCH', one, { status: 'running' }],
    ] as const) {
      assertRefused(await member.call(method, path, body), /iam:tokens:assume .*by the agency.*policy-/);
    }
    assert.equal((await member.call('PUT', one, { status: 'stopped' })).status, 200);
    assert.equal((await member.call('GET', one)).status, 200);
    assert.equal((await member.call('POST', `${team.v2}/training-job-searches`, {})).status, 200);
  });

  for (const [what, denial, change, ...words] of [
    [
      'code',
      within('obs:object:GetObject', 'code/*'),
      () => {},
      /GetObject on obs:\*:\*:object:needs\/code\/ .*code_dir/,
    ],
    ['an input', within('obs:object:GetObject', 'data/*'), () => {}, /GetObject on .*needs\/data\/ .*input data_url/],
    [
      'an input named without a slash',
      within('obs:object:GetObject', 'data/*'),
      (body: Body) => setUrl(body, 'inputs', `/${BUCKET}/data`),
      /inputs\[0\].*GetObject on obs:\/\/needs\/data\//,
    ],
    [
      'an output',
      within('obs:object:PutObject', 'out-of-*'),
      () => {},
      /PutObject on .*needs\/out-of-job-\d+\/ .*output train_url/,
    ],
    [
      'an output that is downloaded again',
      within('obs:object:GetObject', 'out-of-*'),
      (body: Body) => Object.assign((body.algorithm as unknown as Channels).outputs[0]!, { prefetch_to_local: true }),
      /outputs\[0\].*GetObject on obs:\/\/needs\/out-of-job-/,
    ],
    [
      'a place for logs',
      within('obs:object:PutObject', 'logs/*'),
      (body: Body) => Object.assign(body.spec!, { log_export_path: { obs_url: `obs://${BUCKET}/logs` } }),
      /PutObject on .*needs\/logs\/ .*log_export_path/,
    ],
    [
      'the code of an algorithm',
      within('obs:object:GetObject', 'code/'),
      (body: Body) => {
        body.algorithm = { id: algorithm } as never;
      },
      /code_dir.*GetObject on obs:\/\/needs\/code\//,
    ],
    ['a listing', deny('obs:bucket:ListBucket'), () => {}, /obs:bucket:ListBucket/],
  ] as const) {
    it(`a job takes no ${what} that its owner may not reach`, async () => {
      const member = await user(allow(...FAMILIES, ...STORAGE), denial);
      const answer = await submit(member, job(change));
      assertRefused(answer, ...words);
      assert.equal((await submit(await user(allow(...FAMILIES, ...STORAGE)), job(change))).status, 201);
    });
  }

  it('priority 3 takes a permission of its own', async () => {
    const plain = await user(allow(...FAMILIES, ...STORAGE));
    const high = await user(allow(...FAMILIES, ...STORAGE, 'modelarts:trainJob:setHighPriority'));
    const at = (priority: unknown) => job(body => Object.assign(body.spec!, { schedule_policy: { priority } }));
    assertRefused(await submit(plain, at(3)), /modelarts:trainJob:setHighPriority .*priority 3/);
    assert.equal((await submit(plain, at(2))).status, 201);
    assert.equal((await submit(high, at(3))).status, 201);
    assert.equal((await submit(plain, at('3'))).status, 400);
  });

  it('a model is imported from where its owner may read, however that is written', async () => {
    const open = await user(allow(...FAMILIES, ...STORAGE));
    const closed = await user(allow(...FAMILIES, ...STORAGE), within('obs:object:GetObject', 'package/*'));
    const unlisted = await user(allow(...FAMILIES, ...STORAGE), deny('obs:bucket:ListBucket'));
    for (const source_location of [
      `obs://${BUCKET}/package/`,
      `/${BUCKET}/package`,
      `https://${BUCKET}.obs.localhost/pack%61ge/`,
      `http://127.0.0.1:7081/${BUCKET}//package`,
      ` OBS://${BUCKET}/package`,
    ]) {
      const from = (member: Member) => member.call('POST', `${team.v1}/models`, model({ source_location }));
      assertRefused(await from(closed), /GetObject on obs:\*:\*:object:needs\/package\/ .*source_location/);
      assertRefused(await from(unlisted), /ListBucket on obs:\*:\*:bucket:needs .*source_location/);
      assert.equal((await from(open)).status, 200, source_location);
    }
  });

  it('a model of a job is imported by one who may read what the job made', async () => {
    const { id } = (await submit(team.root, job())).body.metadata;
    await world.until(
      async () => (await team.root.call('GET', `${team.v2}/training-jobs/${id}`)).body.status.phase === 'Completed',
    );
    const body = model({ source_location: undefined, source_job_id: id });
    const looks = allow(...FAMILIES, 'modelarts:trainJob:get', ...STORAGE);
    const unseeing = await user(allow(...FAMILIES, ...STORAGE));
    assertRefused(await unseeing.call('POST', `${team.v1}/models`, body), /trainJob:get .*to take what it made/);
    const closed = await user(looks, within('obs:object:GetObject', 'out-of-*'));
    assertRefused(await closed.call('POST', `${team.v1}/models`, body), /source_job_id.*obs:object:GetObject/);
    assert.equal((await (await user(looks)).call('POST', `${team.v1}/models`, body)).status, 200);
  });

  it('the kind of pool is what the request really names', async () => {
    const inPublic = { StringEquals: { 'modelarts:poolType': ['public'] } };
    const kept = (...actions: string[]) =>
      user(
        allow(...FAMILIES, ...STORAGE),
        ...actions.map(action => deny(`modelarts:${action}`, { Condition: inPublic })),
      );
    const member = await kept('trainJob:create', 'service:create', 'service:update');
    const pool = (pool_id: unknown) =>
      job(body => Object.assign((body.spec as unknown as { resource: object }).resource, { pool_id }));
    for (const pool_id of [undefined, null, '', ' \t', 7, {}, ['pool']]) {
      const answer = await submit(member, pool(pool_id));
      assertRefused(answer, /trainJob:create/);
    }
    assert.equal((await submit(member, pool('pool'))).body.error_code, 'ModelArts.2890', 'there is none yet');

    const { service_id } = (await team.root.call('POST', `${team.v1}/services`, service())).body;
    const dedicated = [{ cluster_id: 'p' }, { pool_name: 'p' }, { config: [entry({ pool_name: 'p' })] }];
    const shared = [
      {},
      { cluster_id: ' ' },
      { cluster_id: ['p'] },
      { pool_name: { p: 1 } },
      { config: [entry({ pool_name: 'p' }), entry()] },
      { config: [entry(), entry({ cluster_id: 'p' })] },
      { config: [7, null] },
      { config: {} },
    ];
    for (const more of shared) {
      assertRefused(await member.call('POST', `${team.v1}/services`, service(more)), /service:create/);
    }
    for (const more of dedicated) {
      const answer = await member.call('POST', `${team.v1}/services`, service(more));
      assert.equal(answer.body.error_code, 'ModelArts.3547', answer.text);
    }
    const change = (body: object) => member.call('PUT', `${team.v1}/services/${service_id}`, body);
    assertRefused(await change({ config: [entry()] }), /service:update/);
    assertRefused(await change({ config: [entry()], cluster_id: 'p' }), /service:update/);
    assert.notEqual(
      (await change({ config: [entry({ cluster_id: 'p' })] })).status,
      403,
      'refused for its state or pool',
    );
    assert.equal((await change({ description: 'moves nowhere' })).status, 200);
  });
});

interface Channels {
  inputs: object[];
  outputs: object[];
}

function setUrl(body: Body, side: keyof Channels, obs_url: string): void {
  Object.assign((body.algorithm as unknown as Channels)[side][0]!, { remote: { obs: { obs_url } } });
}
