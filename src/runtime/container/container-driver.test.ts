import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readFile, stat, statfs, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerSpec, EngineRefused, type ExecSession, type RuntimeDriver } from '../driver.ts';
import { answerOf, containerSubject, scriptContainer, staticBusybox, TEST_IMAGE } from './testing.ts';

const busybox = staticBusybox();

describe('container driver', { skip: busybox === undefined ? 'needs a static busybox' : false }, () => {
  let subject: Awaited<ReturnType<typeof containerSubject>>;
  let driver: RuntimeDriver;
  let count = 0;

  before(async () => {
    subject = await containerSubject(busybox!);
    driver = subject.driver;
  });
  after(async () => subject?.close());

  const launch = async (script: string, change: Partial<ContainerSpec> = {}) => {
    const name = `atelier-driver-test-${++count}`;
    await driver.create(scriptContainer(script, { name, labels: { 'atelier.test': 'driver' }, ...change }));
    await driver.start(name);
    return name;
  };
  const output = async (name: string) => {
    let told = '';
    for await (const line of driver.logs(name, { follow: true })) told += line.text + (line.complete ? '\n' : '');
    return told;
  };
  const run = async (script: string, change?: Partial<ContainerSpec>) => output(await launch(script, change));
  /** Waits until a container has written a file. */
  const wrote = async (name: string, file: string) => {
    const session = await driver.exec(name, { command: ['/bin/sh', '-c', `until [ -s ${file} ]; do sleep 0.1; done`] });
    assert.equal(await session.done, 0);
  };
  const collect = async (session: ExecSession) => {
    const [stdout, stderr, code] = await Promise.all([text(session.stdout), text(session.stderr), session.done]);
    return { stdout, stderr, code };
  };

  test('a container has no privileges, and bounds on everything', async () => {
    const told = await run(
      'id; grep -e CapEff -e CapBnd -e NoNewPrivs -e Seccomp: /proc/self/status; ulimit -c; ulimit -n; df /dev/shm /scratch; cat /proc/1/comm; ls /proc/sys/kernel/core_pattern; echo x > /proc/sys/kernel/hostname; cat /etc/hosts',
      { tmpfs: { '/scratch': 2 << 20 }, hosts: { 'platform.test': '10.1.2.3' }, hostname: 'worker-0' },
    );
    assert.match(told, /uid=1000 gid=100/);
    assert.match(told, /CapEff:\s+0+\n/);
    assert.match(told, /CapBnd:\s+0+\n/);
    assert.match(told, /NoNewPrivs:\s+1/);
    assert.match(told, /Seccomp:\s+2/);
    assert.match(told, /\n0\n\d+\n/);
    assert.match(told, /shm\s+1024\s/);
    assert.match(told, /tmpfs\s+2048\s/);
    assert.match(told, /(read-only|Read-only|Permission denied|can't create)/);
    assert.match(told, /10\.1\.2\.3\s+platform\.test/);
  });

  test('mounts: writable and read-only; paths with commas are refused', async () => {
    const dir = join(subject.dir, 'data');
    await mkdir(dir, { mode: 0o777 });
    await writeFile(join(dir, 'in.txt'), 'hello');
    execFileSync('chmod', ['777', dir]);
    const told = await run('cat /in/in.txt; echo out > /out/out.txt; echo no > /in/no.txt', {
      mounts: [
        { source: dir, target: '/in', readOnly: true },
        { source: dir, target: '/out', readOnly: false },
      ],
    });
    assert.match(told, /hello/);
    assert.match(told, /[Rr]ead-only/);
    assert.equal(await readFile(join(dir, 'out.txt'), 'utf8'), 'out\n');
    assert.equal((await stat(join(dir, 'out.txt'))).uid, 1000);
    await assert.rejects(
      launch('true', { mounts: [{ source: '/tmp/a,suid', target: '/x', readOnly: true }] }),
      EngineRefused,
    );
  });

  test('a container that fills its own file system meets the limit, and nothing of it stays on the host', async () => {
    const { bavail } = await statfs(subject.dir);
    const fill = 'for d in /tmp /bin; do head -c 900000000 /dev/zero >$d/big && echo all; done; ls -l /tmp/big';
    const name = await launch(fill, {
      user: '0:0',
      limits: { cpus: 1, memoryBytes: 256 << 20, pids: 30, shmBytes: 1 << 20, layerBytes: 400 * 1024 ** 2 },
    });
    const told = await output(name);
    assert.match(told, /No space left/);
    assert.doesNotMatch(told, /all/);
    const use = await driver.layerUse(name);
    assert.ok(use?.enforced && use.limitBytes <= 400 * 1024 ** 2, JSON.stringify(use));
    assert.ok(use.bytes > 0.99 * use.limitBytes, JSON.stringify(use));
    assert.ok((bavail - (await statfs(subject.dir)).bavail) * 4096 < 600 * 1024 ** 2);
    await driver.remove(name);
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(`${subject.dir}\\S*xfs`));
    // The kernel lets go of it a while later.
    const taken = async () => (bavail - (await statfs(subject.dir)).bavail) * 4096;
    for (const end = Date.now() + 60_000; (await taken()) >= 100 * 1024 ** 2 && Date.now() < end; ) await sleep(100);
    assert.ok((await taken()) < 100 * 1024 ** 2, 'its disk is free again');
  });

  test('what is saved of a container with a limit is what it wrote', async () => {
    const limits = { cpus: 1, memoryBytes: 64 << 20, pids: 30, shmBytes: 1 << 20, layerBytes: 400 * 1024 ** 2 };
    const name = await launch('echo saved >/tmp/saved.txt; sleep 60', { limits });
    await wrote(name, '/tmp/saved.txt');
    const ref = `localhost/atelier/test-layer:${process.pid}`;
    await driver.commit(name, ref);
    // Running still when it is removed.
    await driver.remove(name);
    assert.match(await run('cat /tmp/saved.txt', { image: ref }), /saved/);
  });

  test('what is mounted on the host later appears inside where it is asked for', async () => {
    const dir = join(subject.dir, 'slave');
    await mkdir(join(dir, 'later'), { recursive: true });
    execFileSync('mount', ['--bind', dir, dir]);
    try {
      execFileSync('mount', ['--make-shared', dir]);
      const name = await launch('until [ -e /data/later/in.txt ]; do sleep 0.1; done; cat /data/later/in.txt', {
        mounts: [{ source: dir, target: '/data', readOnly: true, propagation: 'rslave' }],
      });
      execFileSync('mount', ['-t', 'tmpfs', 'none', join(dir, 'later')]);
      await writeFile(join(dir, 'later', 'in.txt'), 'mounted later');
      assert.match(await output(name), /mounted later/);
    } finally {
      execFileSync('umount', ['-l', '-R', dir]);
    }
  });

  test('a fork bomb meets its limit and leaves the rest alone', async () => {
    const name = await launch('bomb() { bomb | bomb & }; bomb; sleep 30');
    await sleep(1000);
    const stats = await driver.stats(name);
    assert.ok((stats?.pids ?? 0) <= 30, `${stats?.pids} processes`);
    assert.match(await run('echo fine'), /fine/);
    await driver.remove(name);
  });

  test('half a core is half a core', async () => {
    const name = await launch('while :; do :; done', {
      limits: { cpus: 0.5, memoryBytes: 64 << 20, pids: 30, shmBytes: 1 << 20 },
    });
    await driver.stats(name);
    let cpus = 0;
    // A second that the machine itself did not get says nothing.
    for (let tries = 0; tries < 10 && !(cpus > 0.05 && cpus < 0.65); tries++) {
      await sleep(1000);
      cpus = (await driver.stats(name))!.cpus;
    }
    assert.ok(cpus > 0.05 && cpus < 0.65, `${cpus}`);
    await driver.remove(name);
  });

  test('a container that writes without end costs the reader no memory and keeps to its share of the disk', async () => {
    const name = await launch('yes 0123456789012345678901234567890123456789', { logBytes: 1_000_000 });
    const start = process.memoryUsage().rss;
    let lines = 0;
    const stop = new AbortController();
    for await (const _ of driver.logs(name, { follow: true, signal: stop.signal })) {
      if (++lines % 10_000 === 0) await sleep(1);
      if (lines === 100_000) stop.abort();
    }
    assert.ok(lines >= 100_000, `${lines} lines`);
    assert.ok(process.memoryUsage().rss - start < 150 << 20);
    const logs = execFileSync('sh', [
      '-c',
      `du -cb ${subject.dir}/containers/storage/overlay-containers/*/userdata/ctr.log | tail -1`,
    ]);
    assert.ok(Number.parseInt(String(logs), 10) < 3_000_000, String(logs));
    await driver.remove(name);
  });

  test('a line without an end comes in pieces', async () => {
    const name = await launch("head -c 100000 /dev/zero | tr '\\0' x; echo; echo next");
    const pieces: boolean[] = [];
    let length = 0;
    for await (const line of driver.logs(name, { follow: true })) {
      if (line.text === 'next') break;
      pieces.push(line.complete);
      length += line.text.length;
    }
    assert.equal(length, 100_000);
    assert.equal(pieces.at(-1), true);
    assert.ok(pieces.slice(0, -1).every(complete => !complete) && pieces.length > 1);
  });

  test('exec: output, errors, exit code, stdin, environment', async () => {
    const name = await launch('sleep 60');
    const plain = await driver.exec(name, {
      command: ['/bin/sh', '-c', 'echo out; echo err >&2; echo $A; pwd; exit 4'],
      env: { A: 'b' },
      workingDir: '/tmp',
    });
    assert.deepEqual(await collect(plain), { stdout: 'out\nb\n/tmp\n', stderr: 'err\n', code: 4 });
    const echo = await driver.exec(name, { command: ['/bin/cat'] });
    const echoed = collect(echo);
    echo.stdin.write('first\n');
    echo.stdin.end('second\n');
    assert.deepEqual(await echoed, { stdout: 'first\nsecond\n', stderr: '', code: 0 });
    const big = await driver.exec(name, { command: ['/bin/sh', '-c', 'head -c 5000000 /dev/zero'] });
    assert.equal((await collect(big)).stdout.length, 5_000_000);
    await driver.stop(name, 0);
    await assert.rejects(driver.exec(name, { command: ['/bin/true'] }), EngineRefused);
  });

  test('exec with a terminal: resize, keystrokes; closing ends the command', async () => {
    const name = await launch('sleep 60');
    const shell = await driver.exec(name, { command: ['/bin/sh'], tty: true });
    let seen = '';
    shell.stdout.on('data', data => {
      seen += String(data);
    });
    await shell.resize(101, 33);
    shell.stdin.write('stty size; tty\n');
    for (const end = Date.now() + 60_000; !/33 101/.test(seen) && Date.now() < end; ) await sleep(50);
    assert.match(seen, /33 101/);
    assert.match(seen, /\/dev\/pts/);
    const before = (await driver.stats(name))!.pids;
    shell.close();
    for (const end = Date.now() + 60_000; (await driver.stats(name))!.pids >= before && Date.now() < end; )
      await sleep(50);
    assert.ok((await driver.stats(name))!.pids < before, 'the shell is gone');
    await driver.remove(name);
  });

  test('networks: peers by name, the host at the gateway, nothing else', async () => {
    const internal = { labels: { 'atelier.test': 'driver' }, internal: true };
    const [left, right] = await Promise.all([
      driver.ensureNetwork({ name: 'atelier-test-left', ...internal }),
      driver.ensureNetwork({ name: 'atelier-test-right', ...internal }),
    ]);
    assert.notEqual(left.subnet, right.subnet);
    assert.deepEqual(await driver.ensureNetwork({ name: 'atelier-test-left', ...internal }), left);
    const served = 'while true; do printf "HTTP/1.0 200 OK\\r\\n\\r\\nhello" | nc -l -p 8080 -w 2 >/dev/null; done';
    const peer = await launch(served, { network: left.name, networkAliases: ['peer-0'], ports: [8080] });
    const stranger = await launch(served, { network: right.name, ports: [8080] });
    const strange = (await driver.inspect(stranger)).address!;
    const platform = http.createServer((_, response) => response.end('platform'));
    await new Promise<void>(resolve => platform.listen(0, left.gateway, resolve));
    const { port } = platform.address() as { port: number };
    const outside = Object.values(networkInterfaces())
      .flat()
      .find(address => address?.family === 'IPv4' && !address.internal && !address.address.startsWith('10.'));
    const everywhere = http.createServer((_, response) => response.end('everywhere'));
    await new Promise<void>(resolve => everywhere.listen(0, '0.0.0.0', resolve));
    const open = (everywhere.address() as { port: number }).port;
    try {
      const get = 'get() { printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 $1 $2 2>&1 | tail -1; echo; }; ';
      const told = await run(
        `${get} get ${left.gateway} ${port}; nslookup peer-0 | grep -A1 Name; get ${strange} 8080; get ${right.gateway} ${open}; get ${outside?.address ?? '192.0.2.1'} ${open}; get 192.0.2.1 80`,
        { network: left.name },
      );
      assert.match(told, /platform/);
      assert.match(told, new RegExp(`Address: ${(await driver.inspect(peer)).address!.replaceAll('.', '\\.')}`));
      assert.doesNotMatch(told, /hello|everywhere/);
      assert.equal(told.match(/unreachable/g)?.length, 4);
      const endpoint = (await driver.inspect(peer)).endpoints[8080]!;
      assert.equal(await answerOf(endpoint), 'hello');
    } finally {
      platform.close();
      everywhere.close();
    }
    await assert.rejects(driver.removeNetwork(left.name), EngineRefused);
    await driver.remove(peer);
    await driver.remove(stranger);
    for (const name of (await driver.list({ 'atelier.test': 'driver' })).map(each => each.name))
      await driver.remove(name);
    await driver.removeNetwork(left.name);
    await driver.removeNetwork(left.name);
    await driver.removeNetwork(right.name);
  });

  test('commit keeps what a container wrote', async () => {
    const name = await launch('echo kept > /tmp/kept; sleep 60');
    await wrote(name, '/tmp/kept');
    await driver.commit(name, 'localhost/atelier/test-saved:3');
    assert.ok(await driver.hasImage('localhost/atelier/test-saved:3'));
    assert.match(await run('cat /tmp/kept', { image: 'localhost/atelier/test-saved:3' }), /kept/);
    await driver.remove(name);
  });

  test('commit keeps nothing of what a container was started with, nor what is mounted, and can be repeated', async () => {
    const secretFile = join(subject.dir, 'secret-file');
    await writeFile(secretFile, 'secret-of-a-mount');
    const name = await launch(
      'echo kept > /tmp/kept; echo secret-of-memory > /scratch/x; sleep 60; : secret-of-command',
      {
        env: { TOKEN: 'secret-of-environment "quoted" $x' },
        labels: { 'atelier.test': 'driver', 'atelier.secret': 'secret-of-label' },
        mounts: [{ source: secretFile, target: '/run/secret-file', readOnly: true }],
        tmpfs: { '/scratch': 1 << 20 },
      },
    );
    await wrote(name, '/scratch/x');
    const ref = 'localhost/atelier/test-saved:4';
    await driver.commit(name, ref);
    await driver.commit(name, ref);
    assert.equal((await driver.inspect(name)).state, 'running');
    await driver.remove(name);
    const saved = await driver.inspectImage(ref);
    assert.deepEqual(saved?.names, [ref]);
    assert.deepEqual(new Set(Object.values(saved?.labels ?? {})), new Set(['']));
    const tar = join(subject.dir, 'saved.tar');
    const env = { ...process.env, ...subject.engine.env };
    execFileSync('podman', ['save', '--quiet', '--format', 'docker-archive', '--output', tar, ref], { env });
    const unpacked = join(subject.dir, 'saved');
    await mkdir(unpacked);
    execFileSync('tar', ['-xf', tar, '-C', unpacked]);
    const found = spawnSync('grep', ['-rlaE', 'secret-of-[a-z]+', unpacked], { encoding: 'utf8' });
    assert.equal(found.stdout, '');
    assert.match(await run('cat /tmp/kept; echo "[$TOKEN]"', { image: ref, user: '' }), /kept\n\[\]/);
  });

  test('build: a good one, a failing one with its reason, an image with a health check', async () => {
    const contextDir = join(subject.dir, 'context');
    await mkdir(contextDir);
    await writeFile(join(contextDir, 'greeting'), 'from the context');
    await writeFile(
      join(contextDir, 'Dockerfile'),
      `FROM ${TEST_IMAGE}\nARG WORD\nCOPY greeting /greeting\nRUN echo "$WORD" > /word\nHEALTHCHECK CMD ["/bin/true"]\nCMD ["cat", "/greeting"]\n`,
    );
    const ref = 'localhost/atelier/test-built:2';
    const progress: string[] = [];
    await driver.buildImage({
      contextDir,
      dockerfile: 'Dockerfile',
      ref,
      buildArgs: { WORD: 'argument' },
      labels: { made: 'here' },
      onProgress: line => progress.push(line),
    });
    assert.ok(progress.length > 2);
    assert.equal((await driver.inspectImage(ref))?.labels.made, 'here');
    assert.match(await run('cat /greeting /word', { image: ref }), /from the contextargument/);
    await writeFile(join(contextDir, 'Broken'), `FROM ${TEST_IMAGE}\nRUN echo the reason; exit 9\n`);
    await assert.rejects(
      driver.buildImage({ contextDir, dockerfile: 'Broken', ref: 'localhost/atelier/test-broken:1' }),
      (error: unknown) => error instanceof EngineRefused && /exit status 9|the reason/.test(error.message),
    );
    await driver.removeImage('localhost/atelier/test-never:1');
  });

  test('import takes the tag and the changes', async () => {
    const ref = 'localhost/atelier/test-import:7';
    await driver.importImage({
      tarFile: join(subject.dir, 'busybox.tar'),
      ref,
      changes: ['CMD ["/bin/id"]', 'USER 5:6'],
    });
    const info = await driver.inspectImage(ref);
    assert.deepEqual(info?.command, ['/bin/id']);
    assert.equal(info?.user, '5:6');
    await driver.removeImage(ref);
    assert.equal(await driver.hasImage(ref), false);
    await assert.rejects(driver.importImage({ tarFile: '/nowhere.tar', ref }), EngineRefused);
  });

  test('a program that is not in the image: the engine says so', async () => {
    await assert.rejects(
      launch('x', { entrypoint: ['/no/such/program'], command: [] })
        .then(name => driver.wait(name))
        .then(end => {
          // With an init the container starts and ends with 127.
          assert.equal(end.exitCode, 127);
          throw new EngineRefused('start', 'no such program');
        }),
      EngineRefused,
    );
  });
});
