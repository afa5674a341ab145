import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, causeOf, ended, inPhase, logOf, submitScript } from './jobs.ts';

describe('the agency is what the platform and the job act by', () => {
  let at: Installation;
  let agency = '';
  const bucket = 'agency-tests';

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    agency = await authorize(at);
    await at.obs.createBucket(bucket);
    await at.obs.put({ bucket, key: 'in/data.txt' }, Buffer.from('forty-two'));
  });
  after(() => at?.remove());

  async function iam(method: string, path: string): Promise<Record<string, never[]>> {
    const answer = await at.session.request(method, path);
    return answer.body.length > 0 ? JSON.parse(answer.body.toString()) : {};
  }

  it('code in the container reads and writes OBS with the agency’s temporary credentials', async () => {
    const job = await submitScript(at, {
      name: 'moxing',
      bucket,
      script: [
        'import os, moxing as mox',
        `text = mox.file.read('obs://${bucket}/in/data.txt')`,
        'print("read", text)',
        `mox.file.write('obs://${bucket}/out/copy.txt', text * 2)`,
        `print("there", mox.file.exists('obs://${bucket}/out/copy.txt'))`,
        'try:',
        `    mox.file.read('obs://${bucket}/in/none.txt')`,
        'except Exception as error:',
        '    print("missing:", type(error).__name__)',
        'import urllib.request',
        'try:',
        '    urllib.request.urlopen("http://deb.debian.org", timeout=5)',
        '    print("internet: yes")',
        'except Exception as error:',
        '    print("internet: no")',
      ].join('\n'),
    });
    const done = await ended(at, job.metadata.id);
    const log = await logOf(at, job.metadata.id);
    assert.equal(done.status.phase, 'Completed', log);
    assert.match(log, /read forty-two/);
    assert.match(log, /there True/);
    assert.match(log, /missing:/);
    assert.match(log, /internet: no/);
    assert.equal(await at.obs.exists({ bucket, key: 'out/copy.txt' }), true);
  });

  it('taking the OBS permission from the agency fails the job at that step, naming action and agency', async () => {
    const domain = at.accountId;
    const found = (await iam('GET', `/v3.0/OS-AGENCY/agencies?domain_id=${domain}&name=${agency}`)) as unknown as {
      agencies: { id: string }[];
    };
    const id = found.agencies[0]!.id;
    const path = `/v3.0/OS-INHERIT/domains/${domain}/agencies/${id}/roles`;
    const { roles } = (await iam('GET', `${path}/inherited_to_projects`)) as unknown as {
      roles: { id: string; display_name: string; policy: unknown }[];
    };

    // One job already runs: its next use of OBS is refused as well.
    const running = await submitScript(at, {
      name: 'surprised',
      bucket,
      script: [
        'import time, moxing as mox',
        `print(mox.file.read('obs://${bucket}/in/data.txt'), flush=True)`,
        'for _ in range(120):',
        '    time.sleep(0.5)',
        '    try:',
        `        mox.file.read('obs://${bucket}/in/data.txt')`,
        '    except Exception as error:',
        '        print("refused:", error, flush=True)',
        '        break',
      ].join('\n'),
    });
    await inPhase(at, running.metadata.id, ['Running']);
    await at.client.until(
      () => logOf(at, running.metadata.id),
      log => log.includes('forty-two'),
      30_000,
      'first read',
    );
    const removed = roles.filter(role => JSON.stringify(role.policy).toLowerCase().includes('obs:'));
    assert.ok(removed.length > 0, 'the agency has grants on OBS');
    for (const role of removed) await iam('DELETE', `${path}/${role.id}/inherited_to_projects`);

    const job = await submitScript(at, {
      name: 'denied',
      bucket,
      script: 'print("never")',
      inputs: [{ name: 'data_url', url: `/${bucket}/in/` }],
    });
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Failed');
    assert.match(causeOf(done), /obs:(object:GetObject|bucket:ListBucket)/);
    assert.match(causeOf(done), new RegExp(agency));
    assert.match((await at.client.jobEvents(job.metadata.id)).map(event => event.text).join('\n'), new RegExp(agency));

    await ended(at, running.metadata.id);
    assert.match(await logOf(at, running.metadata.id), /refused:/);
    for (const role of removed) await iam('PUT', `${path}/${role.id}/inherited_to_projects`);
  });

  it('gives back the right and jobs work again', async () => {
    const job = await submitScript(at, {
      name: 'again',
      bucket,
      script: 'import sys\nprint(open(sys.argv[1].split("=")[1] + "/data.txt").read())',
      inputs: [{ name: 'data_url', url: `/${bucket}/in/` }],
    });
    const done = await ended(at, job.metadata.id);
    assert.equal(done.status.phase, 'Completed', causeOf(done));
    assert.match(await logOf(at, job.metadata.id), /forty-two/);
  });
});
