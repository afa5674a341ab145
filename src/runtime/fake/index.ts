import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineRefused, type LogLine, type Observation, type RuntimeDriver } from '../driver.ts';
import { type FakeContainer, FakeEngine, type FakeEngineOptions } from './fake-engine.ts';

export { type FakeContainer, FakeEngine, type FakeEngineOptions, type Program } from './fake-engine.ts';

/**
 * A runtime driver without containers, for tests of what uses the port. Pass `engine` to give several drivers (a server before
 * and after its restart) the same containers; otherwise one is made of the options.
 */
export function createFakeDriver(
  options: FakeEngineOptions & { engine?: FakeEngine } = {},
): RuntimeDriver & { engine: FakeEngine } {
  const engine = options.engine ?? new FakeEngine(options);
  const sampled = new Set<FakeContainer>();

  function observe(name: string): Observation {
    const container = engine.containers.get(name);
    if (container === undefined) return { name, state: 'absent', labels: {}, endpoints: {} };
    const { spec, state, startedAt, finishedAt, exitCode, oomKilled, address } = container;
    const observation: Observation = { name, state, labels: { ...spec.labels }, endpoints: {} };
    if (startedAt !== undefined) observation.startedAt = startedAt;
    if (finishedAt !== undefined) observation.finishedAt = finishedAt;
    if (exitCode !== undefined) observation.exitCode = exitCode;
    if (oomKilled) observation.oomKilled = true;
    if (state === 'running') {
      observation.address = address;
      for (const port of spec.ports) observation.endpoints[port] = { host: address, port };
    }
    return observation;
  }
  const change = (call: string) => {
    engine.check();
    engine.calls.push(call);
  };
  const needed = (operation: string, name: string): FakeContainer => {
    const container = engine.containers.get(name);
    if (container === undefined) throw new EngineRefused(`${operation} ${name}`, 'there is no such container');
    return container;
  };

  async function* logs(
    name: string,
    from: { since?: string; follow: boolean; signal?: AbortSignal },
  ): AsyncGenerator<LogLine> {
    engine.check();
    const container = engine.containers.get(name);
    if (container === undefined) return;
    const since = BigInt(from.since ?? -1);
    for (let at = 0; ; ) {
      for (; at < container.lines.length; at++) {
        const line = container.lines[at]!;
        if (BigInt(line.time) > since) yield line;
      }
      if (!from.follow || from.signal?.aborted || container.state === 'exited' || !engine.containers.has(name)) return;
      await engine.change(from.signal).catch(() => undefined);
      engine.check();
    }
  }

  return {
    engine,
    name: 'fake',
    abilities: { gpus: engine.options.gpus ?? 0, commit: true, exec: true, build: true },

    async ping() {
      engine.check();
      const { cpus = 4, memoryBytes = 16 * 2 ** 30 } = engine.options;
      return { engine: 'fake', version: '1', cpus, memoryBytes };
    },
    async hasImage(ref) {
      engine.check();
      return engine.images.has(ref);
    },
    async inspectImage(ref) {
      engine.check();
      return engine.images.get(ref);
    },
    async ensureImage(ref) {
      engine.check();
      if (!engine.images.has(ref)) throw new EngineRefused(`the image ${ref}`, 'it is not there');
    },
    async buildImage({ ref }) {
      change(`build ${ref}`);
      engine.addImage(ref);
    },
    async importImage({ ref }) {
      change(`import ${ref}`);
      engine.addImage(ref);
    },
    async removeImage(ref) {
      change(`removeImage ${ref}`);
      engine.images.delete(ref);
    },
    async ensureNetwork({ name, subnet, hostPorts }) {
      engine.check();
      const found = engine.networks.get(name);
      if (found !== undefined && subnet !== undefined && found.subnet !== subnet) {
        throw new EngineRefused(`the network ${name}`, `it is there with ${found.subnet}, not ${subnet}`);
      }
      const network = found ?? { name, gateway: '127.0.0.1', subnet: subnet ?? '127.0.0.0/8' };
      engine.networks.set(name, network);
      if (hostPorts) engine.hostPorts.set(name, hostPorts);
      return network;
    },
    async removeNetwork(name) {
      engine.check();
      const users = [...engine.containers.values()].filter(container => container.spec.network === name);
      if (users.length > 0) throw new EngineRefused(`removal of the network ${name}`, 'containers are on it');
      engine.networks.delete(name);
    },
    async usedSubnets() {
      engine.check();
      return [...engine.usedSubnets];
    },

    async create(spec) {
      change(`create ${spec.name}`);
      const existing = engine.containers.get(spec.name);
      if (existing !== undefined) {
        if (Object.entries(spec.labels).every(([key, value]) => existing.spec.labels[key] === value)) return;
        throw new EngineRefused(`creation of ${spec.name}`, 'a container of that name exists with other labels');
      }
      if (!engine.images.has(spec.image)) throw new EngineRefused(`creation of ${spec.name}`, `no image ${spec.image}`);
      engine.add(structuredClone(spec));
    },
    async start(name) {
      change(`start ${name}`);
      const container = needed('the start of', name);
      if (container.state === 'created') engine.run(container);
    },
    async inspect(name) {
      engine.check();
      return observe(name);
    },
    async list(labels) {
      engine.check();
      return [...engine.containers.values()]
        .filter(({ spec }) => Object.entries(labels).every(([key, value]) => spec.labels[key] === value))
        .map(({ spec }) => observe(spec.name));
    },
    async stop(name, graceSeconds) {
      change(`stop ${name}`);
      const container = engine.containers.get(name);
      if (container?.state !== 'running') return;
      if (!container.program.ignoresTerm) return engine.end(container, 143);
      await sleep(graceSeconds * 1000);
      engine.end(container, 137);
    },
    async kill(name, signal = 'SIGKILL') {
      change(`kill ${name} ${signal}`);
      const container = engine.containers.get(name);
      if (container === undefined) return;
      if (signal === 'SIGKILL') engine.end(container, 137);
      else if (signal === 'SIGTERM' && !container.program.ignoresTerm) engine.end(container, 143);
    },
    async remove(name) {
      change(`remove ${name}`);
      engine.drop(name);
    },
    async wait(name, signal) {
      for (;;) {
        engine.check();
        const now = observe(name);
        if (now.state === 'exited' || now.state === 'absent') return now;
        await engine.change(signal);
      }
    },
    logs,
    async stats(name) {
      engine.check();
      const container = engine.containers.get(name);
      if (container?.state !== 'running') return undefined;
      const cpus = sampled.has(container) ? (container.program.cpus ?? 0) : -1;
      sampled.add(container);
      const { memoryBytes = 1 << 20, oomKills = 0 } = container.program;
      return { cpus, memoryBytes, pids: 1, oomKills };
    },
    async layerUse(name) {
      engine.check();
      const container = engine.containers.get(name);
      const limitBytes = container?.spec.limits.layerBytes;
      if (!container || !limitBytes) return undefined;
      const { layerBytes: bytes = 0, layerIsFree = false } = container.program;
      return { bytes, limitBytes, enforced: !layerIsFree };
    },
    async exec(name) {
      engine.check();
      const container = needed('a command in', name);
      if (container.state !== 'running') throw new EngineRefused(`a command in ${name}`, 'it does not run');
      // An echo: what is written comes back, and the end of the input or of the container ends it.
      const stdin = new PassThrough();
      const stderr = new PassThrough();
      stderr.end();
      const killed = Promise.withResolvers<number>();
      container.commands.push(() => {
        killed.resolve(137);
        stdin.end();
      });
      const done = Promise.race([once(stdin, 'end').then(() => 0), killed.promise]);
      return { stdin, stdout: stdin, stderr, resize: async () => {}, done, close: () => stdin.end() };
    },
    async commit(name, ref) {
      change(`commit ${name} ${ref}`);
      needed('saving', name);
      engine.addImage(ref);
    },
  };
}
