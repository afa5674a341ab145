import { execFileSync } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../kernel/log.ts';
import {
  type ContainerSpec,
  EngineRefused,
  type LogLine,
  type LogOptions,
  type Observation,
  type RuntimeDriver,
  type Stats,
} from '../driver.ts';
import { type CgroupSample, cgroupOf, memoryEvents, sampleCgroup } from './cgroup.ts';
import { type EngineClient, engineClient, LIBPOD } from './engine-client.ts';
import { startExec } from './exec.ts';
import { readLogFile } from './file-log.ts';
import { iptablesFirewall } from './firewall.ts';
import { buildImage, commitContainer, ensureImage, importImage, inspectImage, removeImage } from './images.ts';
import { dropLayer, layerDir, limitedLayerUse, limitLayer } from './layer.ts';
import { engineNetworks } from './networks.ts';
import { absent, type Inspected, observe } from './observation.ts';
import { OomWatch } from './oom-watch.ts';
import { checkName, createBody, hostUlimits, layerLabel } from './specification.ts';
import { readLogStream } from './stream-log.ts';
import { waitForExit } from './wait.ts';

export interface ContainerDriverOptions {
  /** Unix socket of the engine's Docker API. */
  socketPath: string;
  log: Log;
  /** Where control groups are mounted; `/sys/fs/cgroup` when absent. */
  cgroupRoot?: string;
  /** Start of the names of the labels that the driver adds; `atelier` when absent. */
  labelPrefix?: string;
  /** Ports of the host that containers may reach where their network does not say; the host is not guarded when absent. */
  hostPorts?: readonly number[];
}

const LIST_PARALLEL = 8;
const REMOVE_ATTEMPTS = 30;

/** A driver with something to put away at the end. */
export interface ContainerDriver extends RuntimeDriver {
  /** Names of the networks with all of these labels. */
  listNetworks(labels: Record<string, string>): Promise<string[]>;
  /** Guards the host anew from the containers on these networks; what was taken away from outside is there again. */
  guardNetworks(labels: Record<string, string>): Promise<void>;
  /** Stops watching; containers run on. */
  close(): void;
}

/** The runtime port over the Docker Engine API of Podman or Docker. Throws nothing; the engine need not be up yet. */
export function createContainerDriver(options: ContainerDriverOptions): ContainerDriver {
  const { log, cgroupRoot = '/sys/fs/cgroup', labelPrefix = 'atelier' } = options;
  const client = engineClient(options.socketPath);
  const oom = new OomWatch(cgroupRoot);
  const { hostPorts } = options;
  const networks = engineNetworks(client, hostPorts && { firewall: iptablesFirewall(log), hostPorts });
  const ulimits = hostUlimits();
  const samples = new Map<string, { at: number; sample: CgroupSample }>();
  let toldOfLayers = false;

  /** On Linux the host reaches a container at its own address; with a rootless engine or on a desktop it does not. */
  const publishes = async () => process.platform !== 'linux' || (await client.flavour()).rootless;

  async function find(name: string): Promise<Inspected | undefined> {
    checkName(name);
    const look = () =>
      client.askUnless(`inspection of ${name}`, [404], () => client.quick.getContainer(name).inspect());
    const info = await look().catch(error => {
      // Podman trips over a container that ends while it looks.
      if (error instanceof EngineRefused && /\/proc\/\d+\/.*no such process/.test(error.message)) return look();
      throw error;
    });
    // The API also takes the start of an id for a name.
    return info?.Name.replace(/^\//, '') === name ? info : undefined;
  }

  async function account(info: Inspected): Promise<Observation> {
    const observation = observe(info, labelPrefix, await publishes());
    if (observation.state === 'running') await oom.running(info.Id, info.State.Pid);
    const { state, startedAt, exitCode } = observation;
    if ((state === 'exited' || state === 'running') && startedAt !== undefined) {
      if (oom.killed(info.Id, startedAt, exitCode ?? -1)) observation.oomKilled = true;
    }
    return observation;
  }

  async function inspect(name: string): Promise<Observation> {
    const info = await find(name);
    return info === undefined ? absent(name) : account(info);
  }

  const driver: ContainerDriver = {
    name: 'container',
    abilities: { gpus: countGpus(log), commit: true, exec: true, build: true },

    async ping() {
      await client.ask('ping', () => client.quick.ping());
      const { engine, version, cpus, memoryBytes } = await client.flavour();
      return { engine, version, cpus, memoryBytes };
    },

    hasImage: async ref => (await inspectImage(client, ref)) !== undefined,
    inspectImage: ref => inspectImage(client, ref),
    ensureImage: (ref, onProgress) => ensureImage(client, ref, onProgress),
    buildImage: build => buildImage(client, build),
    importImage: source => importImage(client, source),
    removeImage: ref => removeImage(client, ref),
    ensureNetwork: networks.ensure,
    removeNetwork: networks.remove,
    usedSubnets: networks.used,
    listNetworks: networks.list,
    guardNetworks: networks.guard,

    async create(spec) {
      const existing = await find(spec.name);
      if (existing !== undefined) return sameOrRefused(existing, spec);
      if ((spec.limits.gpus ?? 0) > driver.abilities.gpus) {
        throw new EngineRefused(
          `creation of ${spec.name}`,
          `it wants ${spec.limits.gpus} GPUs; this machine has ${driver.abilities.gpus}`,
        );
      }
      const { engine } = await client.flavour();
      const body = createBody(spec, { engine, publish: await publishes(), labelPrefix, ...ulimits });
      try {
        await client.ask(`creation of ${spec.name}`, () => client.patient.createContainer(body));
      } catch (error) {
        // The name may have been taken since, by a retry of the same request.
        const other =
          error instanceof EngineRefused && /in use|already|conflict/i.test(error.message)
            ? await find(spec.name)
            : undefined;
        if (other === undefined) throw error;
        sameOrRefused(other, spec);
      }
    },

    async start(name) {
      const before = await find(name);
      if (before === undefined) throw new EngineRefused(`the start of ${name}`, 'there is no such container');
      // The engine would run an ended container once more; a repeated request must not repeat the work.
      if (observe(before, labelPrefix, false).state !== 'created') return;
      await confine(before);
      await client.askUnless(`the start of ${name}`, [304], () => client.patient.getContainer(name).start());
      // To watch its memory early; when this fails, the next inspection does it.
      void inspect(name).catch(() => undefined);
    },

    inspect,

    async list(labels) {
      const filters = JSON.stringify({ label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) });
      const found = await client.ask('the list of containers', () =>
        client.quick.listContainers({ all: true, filters }),
      );
      const names = found.map(container => container.Names[0]?.replace(/^\//, '') ?? '').filter(Boolean);
      const observations: Observation[] = [];
      for (let at = 0; at < names.length; at += LIST_PARALLEL) {
        observations.push(...(await Promise.all(names.slice(at, at + LIST_PARALLEL).map(inspect))));
      }
      return observations.filter(observation => observation.state !== 'absent');
    },

    async stop(name, graceSeconds) {
      const info = await find(name);
      if (info === undefined || (!info.State.Running && !info.State.Paused)) return;
      oom.stopping(info.Id);
      await client.askUnless(`the stop of ${name}`, [304, 404], () =>
        client.patient.getContainer(name).stop({ t: Math.max(0, Math.ceil(graceSeconds)) }),
      );
    },

    async kill(name, signal = 'SIGKILL') {
      const info = await find(name);
      if (info === undefined || !info.State.Running) return;
      if (signal === 'SIGKILL' || signal === 'KILL') oom.stopping(info.Id);
      try {
        await client.ask(`${signal} to ${name}`, () => client.quick.getContainer(name).kill({ signal }));
      } catch (error) {
        const now = error instanceof EngineRefused ? await find(name) : info;
        if (now?.State.Running) throw error;
      }
    },

    remove: name => removeContainer(name),
    wait: (name, signal) => waitForExit(client, name, () => inspect(name), signal),
    logs: (name, logOptions) => logs(name, logOptions),

    async stats(name) {
      const info = await find(name);
      if (info === undefined || !info.State.Running) return undefined;
      const paths = await cgroupOf(info.State.Pid, cgroupRoot);
      if (paths === undefined) return undefined;
      const [sample, memory] = await Promise.all([sampleCgroup(paths), memoryEvents(paths)]);
      if (sample === undefined) return undefined;
      const at = performance.now();
      const earlier = samples.get(info.Id);
      samples.set(info.Id, { at, sample });
      const stats: Stats = { cpus: -1, memoryBytes: sample.memoryBytes, pids: sample.pids };
      if (memory !== undefined) stats.oomKills = memory.oomKills;
      if (earlier !== undefined && at > earlier.at) {
        stats.cpus = Math.max(0, (sample.cpuNanos - earlier.sample.cpuNanos) / 1e6 / (at - earlier.at));
      }
      return stats;
    },

    async layerUse(name) {
      const info = await find(name);
      const limitBytes = info && layerBytes(info);
      if (!info || !limitBytes) return undefined;
      const dir = layerDir(info.GraphDriver);
      const use = dir === undefined ? undefined : await limitedLayerUse(dir);
      if (use) return { ...use, enforced: true };
      const sized: object | undefined = await client.askUnless(`the size of ${name}`, [404], () =>
        client.patient.getContainer(name).inspect({ size: true } as object),
      );
      if (sized === undefined) return undefined;
      const bytes = 'SizeRw' in sized ? Number(sized.SizeRw) : 0;
      return { bytes, limitBytes, enforced: false };
    },

    exec: (name, execOptions) => {
      checkName(name);
      return startExec(client, name, execOptions);
    },

    async commit(name, ref) {
      checkName(name);
      await commitContainer(client, name, ref);
    },

    close: () => oom.close(),
  };

  const layerBytes = (info: Inspected) => Number(info.Config.Labels?.[layerLabel(labelPrefix)] ?? 0);

  /** Holds a container that never ran to the limit of its layer; where that is not possible it runs without, which is said once. */
  async function confine(info: Inspected): Promise<void> {
    const bytes = layerBytes(info);
    if (bytes === 0) return;
    const dir = layerDir(info.GraphDriver);
    try {
      if (dir === undefined) throw new Error('the engine does not keep layers as directories of overlay');
      await limitLayer(dir, bytes);
    } catch (error) {
      const level = toldOfLayers ? 'debug' : 'warn';
      toldOfLayers = true;
      log[level]({ err: error }, 'what a container writes to its own file system is only watched, not limited');
    }
  }

  async function removeContainer(name: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const info = await find(name);
      if (info === undefined) return;
      oom.stopping(info.Id);
      const layer = layerDir(info.GraphDriver);
      // The engine can do it too, but tries for some seconds first.
      if (layer !== undefined && layerBytes(info) > 0) await dropLayer(layer);
      try {
        await removeOnce(client, name);
        oom.forget(info.Id);
        samples.delete(info.Id);
        return;
      } catch (error) {
        // An engine refuses for a moment while a container is ending or another removal is under way.
        if (!(error instanceof EngineRefused) || attempt === REMOVE_ATTEMPTS) throw error;
        await sleep(100);
      }
    }
  }

  async function* logs(name: string, logOptions: LogOptions): AsyncGenerator<LogLine> {
    const info = await find(name);
    if (info === undefined) return;
    const { engine } = await client.flavour();
    if (engine === 'podman' && (await readable(info.LogPath))) {
      yield* readLogFile(info.LogPath, logOptions, async () => {
        const { state } = await inspect(name);
        return state === 'exited' || state === 'absent';
      });
      return;
    }
    const stream = await client.request<Readable>({
      operation: `the output of ${name}`,
      method: 'GET',
      path: `/containers/${name}/logs`,
      query: {
        stdout: '1',
        stderr: '1',
        timestamps: '1',
        follow: logOptions.follow ? '1' : '0',
        ...(logOptions.since === undefined ? {} : { since: logOptions.since.slice(0, -9) || '0' }),
      },
      stream: true,
    });
    logOptions.signal?.addEventListener('abort', () => stream.destroy(), { once: true });
    try {
      yield* readLogStream(stream, logOptions);
    } catch (error) {
      if (!logOptions.signal?.aborted) throw error;
    } finally {
      stream.destroy();
    }
  }

  return driver;
}

async function removeOnce(client: EngineClient, name: string): Promise<void> {
  if ((await client.flavour()).engine === 'docker') {
    await client.askUnless(`removal of ${name}`, [404], () =>
      client.patient.getContainer(name).remove({ force: true, v: true }),
    );
    return;
  }
  await client.request({
    operation: `removal of ${name}`,
    method: 'DELETE',
    path: `${LIBPOD}/containers/${name}`,
    query: { force: 'true', timeout: '0', v: 'true' },
    expect: [200, 204, 404],
  });
}

function sameOrRefused(existing: Inspected, spec: ContainerSpec): void {
  const labels = existing.Config.Labels ?? {};
  for (const [key, value] of Object.entries(spec.labels)) {
    if (labels[key] !== value) {
      throw new EngineRefused(`creation of ${spec.name}`, `a container of that name exists with another label ${key}`);
    }
  }
}

async function readable(path: string | undefined): Promise<boolean> {
  if (!path) return false;
  try {
    await access(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** GPUs of this machine, by NVIDIA's own tool; 0 where there is none. */
function countGpus(log: Log): number {
  try {
    const listed = execFileSync('nvidia-smi', ['-L'], {
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\n').filter(line => line.startsWith('GPU ')).length;
  } catch (error) {
    // Not there, or hidden from this user: there is nothing to offer.
    if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      log.warn({ err: error }, 'nvidia-smi failed; GPUs are not offered');
    }
    return 0;
  }
}
