import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { requestToken, Session } from '../../src/client/session.ts';
import { isFailure } from '../../src/kernel/failure.ts';
import { containersOf, runInside } from './containers.ts';
import { deployEcho } from './echo.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, ended, inPhase, logOf, submitScript } from './jobs.ts';

/** The living HAProxy processes of an installation. */
function gatewayProcesses(home: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(home, 'gateway', 'haproxy.cfg'));
      } catch {
        return false; // it ended meanwhile
      }
    })
    .map(Number);
}

describe('the gateway, the engine and credentials', () => {
  let at: Installation;
  let serviceId = '';
  const bucket = 'recovery-tests';

  before(async () => {
    at = await createInstallation({ ATELIER_LAYER_GIB: '1' });
    await presetImageReady(at);
    await authorize(at);
    await at.obs.createBucket(bucket);
    serviceId = await deployEcho(at, bucket, { instances: 1 });
  });
  after(() => at?.remove());

  async function ask(session = at.session): Promise<unknown> {
    const answer = await session.predict(serviceId, Buffer.from('{"a":1}'), { contentType: 'application/json' });
    return JSON.parse(answer.body.toString());
  }

  it('a killed gateway is back within seconds', async () => {
    assert.deepEqual(await ask(), [{ a: 1 }]);
    const before = gatewayProcesses(at.home);
    assert.ok(before.length >= 2, 'a master and a worker');
    for (const pid of before) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // A worker ends with its master.
      }
    }
    const answers = () =>
      ask().then(
        () => true,
        () => false,
      );
    await at.client.until(answers, good => good, 60_000, 'the gateway');
    assert.ok(gatewayProcesses(at.home).every(pid => !before.includes(pid)));
  });

  it('a killed engine API is back, and the job that ran meanwhile is found', async () => {
    const job = await submitScript(at, {
      name: 'through',
      bucket,
      script: 'import time\nfor i in range(12):\n  print("tick", i, flush=True)\n  time.sleep(0.5)\n',
    });
    await inPhase(at, job.metadata.id, ['Running']);
    process.kill(Number(readFileSync(join(at.home, 'engine/engine.pid'), 'utf8')), 'SIGKILL');
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Completed', JSON.stringify(done.status));
    const ticks = [...(await logOf(at, job.metadata.id)).matchAll(/^tick (\d+)$/gm)].map(match => Number(match[1]));
    assert.deepEqual(
      ticks,
      Array.from({ length: 12 }, (_, index) => index),
    );
    assert.deepEqual(await ask(), [{ a: 1 }]);
  });

  it('an instance that writes without end meets the limit of its file system, and serves on', async () => {
    const [instance] = await containersOf(at, 'service-instance');
    const filled = await runInside(
      at,
      instance!.name,
      'head -c 2G /dev/zero > /tmp/all; stat -c %s /tmp/all; rm /tmp/all',
    );
    assert.match(filled.output, /No space left on device/);
    assert.ok(Number(/^\d+$/m.exec(filled.output)?.[0]) < 1024 ** 3, filled.output);
    assert.deepEqual(await ask(), [{ a: 1 }]);
    assert.deepEqual(await containersOf(at, 'service-instance'), [instance]);
  });

  it('signed calls are verified, forged ones refused', async () => {
    const { signRequest } = await import('../../src/client/signature.ts');
    const url = new URL(`/v1/infers/${serviceId}/`, at.profile.endpoints.inference);
    const call = async (key: { access: string; secret: string }) => {
      const body = Buffer.from('{"a":2}');
      const headers = signRequest(
        key,
        { method: 'POST', url, headers: { 'content-type': 'application/json' }, body },
        new Date(),
      );
      delete headers.host;
      return fetch(url, { method: 'POST', headers, body });
    };
    const good = await call(at.profile.key!);
    assert.equal(good.status, 200, await good.clone().text());
    assert.deepEqual(await good.json(), [{ a: 2 }]);
    assert.equal((await call({ ...at.profile.key!, secret: 'wrong' })).status, 401);
  });

  it('a user without rights, a revoked token and an anonymous call are refused within seconds', async () => {
    const password = 'Student-pass-1';
    const created = await at.session.request('POST', '/v3/users', {
      body: { user: { name: 'student', password, enabled: true } },
    });
    const user = (JSON.parse(created.body.toString()) as { user: { id: string } }).user;
    const token = await requestToken(at.profile.endpoints.api, {
      account: at.profile.account!,
      user: 'student',
      password,
      projectId: at.profile.projectId,
    });
    const { key: _, ...withoutKey } = at.profile;
    const student = new Session({ ...withoutKey, token });
    await assert.rejects(ask(student), error => isFailure(error) && [401, 403].includes(error.status));

    const granted = JSON.parse(
      (
        await at.session.request('GET', '/v3/roles', { query: { display_name: 'ModelArts CommonOperations' } })
      ).body.toString(),
    ) as { roles: { id: string }[] };
    const group = JSON.parse(
      (await at.session.request('POST', '/v3/groups', { body: { group: { name: 'students' } } })).body.toString(),
    ) as { group: { id: string } };
    await at.session.request('PUT', `/v3/groups/${group.group.id}/users/${user.id}`);
    await at.session.request(
      'PUT',
      `/v3/OS-INHERIT/domains/${at.accountId}/groups/${group.group.id}/roles/${granted.roles[0]!.id}/inherited_to_projects`,
    );
    const allowed = () =>
      ask(student).then(
        () => true,
        () => false,
      );
    await at.client.until(allowed, good => good, 60_000, 'the grant to reach the gateway');

    await at.session.request('PATCH', `/v3/users/${user.id}`, { body: { user: { enabled: false } } });
    await at.client.until(allowed, good => !good, 15_000, 'the revocation to reach the gateway');
    const anonymous = await fetch(`${at.profile.endpoints.inference}/v1/infers/${serviceId}/`, {
      method: 'POST',
      body: '{}',
    });
    assert.equal(anonymous.status, 401);
    assert.match(await anonymous.text(), /error_code/);
  });

  it('bad prediction requests get clear answers', async () => {
    const url = `${at.profile.endpoints.inference}/v1/infers/${serviceId}/`;
    const token = await at.session.token();
    const post = (body: Buffer | string, headers: Record<string, string>) =>
      fetch(url, { method: 'POST', headers: { 'x-auth-token': token, ...headers }, body });
    const broken = await post('not a form', { 'content-type': 'multipart/form-data; boundary=x' });
    assert.equal(broken.status, 400);
    assert.match(await broken.text(), /erno|error_code/);
    assert.equal((await post('{"a":', { 'content-type': 'application/json' })).status, 400);
    const large = await post(Buffer.alloc(13 * 1024 * 1024, 32), { 'content-type': 'application/json' });
    assert.equal(large.status, 413);
    assert.match(await large.text(), /12/);
    assert.equal((await fetch(url, { headers: { 'x-auth-token': token } })).status, 405);
  });

  it('two installations side by side do not see each other', async () => {
    const other = await createInstallation();
    try {
      assert.notEqual(other.accountId, at.accountId);
      assert.equal((await other.client.services()).length, 0);
      assert.equal((await containersOf(other, 'service-instance')).length, 0);
      await assert.rejects(
        new Session({ ...other.profile, endpoints: at.profile.endpoints }).request('GET', '/v3/projects'),
        error => isFailure(error) && error.status === 401,
      );
      await other.stop();
      assert.deepEqual(await ask(), [{ a: 1 }]);
    } finally {
      await other.remove();
    }
    assert.deepEqual(await ask(), [{ a: 1 }]);
  });
});
