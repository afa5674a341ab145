import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { readSettings } from '../../src/app/env.ts';
import { homePaths } from '../../src/app/home.ts';
import { createContainerDoors } from '../../src/app/listeners.ts';
import { silentLog } from '../../src/kernel/log.ts';
import { probeWeb } from '../../src/resources/notebooks/web/web-probe.ts';
import { type ContainerDriver, createContainerDriver } from '../../src/runtime/container/container-driver.ts';
import { startEngine } from '../../src/runtime/container/engine.ts';
import { freePorts } from '../free-ports.ts';
import { createTeam, jobBody, type Team, uploadCode } from '../scenarios/team.ts';
import { notebookBody } from '../scenarios/things.ts';
import { createWorld, type World } from '../world.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';

/**
 * What takes half an hour, an hour or a day on an installation, with real containers: a platform in this process whose times are short, on the
 * engine of an installation, which has the images.
 */

const SECOND = 1_000;
const CREDENTIAL_SECONDS = 16;
/** Prints and computes nothing the first time. */
const HANGS_ONCE = `
import argparse, os, sys, time
parser = argparse.ArgumentParser()
parser.add_argument('--train_url')
where, _ = parser.parse_known_args()
seen = os.path.join(where.train_url, 'seen')
if os.path.exists(seen):
    print('came again', flush=True); sys.exit(0)
open(seen, 'w').close()
print('hangs', flush=True)
time.sleep(600)
`;

describe('short lives, with real containers', () => {
  let at: Installation;
  let driver: ContainerDriver;
  let world: World;
  let team: Team;
  const installation = `t${randomBytes(4).toString('hex')}`;
  const labels = { 'atelier.installation': installation };

  before(async () => {
    at = await createInstallation();
    await presetImageReady(at);
    const first = await freePorts(2);
    const ports: [number, number] = [first, first + 1];
    const log = silentLog();
    const { home, containersRoot } = readSettings(at.env);
    const engine = await startEngine({ dir: homePaths(home).engine, containersRoot, log });
    driver = createContainerDriver({ socketPath: engine.socketPath, log, hostPorts: [...ports] });
    world = await createWorld({
      work: true,
      driver,
      installation,
      ports,
      doors: ({ api, obs }) =>
        createContainerDoors({ api: { target: api, port: ports[0] }, obs: { target: obs, port: ports[1] }, log }),
      trainingSettings: { hangMs: 6 * SECOND, sampleMs: SECOND, uploadPeriodMs: SECOND },
      notebooks: {
        probe: probeWeb,
        settings: {
          shortestRunMs: 5 * SECOND,
          probeMs: SECOND,
          credentialSeconds: CREDENTIAL_SECONDS,
        },
      },
    });
    team = await createTeam(world);
    await uploadCode(world, team, 'short-lives');
    await team.authorize('all', (await team.root.call('POST', `${team.v2}/agency`, {})).body.agency_name);
  });
  after(async () => {
    await world?.remove();
    await world?.families.doors.close();
    for (const { name } of (await driver?.list(labels)) ?? []) await driver.remove(name);
    for (const name of (await driver?.listNetworks(labels)) ?? []) await driver.removeNetwork(name);
    driver?.close();
    await at?.remove();
  });

  /** Waits until what is found at a path passes; resolves with it. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of all shapes
  async function reached(path: string, passes: (body: any) => boolean): Promise<any> {
    for (const end = Date.now() + 300 * SECOND; ; await new Promise(resolve => setTimeout(resolve, 100))) {
      const { body, text } = await team.root.call('GET', path);
      if (passes(body)) return body;
      if (Date.now() > end) throw new Error(`${path} stayed ${text}`);
    }
  }
  async function notebookOf(name: string, lease: object): Promise<string> {
    const made = await team.root.call('POST', `${team.v1}/notebooks`, notebookBody(name, { lease }));
    assert.equal(made.status, 200, made.text);
    const path = `${team.v1}/notebooks/${made.body.id}`;
    await reached(path, body => body.status === 'RUNNING');
    return path;
  }
  async function container(kind: string): Promise<string> {
    const [found] = await driver.list({ ...labels, 'atelier.kind': kind });
    return found!.name;
  }
  async function inside(name: string, command: string): Promise<string> {
    const session = await driver.exec(name, { command: ['/bin/sh', '-c', command] });
    session.stdin.end();
    session.stderr.resume();
    return Buffer.concat(await session.stdout.toArray()).toString();
  }

  it('a job that hangs is told of and begins anew where it says so', async () => {
    const objects = world.families.objects.service;
    const { userId: id, account: name, accountId } = team.tenant;
    const root = { kind: 'root', id, name, accountId, accountName: name, credential: 'internal' } as const;
    await objects.put(root, { bucket: 'short-lives', key: 'code/train.py' }, Buffer.from(HANGS_ONCE));
    const body = jobBody('hangs', 'short-lives') as {
      metadata: { annotations?: object };
      algorithm: { outputs: { prefetch_to_local?: boolean }[] };
    };
    body.metadata.annotations = { 'fault-tolerance/job-retry-num': '1', 'fault-tolerance/hang-retry': 'true' };
    body.algorithm.outputs[0]!.prefetch_to_local = true;
    const made = await team.root.call('POST', `${team.v2}/training-jobs`, body);
    assert.equal(made.status, 201, made.text);
    const path = `${team.v2}/training-jobs/${made.body.metadata.id}`;
    const done = await reached(path, job => /Completed|Failed|Abnormal/.test(job.status.phase));
    assert.equal(done.status.phase, 'Completed', JSON.stringify(done.status));
    assert.match(JSON.stringify(done.status.running_records), /the job hangs/);
    const { events } = (await team.root.call('GET', `${path}/events`)).body;
    assert.match(JSON.stringify(events), /hang/i);
  });

  it('an instance that nobody works in stops by itself, and says so', async () => {
    const path = await notebookOf('idle', { type: 'idle', duration: 8 * SECOND });
    const stopped = await reached(path, body => body.status === 'STOPPED');
    assert.ok(!stopped.fail_reason, 'it did not fail');
    const { events } = (await team.root.call('GET', `${path}/events`)).body;
    assert.match(JSON.stringify(events), /nobody worked in it/);
    assert.deepEqual(await driver.list({ ...labels, 'atelier.kind': 'notebook' }), []);
    await team.root.call('DELETE', path);
  });

  it('the credentials inside are renewed before they end', async () => {
    const path = await notebookOf('renewed', { type: 'timing', duration: 600 * SECOND });
    const name = await container('notebook');
    const access = async () => {
      const text = await inside(name, 'cat $MA_CREDENTIALS_FILE');
      return JSON.parse(text).access as string;
    };
    const works = (file: string) =>
      inside(
        name,
        `set -a; . /run/modelarts/platform/ready.env; python3 -c 'import moxing as mox; mox.file.write("obs://short-lives/${file}", "x"); print(mox.file.read("obs://short-lives/${file}"))'`,
      );
    const first = await access();
    assert.equal(await works('before'), 'x\n');
    const begun = Date.now();
    while ((await access()) === first) {
      assert.ok(Date.now() - begun < CREDENTIAL_SECONDS * SECOND, 'renewed before the first has ended');
      await new Promise(resolve => setTimeout(resolve, 500));
    }
    // By then the first is over.
    await new Promise(resolve => setTimeout(resolve, begun + (CREDENTIAL_SECONDS + 2) * SECOND - Date.now()));
    assert.equal(await works('after'), 'x\n');
    await team.root.call('DELETE', path);
  });
});
