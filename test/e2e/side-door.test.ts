import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { causeOf, ENGINE, ended, logOf, submitScript } from './jobs.ts';

const BUCKET = 'side-door';

/** The document's policy of 1.3.5: nobody uses the public pool. */
const DENY_PUBLIC_POOL = {
  Version: '1.1',
  Statement: [
    {
      Effect: 'Deny',
      Action: ['modelarts:trainJob:create', 'modelarts:notebook:create', 'modelarts:service:create'],
      Condition: { StringEquals: { 'modelarts:poolType': ['public'] } },
    },
  ],
};

/** Calls the platform's API with the credentials that every job finds, signed as the official SDKs do. */
const SCRIPT = `
import datetime, hashlib, hmac, json, os, urllib.error, urllib.request

credentials = json.load(open(os.environ['MA_CREDENTIALS_FILE']))
endpoint, project = os.environ['MA_APIGW_ENDPOINT'], os.environ['MA_PROJECT_ID']

def call(method, path, body):
    data = json.dumps(body).encode()
    date = datetime.datetime.utcnow().strftime('%Y%m%dT%H%M%SZ')
    headers = {'host': endpoint.split('//')[1], 'x-sdk-date': date, 'x-project-id': project, 'x-security-token': credentials['securitytoken']}
    names = sorted(headers)
    canonical = '\\n'.join([method, path + '/', '', *[f'{name}:{headers[name]}' for name in names], '', ';'.join(names),
                           hashlib.sha256(data).hexdigest()])
    text = '\\n'.join(['SDK-HMAC-SHA256', date, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(credentials['secret'].encode(), text.encode(), hashlib.sha256).hexdigest()
    headers['Authorization'] = f"SDK-HMAC-SHA256 Access={credentials['access']}, SignedHeaders={';'.join(names)}, Signature={signature}"
    headers['Content-Type'] = 'application/json'
    request = urllib.request.Request(endpoint + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)

def attempt(name, pool):
    job = json.load(open(os.path.join(os.path.dirname(__file__), 'job.json')))
    job['metadata']['name'] = name
    if pool:
        job['spec']['resource']['pool_id'] = pool
    status, answer = call('POST', f'/v2/{project}/training-jobs', job)
    print(name, status, answer.get('error_code', ''), answer.get('error_msg', ''), flush=True)

attempt('from-inside-public', None)
attempt('from-inside-dedicated', 'pool-1')
status, answer = call('POST', f'/v1/{project}/notebooks', {'name': 'nb'})
print('notebook', status, answer.get('error_code', ''), answer.get('error_msg', ''), flush=True)
`;

const CHILD = {
  kind: 'job',
  metadata: { name: '' },
  algorithm: {
    code_dir: `/${BUCKET}/child/`,
    boot_file: `/${BUCKET}/child/main.py`,
    engine: { engine_id: ENGINE },
  },
  spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1 } },
};

describe('code in a job that calls the API with the credentials it finds there', () => {
  let at: Installation;
  let agencyPath = '';
  let policyId = '';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    await at.obs.createBucket(BUCKET);
    await at.obs.put({ bucket: BUCKET, key: 'child/main.py' }, Buffer.from('print("child")'));
    const agency = await at.client.createAgency('develop_user');
    await at.client.authorizeAll(agency);
    const { agencies } = await iam('GET', `/v3.0/OS-AGENCY/agencies?domain_id=${at.accountId}&name=${agency}`);
    agencyPath = `/v3.0/OS-INHERIT/domains/${at.accountId}/agencies/${agencies[0].id}/roles`;
    const role = { display_name: 'DenyPublicPool', type: 'AX', description: '', policy: DENY_PUBLIC_POOL };
    policyId = (await iam('POST', '/v3.0/OS-ROLE/roles', { role })).role.id;
  });
  after(() => at?.remove());

  // biome-ignore lint/suspicious/noExplicitAny: answers of all shapes
  async function iam(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await at.session.request(method, path, body === undefined ? {} : { body });
    return answer.body.length > 0 ? JSON.parse(answer.body.toString()) : {};
  }

  async function logFromInside(name: string): Promise<string> {
    const job = await submitScript(at, {
      name,
      bucket: BUCKET,
      script: SCRIPT,
      files: { 'job.json': JSON.stringify(CHILD) },
    });
    const done = await ended(at, job.metadata.id);
    const log = await logOf(at, job.metadata.id);
    assert.equal(done.status.phase, 'Completed', `${causeOf(done)}\n${log}`);
    return log;
  }

  it('may do what the agency may: here, make another job in the public pool', async () => {
    const log = await logFromInside('before');
    assert.match(log, /from-inside-public 201/);
    // There is no dedicated pool: the refusal is about that, not about a policy.
    assert.match(log, /from-inside-dedicated 4\d\d ModelArts\.(?!0112)/);
  });

  it('is bound by a Deny on the agency: no public pool for job and notebook; a dedicated one is not denied', async () => {
    await iam('PUT', `${agencyPath}/${policyId}/inherited_to_projects`);
    const log = await logFromInside('after');
    assert.match(log, /from-inside-public 403 ModelArts\.0112 .*modelarts:trainJob:create.*DenyPublicPool/);
    assert.match(log, /notebook 403 ModelArts\.0112 .*modelarts:notebook:create.*DenyPublicPool/);
    assert.match(log, /from-inside-dedicated 4\d\d ModelArts\.(?!0112)/);
    await iam('DELETE', `${agencyPath}/${policyId}/inherited_to_projects`);
  });

  it('is bound by a Deny on the user it works for, also where the agency has none', async () => {
    const { user } = await iam('POST', '/v3/users', { user: { name: 'dev', password: 'Dev-has-1-secret' } });
    const { group } = await iam('POST', '/v3/groups', { group: { name: 'user_group' } });
    await iam('PUT', `/v3/groups/${group.id}/users/${user.id}`);
    const { roles } = await iam('GET', '/v3/roles');
    for (const name of ['ModelArts CommonOperations', 'OBS Administrator']) {
      const role = roles.find((each: { display_name: string }) => each.display_name === name);
      await iam(
        'PUT',
        `/v3/OS-INHERIT/domains/${at.accountId}/groups/${group.id}/roles/${role.id}/inherited_to_projects`,
      );
    }
    const started = await asUser('dev', 'Dev-has-1-secret', 'of-dev');
    await iam(
      'PUT',
      `/v3/OS-INHERIT/domains/${at.accountId}/groups/${group.id}/roles/${policyId}/inherited_to_projects`,
    );
    await at.obs.put({ bucket: BUCKET, key: 'go' }, Buffer.from('now'));
    const done = await ended(at, started);
    const log = await logOf(at, started);
    assert.equal(done.status.phase, 'Completed', `${causeOf(done)}\n${log}`);
    assert.match(log, /from-inside-public 403 ModelArts\.0112 .*DenyPublicPool.*works for dev/);
  });

  /** Submits the script as an IAM user; it waits for the object `go` before it calls the API. Resolves with the job's id. */
  async function asUser(name: string, password: string, jobName: string): Promise<string> {
    const wait = `import time, moxing as mox\nwhile not mox.file.exists('obs://${BUCKET}/go'):\n    time.sleep(0.3)\n`;
    const code = `code-${jobName}`;
    await at.obs.put({ bucket: BUCKET, key: `${code}/main.py` }, Buffer.from(wait + SCRIPT));
    await at.obs.put({ bucket: BUCKET, key: `${code}/job.json` }, Buffer.from(JSON.stringify(CHILD)));
    const login = await fetch(`${at.profile.endpoints.api}/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['password'],
            password: { user: { name, password, domain: { name: at.profile.account } } },
          },
          scope: { project: { id: at.profile.projectId } },
        },
      }),
    });
    assert.equal(login.status, 201);
    const made = await fetch(`${at.profile.endpoints.api}/v2/${at.profile.projectId}/training-jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Auth-Token': login.headers.get('x-subject-token')! },
      body: JSON.stringify({
        ...CHILD,
        metadata: { name: jobName },
        algorithm: { ...CHILD.algorithm, code_dir: `/${BUCKET}/${code}/`, boot_file: `/${BUCKET}/${code}/main.py` },
      }),
    });
    const text = await made.text();
    assert.equal(made.status, 201, text);
    return JSON.parse(text).metadata.id;
  }
});
