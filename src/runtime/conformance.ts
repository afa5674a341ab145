import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerSpec, EngineRefused, EngineUnavailable, type LogLine, type RuntimeDriver } from './driver.ts';

/** What a driver's test hands to the suite. */
export interface Subject {
  driver: RuntimeDriver;
  /** Kills the engine as `kill -9` would; containers must live on. */
  killEngine(): Promise<void>;
  /** Starts it again; resolves with a driver as a server that started anew would have it. */
  restartEngine(): Promise<RuntimeDriver>;
  close(): Promise<void>;
}

/** Shell scripts that the suite runs; a fake driver plays them. */
export const scripts = {
  lines: 'echo one; sleep 0.5; echo two >&2; sleep 0.5; echo three; sleep 0.3; echo four',
  burst: 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line $i; done',
  exit3: 'exit 3',
  forever: 'while true; do sleep 0.1; done',
  stubborn: "trap '' TERM; echo deaf; while true; do sleep 0.1; done",
  brief: 'sleep 0.5; exit 7',
  greedy: 'tail /dev/zero',
  greedyChild: 'sh -c "tail /dev/zero"; sleep 0.1; exit 5',
} as const;

export interface ConformanceOptions {
  image: string;
}

/** Runs the behaviour that every runtime driver must show, as a node:test suite called `name`. */
export function runConformance(name: string, makeSubject: () => Promise<Subject>, options: ConformanceOptions): void {
  describe(`${name}: runtime conformance`, () => {
    const run = randomBytes(4).toString('hex');
    let subject: Subject;
    let driver: RuntimeDriver;
    let count = 0;

    const spec = (script: string, change: Partial<ContainerSpec> = {}): ContainerSpec => ({
      name: `atelier-test-${run}-${++count}`,
      labels: { 'atelier.test': run },
      image: options.image,
      entrypoint: ['/bin/sh', '-c'],
      command: [script],
      env: {},
      user: '1000:100',
      mounts: [],
      network: 'none',
      ports: [],
      limits: { cpus: 1, memoryBytes: 64 << 20, pids: 50, shmBytes: 1 << 20 },
      stopGraceSeconds: 2,
      logBytes: 1_000_000,
      ...change,
    });
    const launch = async (script: string, change?: Partial<ContainerSpec>) => {
      const made = spec(script, change);
      await driver.create(made);
      await driver.start(made.name);
      return made.name;
    };
    const output = async (container: string, since?: string, follow = false) => {
      const lines: LogLine[] = [];
      for await (const line of driver.logs(container, { follow, ...(since ? { since } : {}) })) lines.push(line);
      return lines;
    };

    before(async () => {
      subject = await makeSubject();
      driver = subject.driver;
    });
    after(async () => {
      if (subject === undefined) return;
      for (const left of await driver.list({ 'atelier.test': run })) await driver.remove(left.name);
      await subject.close();
    });

    test('says who it is', async () => {
      const info = await driver.ping();
      assert.ok(info.cpus > 0 && info.memoryBytes > 0 && info.version !== '');
    });

    test('creating twice is creating once; another owner of the name is refused', async () => {
      const made = spec(scripts.forever);
      await driver.create(made);
      await driver.create(made);
      assert.equal((await driver.inspect(made.name)).state, 'created');
      await assert.rejects(driver.create({ ...made, labels: { 'atelier.test': 'other' } }), EngineRefused);
      const found = await driver.list({ 'atelier.test': run });
      assert.equal(found.filter(each => each.name === made.name).length, 1);
      assert.deepEqual((await driver.inspect(made.name)).labels, made.labels);
    });

    test('an image that is not there is refused with its name', async () => {
      const ref = 'localhost/atelier/no-such-image:9';
      assert.equal(await driver.hasImage(ref), false);
      assert.equal(await driver.hasImage(options.image), true);
      const refusedByName = (error: unknown) =>
        error instanceof EngineRefused && error.message.includes('no-such-image');
      await assert.rejects(driver.create(spec('true', { image: ref })), refusedByName);
      await assert.rejects(driver.ensureImage(ref), refusedByName);
    });

    test('start, run, end: state, times and exit code', async () => {
      const name = await launch(scripts.exit3);
      const end = await driver.wait(name);
      assert.equal(end.state, 'exited');
      assert.equal(end.exitCode, 3);
      assert.ok(!end.oomKilled);
      assert.ok(end.startedAt !== undefined && end.finishedAt !== undefined && end.finishedAt >= end.startedAt);
      assert.ok(Math.abs(end.startedAt - Date.now()) < 60_000);
      await driver.start(name);
      assert.deepEqual(await driver.wait(name), end, 'a repeated start does not run it again');
    });

    test('starting what runs is harmless; what is absent, refused', async () => {
      await assert.rejects(driver.start('atelier-test-nothing'), EngineRefused);
      const name = await launch(scripts.forever);
      await driver.start(name);
      assert.equal((await driver.inspect(name)).state, 'running');
      await driver.remove(name);
    });

    test('waiting: notices the end soon, and absence; can be called off', async () => {
      const name = await launch(scripts.brief);
      const end = await driver.wait(name);
      assert.equal(end.exitCode, 7);
      assert.ok(Date.now() - (end.finishedAt ?? 0) < 10_000, 'heard of the end soon');
      assert.equal((await driver.wait('atelier-test-nothing')).state, 'absent');
      const forever = await launch(scripts.forever);
      await assert.rejects(driver.wait(forever, AbortSignal.timeout(100)));
    });

    test('logs keep order and stream, resume exactly, and follow to the end', async () => {
      const name = await launch(scripts.lines);
      const followed = await output(name, undefined, true);
      assert.deepEqual(
        followed.map(line => [line.stream, line.text, line.complete]),
        [
          ['stdout', 'one', true],
          ['stderr', 'two', true],
          ['stdout', 'three', true],
          ['stdout', 'four', true],
        ],
      );
      for (const line of followed) assert.match(line.time, /^\d{19}$/);
      assert.deepEqual(await output(name), followed);
      assert.deepEqual(await output(name, followed[1]?.time), followed.slice(2));
      assert.deepEqual(await output(name, followed[3]?.time), []);
    });

    test('lines written at once are not lost when a reader goes on after one of them', async () => {
      const name = await launch(scripts.burst);
      await driver.wait(name);
      const all = await output(name);
      assert.equal(all.length, 20);
      for (const [index, line] of all.entries()) {
        assert.deepEqual(await output(name, line.time), all.slice(index + 1));
        if (index > 3) break;
      }
    });

    test('following ends when it is called off', async () => {
      const name = await launch(scripts.forever);
      for await (const _ of driver.logs(name, { follow: true, signal: AbortSignal.timeout(200) }))
        assert.fail('silent');
    });

    test('stop: SIGTERM ends a program that heeds it at once', async () => {
      const name = await launch(scripts.forever);
      await driver.stop(name, 10);
      const end = await driver.inspect(name);
      assert.equal(end.state, 'exited');
      assert.equal(end.exitCode, 143);
      await driver.stop(name, 10);
      await driver.stop('atelier-test-nothing', 1);
    });

    test('stop: SIGKILL after the grace for one that does not', async () => {
      const name = await launch(scripts.stubborn);
      for await (const _ of driver.logs(name, { follow: true })) break;
      const started = Date.now();
      const stopping = driver.stop(name, 5);
      await sleep(300);
      assert.equal((await driver.inspect(name)).state, 'running', 'can be looked at while it is being stopped');
      await stopping;
      assert.ok(Date.now() - started >= 4_900, 'not before the grace has passed');
      const end = await driver.inspect(name);
      assert.equal(end.exitCode, 137);
      assert.ok(!end.oomKilled, 'our own SIGKILL is not want of memory');
    });

    test('kill', async () => {
      const name = await launch(scripts.forever);
      await driver.kill(name);
      const end = await driver.wait(name);
      assert.equal(end.exitCode, 137);
      assert.ok(!end.oomKilled);
      await driver.kill(name);
    });

    test('out of memory is told, for the program and for a child of it', async () => {
      const name = await launch(scripts.greedy);
      const end = await driver.wait(name);
      assert.equal(end.exitCode, 137);
      assert.equal(end.oomKilled, true);
      const child = await driver.wait(await launch(scripts.greedyChild));
      assert.equal(child.exitCode, 5);
      assert.equal(child.oomKilled, true);
    });

    test('statistics of a running container, none of an ended one', async () => {
      const name = await launch(scripts.forever);
      const first = await driver.stats(name);
      assert.ok(first !== undefined && first.memoryBytes > 0 && first.pids >= 1);
      assert.equal(first.cpus, -1);
      await sleep(100);
      const second = await driver.stats(name);
      assert.ok(second !== undefined && second.cpus >= 0 && second.cpus < 2);
      await driver.stop(name, 0);
      assert.equal(await driver.stats(name), undefined);
    });

    test('list finds by all labels; remove removes what runs, and what is absent', async () => {
      const labels = { 'atelier.test': run, 'atelier.special': 'yes' };
      const name = await launch(scripts.forever, { labels });
      assert.deepEqual(
        (await driver.list(labels)).map(each => each.name),
        [name],
      );
      assert.deepEqual(await driver.list({ ...labels, 'atelier.special': 'no' }), []);
      await driver.remove(name);
      await driver.remove(name);
      assert.equal((await driver.inspect(name)).state, 'absent');
    });

    test('a dead engine is unknown, never absent; its containers live on and are found again', async () => {
      const living = await launch(scripts.forever);
      const ending = await launch(scripts.brief);
      const greedy = await launch(`sleep 0.4; ${scripts.greedy}`);
      const waiting = assert.rejects(driver.wait(living), EngineUnavailable);
      await subject.killEngine();
      await waiting;
      const calls = [driver.ping(), driver.inspect(living), driver.list({}), driver.hasImage(options.image)];
      await Promise.all(calls.map(call => assert.rejects(call, EngineUnavailable)));
      await sleep(1200);
      driver = await subject.restartEngine();
      assert.equal((await driver.inspect(living)).state, 'running');
      assert.equal((await driver.wait(ending)).exitCode, 7);
      const end = await driver.wait(greedy);
      assert.equal(end.exitCode, 137);
      assert.equal(end.oomKilled, true, 'want of memory is told even when it struck while nobody looked');
    });
  });
}
