import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { ContainerSpec } from '../driver.ts';
import type { ContainerDriver } from './container-driver.ts';
import { firewallWorks, rulesOf } from './firewall.ts';
import { answerOf, containerSubject, scriptContainer, staticBusybox } from './testing.ts';

const busybox = staticBusybox();
const works = await firewallWorks();
const skip = busybox === undefined ? 'needs a static busybox' : works.ok ? false : works.reason;
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const LABELS = { 'atelier.test': 'firewall' };

test('the rules of a bridge end in a refusal, and name each port once', () => {
  const rules = rulesOf({ device: 'at0', gateway: '10.1.2.1', hostPorts: [81, 80, 80] });
  assert.deepEqual(
    rules.map(rule => /--dport (\d+)/.exec(rule)?.[1]),
    [undefined, '53', '53', '80', '81', undefined],
  );
  assert.match(rules.at(-1)!, /^-j REJECT/);
});

describe('what containers reach of the host', { skip }, () => {
  let subject: Awaited<ReturnType<typeof containerSubject>>;
  let driver: ContainerDriver;
  let count = 0;
  /** A program of the host on all interfaces, which no container has any business with. */
  const everywhere = http.createServer((_, response) => response.end('everywhere'));
  const door = http.createServer((_, response) => response.end('door'));
  const other = http.createServer((_, response) => response.end('management'));
  const portOf = (server: http.Server) => (server.address() as AddressInfo).port;
  const listen = (server: http.Server, host: string) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, host, resolve);
    });

  before(async () => {
    await listen(everywhere, '::');
    await listen(door, '0.0.0.0');
    await listen(other, '0.0.0.0');
    subject = await containerSubject(busybox!, { hostPorts: [portOf(door)] });
    driver = subject.driver;
  });
  after(async () => {
    for (const server of [everywhere, door, other]) server.close();
    // After a failure too: rules outlive the engine's networks.
    for (const { name } of await driver.list(LABELS)) await driver.remove(name);
    for (const name of await driver.listNetworks(LABELS)) await driver.removeNetwork(name);
    await subject?.close();
  });

  const launch = async (script: string, change: Partial<ContainerSpec> = {}) => {
    const name = `atelier-firewall-test-${++count}`;
    await driver.create(scriptContainer(script, { name, labels: LABELS, ...change }));
    await driver.start(name);
    return name;
  };
  const told = async (script: string, network: string) => {
    let text = '';
    const name = await launch(script, { network });
    for await (const line of driver.logs(name, { follow: true })) text += `${line.text}\n`;
    await driver.remove(name);
    return text;
  };
  const get = 'get() { printf "GET / HTTP/1.0\\r\\n\\r\\n" | nc -w 2 $1 $2 2>&1 | tail -1; echo; }; ';
  const rules = () => execFileSync('iptables', ['-w', '-S'], { encoding: 'utf8', env: { ...process.env, PATH } });

  test('the doors and name resolution, and no other program, over IPv4 or IPv6; nor another network', async () => {
    const spec = { labels: LABELS, internal: true };
    const pool = await driver.ensureNetwork({ ...spec, name: 'atelier-fw-pool', subnet: '172.31.240.0/24' });
    const rival = await driver.ensureNetwork({ ...spec, name: 'atelier-fw-rival' });
    assert.deepEqual(pool, { name: 'atelier-fw-pool', subnet: '172.31.240.0/24', gateway: '172.31.240.1' });
    const served = 'while true; do printf "HTTP/1.0 200 OK\\r\\n\\r\\nhello" | nc -l -p 8080 -w 2 >/dev/null; done';
    const peer = await launch(served, { network: pool.name, networkAliases: ['peer-0'], ports: [8080] });
    const stranger = await launch(served, { network: rival.name, ports: [8080] });
    const strange = (await driver.inspect(stranger)).address!;
    const { gateway } = pool;
    const seen = await told(
      `${get} get ${gateway} ${portOf(door)}; get ${gateway} ${portOf(everywhere)}; get ${gateway} ${portOf(other)};
       nslookup peer-0 ${gateway} | grep -A1 Name; get ${strange} 8080; get ${rival.gateway} ${portOf(door)};
       for a in $(ip -6 neigh 2>/dev/null | cut -d' ' -f1) fe80::1%eth0 ff02::1%eth0; do get $a ${portOf(everywhere)}; done;
       until get peer-0 8080 | grep hello; do sleep 0.2; done`,
      pool.name,
    );
    assert.match(seen, /door/);
    assert.match(seen, new RegExp(`Address: ${(await driver.inspect(peer)).address!.replaceAll('.', '\\.')}`));
    assert.equal(seen.match(/hello/g)?.length, 1, seen); // the peer's, not the stranger's
    assert.doesNotMatch(seen, /everywhere|management/);
    // What the host begins is answered.
    const endpoint = (await driver.inspect(peer)).endpoints[8080]!;
    assert.equal(await answerOf(endpoint), 'hello');

    // A network may allow more, and then less again.
    await driver.ensureNetwork({ ...spec, name: pool.name, hostPorts: [portOf(door), portOf(other)] });
    assert.match(await told(`${get} get ${gateway} ${portOf(other)}`, pool.name), /management/);
    await driver.ensureNetwork({ ...spec, name: pool.name, hostPorts: [] });
    const closed = await told(`${get} get ${gateway} ${portOf(other)}; get ${gateway} ${portOf(door)}`, pool.name);
    assert.doesNotMatch(closed, /management|door/);

    // Whoever names no ports leaves them as they are, and rules that somebody took away come back.
    const before = rules();
    const ofPool = () => {
      const all = rules().split('\n');
      const own = all.map(line => /^-A (ATELIER-\S+) -d 172\.31\.240\.1\/32/.exec(line)?.[1]).find(Boolean);
      assert.ok(own);
      return all.filter(line => line.split(' ').includes(own));
    };
    const pools = ofPool();
    await driver.ensureNetwork({ ...spec, name: pool.name });
    assert.deepEqual(ofPool(), pools);
    const chain = /-N (ATELIER-\S+)/g;
    const mine = before
      .split('\n')
      .filter(line => line.startsWith('-A INPUT') && line.includes('ATELIER-'))
      .map(line => line.slice(3).split(' '));
    assert.ok(mine.length >= 2 && chain.test(before));
    const device = mine.find(words => words.some(word => before.includes(`${word} -d 172.31.240.1/32`)))!;
    execFileSync('iptables', ['-w', '-D', ...device], { env: { ...process.env, PATH } });
    await driver.guardNetworks(LABELS);
    assert.doesNotMatch(await told(`${get} get ${gateway} ${portOf(everywhere)}`, pool.name), /everywhere/);

    assert.deepEqual((await driver.listNetworks(LABELS)).sort(), ['atelier-fw-pool', 'atelier-fw-rival']);
    await driver.remove(peer);
    await driver.remove(stranger);
    await driver.removeNetwork(pool.name);
    await driver.removeNetwork(rival.name);
    assert.doesNotMatch(rules(), /172\.31\.240\.1/);
    assert.doesNotMatch(rules(), new RegExp(rival.gateway.replaceAll('.', '\\.')));
  });

  test('a network that is there with another subnet is not taken for the one that was asked for', async () => {
    const spec = { labels: LABELS, internal: true, name: 'atelier-fw-again' };
    await driver.ensureNetwork({ ...spec, subnet: '172.31.241.0/24' });
    await assert.rejects(driver.ensureNetwork({ ...spec, subnet: '172.31.242.0/24' }), /it is there with 172.31.241.0/);
    await assert.rejects(driver.ensureNetwork({ ...spec, name: 'atelier-fw-twice', subnet: '172.31.241.0/24' }));
    await driver.removeNetwork(spec.name);
  });
});
