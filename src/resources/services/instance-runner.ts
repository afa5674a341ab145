import { request } from 'node:http';
import type { Clock } from '../../kernel/clock.ts';
import { accountNetworkName } from '../../kernel/names.ts';
import { type ContainerSpec, EngineUnavailable, type RuntimeDriver } from '../../runtime/driver.ts';
import type { Sight } from './instance.ts';
import type { InstanceLogs } from './instance-logs.ts';
import type { Flavor, Model } from './service.service.ts';
import type { Instance, Service } from './service.ts';

export const SERVICE_PORT = 8080;
export const MODEL_DIR = '/home/mind/model';

const KIND = 'service-instance';
const PROBE_MS = 2_000;
const LAST_LINES = 50;
const LOG_BYTES = 20 * 1024 ** 2;
const PIDS = 1024;
/** The runtime ends by itself this long before the engine would kill it. */
const GRACE_MARGIN_SECONDS = 3;

export interface RunnerDeps {
  driver: RuntimeDriver;
  clock: Clock;
  installation: string;
  logs: InstanceLogs;
  /** Command of the inference runtime in the preset images. */
  command: string[];
  /** Whether an instance answers. */
  probe: Probe;
  /** What an instance may write outside of what is mounted into it, bytes. */
  layerBytes: number;
}

export type Probe = (endpoint: { host: string; port: number }) => Promise<boolean>;

export type InstanceRunner = ReturnType<typeof instanceRunner>;

/** Runs instances as containers; every step is found again by name and labels after any process died. */
export function instanceRunner(deps: RunnerDeps) {
  const { driver, installation, logs } = deps;

  const labelsOf = (): Record<string, string> => ({ 'atelier.installation': installation, 'atelier.kind': KIND });

  function containerName(instanceId: string): string {
    return `atelier-${installation}-${KIND}-${instanceId}`;
  }

  function specOf(service: Service, instance: Instance, model: Model, flavor: Flavor): Omit<ContainerSpec, 'network'> {
    return {
      name: containerName(instance.id),
      labels: {
        ...labelsOf(),
        'atelier.id': instance.id,
        'atelier.service': service.id,
        'atelier.attempt': String(instance.attempt),
      },
      image: model.engine!.imageRef,
      command: deps.command,
      env: {
        ...instance.envs,
        MODEL_PATH: MODEL_DIR,
        MODEL_NAME: model.name,
        SERVICE_HOST: '0.0.0.0',
        SERVICE_PORT: String(SERVICE_PORT),
        SERVICE_GRACE: String(Math.min(60, Math.max(instance.graceSeconds - GRACE_MARGIN_SECONDS, 0))),
        PYTHONUNBUFFERED: '1',
        MODELARTS_SERVICE_ID: service.id,
        MODELARTS_MODEL_ID: model.id,
      },
      user: '1000:100',
      hostname: `infer-${instance.id}`,
      mounts: [{ source: model.packageDir, target: MODEL_DIR, readOnly: true }],
      ports: [SERVICE_PORT],
      limits: {
        cpus: flavor.vcpus,
        memoryBytes: flavor.memoryBytes,
        pids: PIDS,
        shmBytes: Math.min(flavor.memoryBytes / 4, 1024 ** 3),
        layerBytes: deps.layerBytes,
        ...(flavor.gpus > 0 ? { gpus: flavor.gpus } : {}),
      },
      stopGraceSeconds: instance.graceSeconds,
      logBytes: LOG_BYTES,
    };
  }

  return {
    containerName,

    /** What can be seen of an instance now. `flavor` only serves the wording of a memory kill. */
    async look(instance: Instance, flavor: Flavor | undefined): Promise<Sight> {
      const name = containerName(instance.id);
      const seen = await driver.inspect(name);
      const attempt = Number(seen.labels['atelier.attempt'] ?? Number.NaN);
      const sight: Sight = {
        state: seen.state,
        ...(Number.isInteger(attempt) ? { attempt } : {}),
        ...(seen.startedAt === undefined ? {} : { startedAt: seen.startedAt }),
        ...(seen.exitCode === undefined ? {} : { exitCode: seen.exitCode }),
        ...(seen.oomKilled === undefined ? {} : { oomKilled: seen.oomKilled }),
        ...(seen.error ? { error: seen.error } : {}),
        ...(flavor ? { memoryBytes: flavor.memoryBytes } : {}),
      };
      const mine = sight.attempt === instance.attempt;
      if (seen.state === 'running' && mine) {
        logs.follow(instance.serviceId, instance.id, name);
        const endpoint = seen.endpoints[SERVICE_PORT];
        if (endpoint) {
          sight.endpoint = endpoint;
          sight.healthy = await deps.probe(endpoint);
        }
      }
      if (seen.state === 'exited' && mine && (instance.phase === 'starting' || instance.phase === 'ready')) {
        await logs.catchUp(instance.serviceId, instance.id, name);
        const from = seen.startedAt === undefined ? undefined : `${seen.startedAt - 1}000000`;
        const lines = await logs.tail(instance.serviceId, instance.id, LAST_LINES, from);
        sight.lastLines = lines.map(line => line.text);
      }
      return sight;
    },

    /**
     * Creates and starts the container of the instance's current attempt; harmless when it runs already. `network`: that of its pool,
     * which is there; that of its account when absent.
     */
    async launch(service: Service, instance: Instance, model: Model, flavor: Flavor, network?: string): Promise<void> {
      const name = containerName(instance.id);
      const seen = await driver.inspect(name);
      const stale = seen.state !== 'absent' && seen.labels['atelier.attempt'] !== String(instance.attempt);
      if (stale) {
        await logs.catchUp(service.id, instance.id, name);
        await driver.remove(name);
      }
      if (!stale && seen.state === 'running') return;
      const account = accountNetworkName(installation, service.accountId);
      if (network === undefined) {
        await driver.ensureNetwork({ name: account, labels: { 'atelier.installation': installation }, internal: true });
      }
      await driver.create({ ...specOf(service, instance, model, flavor), network: network ?? account });
      await driver.start(name);
      logs.follow(service.id, instance.id, name);
    },

    /** True when the image is there; asks the engine to fetch it otherwise and says why it cannot. */
    async image(ref: string): Promise<{ ok: true } | { ok: false; reason: string }> {
      if (await driver.hasImage(ref)) return { ok: true };
      try {
        await driver.ensureImage(ref);
        return { ok: true };
      } catch (error) {
        if (error instanceof EngineUnavailable) throw error;
        return { ok: false, reason: error instanceof Error ? error.message : String(error) };
      }
    },

    /** Stops and removes the container, keeping its output. Abandoned, to be repeated, when `signal` aborts. */
    async retire(instance: Instance, signal: AbortSignal): Promise<void> {
      const name = containerName(instance.id);
      const seen = await driver.inspect(name);
      if (seen.state === 'absent') return;
      if (seen.state === 'running') {
        logs.follow(instance.serviceId, instance.id, name);
        await abandonable(driver.stop(name, instance.graceSeconds), signal);
      }
      if (seen.state !== 'created') await logs.catchUp(instance.serviceId, instance.id, name);
      await driver.remove(name);
    },

    /** Ends a container that hangs, at once. */
    async kill(instance: Instance): Promise<void> {
      const name = containerName(instance.id);
      await driver.kill(name, 'SIGKILL');
    },

    stats: (instance: Instance) => driver.stats(containerName(instance.id)),

    /** Removes containers of instances that `known` does not have. Returns their number. */
    async sweep(known: (instanceId: string) => Promise<boolean>): Promise<number> {
      let removed = 0;
      for (const seen of await driver.list(labelsOf())) {
        const id = seen.labels['atelier.id'];
        if (id !== undefined && (await known(id))) continue;
        await driver.remove(seen.name);
        removed += 1;
      }
      return removed;
    },
  };
}

/** Whether GET /health is answered with a success within two seconds. */
export function probeHealth(endpoint: { host: string; port: number }): Promise<boolean> {
  return new Promise(resolve => {
    const call = request(
      { host: endpoint.host, port: endpoint.port, path: '/health', timeout: PROBE_MS, agent: false },
      response => {
        response.resume();
        resolve((response.statusCode ?? 500) < 400);
      },
    );
    const deadline = setTimeout(() => call.destroy(new Error('no answer')), PROBE_MS);
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', () => resolve(false));
    call.on('close', () => clearTimeout(deadline));
    call.end();
  });
}

async function abandonable(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
    work.catch(() => {});
  }
}
