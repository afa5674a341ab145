import type { ContainerState } from '../../runtime/driver.ts';
import { backoff, type Instance, label, RESTART_AFTER, type ServiceEvent, UNHEALTHY_AFTER } from './service.ts';

/** What was seen of an instance's container. */
export interface Sight {
  state: ContainerState;
  /** From its label. */
  attempt?: number;
  startedAt?: number;
  exitCode?: number;
  oomKilled?: boolean;
  error?: string;
  endpoint?: { host: string; port: number };
  /** Answer of the health probe; absent when it was not probed. */
  healthy?: boolean;
  /** The last lines of its output, when it has ended. */
  lastLines?: string[];
  memoryBytes?: number;
}

/** Time it must have been ready for before earlier crashes are forgotten, milliseconds. */
const STEADY_MS = 60_000;
const RUNTIME_FAILURE = /model service failed to start: (.+)$/;
const PYTHON_ERROR = /^(?:[\w.]+\.)?\w*(Error|Exception|Interrupt|Exit)\b\s*(:|$)/;

/** What an instance becomes after it was looked at, with the events to tell. Pure. */
export function observe(
  instance: Instance,
  sight: Sight,
  now: number,
): { instance: Instance; events: ServiceEvent[]; restart: boolean } {
  const unchanged = { instance, events: [], restart: false };
  if (instance.phase === 'queued' || instance.phase === 'leaving') return unchanged;
  const mine = sight.attempt === undefined || sight.attempt === instance.attempt;
  if (sight.state === 'running' && mine) return observeRunning(instance, sight, now);
  if (sight.state === 'exited' && mine) {
    const ownEnd = !sight.oomKilled && (sight.exitCode ?? 1) <= 128;
    return crashed(instance, explainExit(sight), now, sight.lastLines, ownEnd);
  }
  if (instance.phase === 'ready') return crashed(instance, 'its container is gone', now);
  return unchanged;
}

function observeRunning(instance: Instance, sight: Sight, now: number) {
  const at = sight.endpoint ? { host: sight.endpoint.host, port: sight.endpoint.port } : {};
  const startedAt = instance.startedAt ?? sight.startedAt ?? now;
  if (sight.healthy === true && sight.endpoint) {
    const events: ServiceEvent[] = [];
    if (instance.phase === 'starting') {
      events.push({
        time: now,
        type: 'normal',
        info: `${label(instance)} instance ${instance.id} is ready${instance.everReady ? ' again' : ''}.`,
      });
    } else if (instance.probeFailures >= UNHEALTHY_AFTER) {
      events.push({
        time: now,
        type: 'normal',
        info: `${label(instance)} instance ${instance.id} answers its health check again.`,
      });
    }
    const readyAt = instance.phase === 'ready' ? (instance.readyAt ?? now) : now;
    return {
      instance: {
        ...instance,
        ...at,
        startedAt,
        phase: 'ready' as const,
        everReady: true,
        readyAt,
        crashes: now - readyAt >= STEADY_MS ? 0 : instance.crashes,
        probeFailures: 0,
        note: '',
      },
      events,
      restart: false,
    };
  }
  if (instance.phase === 'starting') {
    const waited = Math.round((now - startedAt) / 1000);
    if (instance.everReady && waited > instance.deployTimeoutSeconds) {
      return {
        ...crashed(instance, `it did not answer GET /health for ${waited} s after its start`, now),
        restart: true,
      };
    }
    const note = `it does not answer GET /health on port 8080 yet (${waited} s after its start)`;
    return { instance: { ...instance, startedAt, note }, events: [], restart: false };
  }
  if (sight.healthy !== false) return { instance, events: [], restart: false };
  const probeFailures = instance.probeFailures + 1;
  if (probeFailures >= RESTART_AFTER) {
    return { ...crashed(instance, 'it stopped answering its health check', now), restart: true };
  }
  const note = 'it does not answer its health check';
  const events: ServiceEvent[] =
    probeFailures === UNHEALTHY_AFTER
      ? [{ time: now, type: 'abnormal', info: `${label(instance)} instance ${instance.id}: ${note}.` }]
      : [];
  return { instance: { ...instance, probeFailures, note }, events, restart: false };
}

/** The instance after its container ended or could not be started: to be started again after a pause. */
export function crashed(
  instance: Instance,
  why: string,
  now: number,
  lastLines: readonly string[] = [],
  /** Its own program ended it, so that the last line is likely to say why. */
  ownEnd = true,
) {
  const steady = instance.readyAt !== undefined && now - instance.readyAt >= STEADY_MS;
  const crashes = (instance.phase === 'ready' && steady ? 0 : instance.crashes) + 1;
  const pause = backoff(crashes);
  const cause = ownEnd ? causeOf(lastLines) : undefined;
  const note = cause ? `${why}: ${cause}` : why;
  const tail = lastLines.filter(line => line.trim() !== '').slice(-5);
  const info =
    `${label(instance)} instance ${instance.id} failed: ${note}. It is started again in ${pause / 1000} s ` +
    `(start ${instance.attempt + 1}).${tail.length > 0 ? ` Last output:\n${tail.join('\n').slice(0, 2000)}` : ''}`;
  return {
    instance: {
      ...instance,
      phase: 'starting' as const,
      attempt: instance.attempt + 1,
      crashes,
      nextStartAt: now + pause,
      startedAt: undefined,
      readyAt: undefined,
      probeFailures: 0,
      host: undefined,
      port: undefined,
      note,
    },
    events: [{ time: now, type: 'abnormal' as const, info }],
    restart: false,
  };
}

/** Why a container ended, in plain words. */
export function explainExit(sight: Sight): string {
  const code = sight.exitCode;
  if (sight.oomKilled || code === 137) {
    const limit = sight.memoryBytes ? ` of ${Math.round((sight.memoryBytes / 1024 ** 3) * 10) / 10} GiB` : '';
    return sight.oomKilled
      ? `it was killed because it used more memory than its flavor's limit${limit} (exit code 137)`
      : 'it was killed by SIGKILL (exit code 137)';
  }
  if (sight.error) return `the container engine could not run it: ${sight.error.slice(0, 300)}`;
  if (code === undefined) return 'its container ended';
  if (code === 126) return 'its command could not be executed (exit code 126)';
  if (code === 127) return 'its command was not found (exit code 127)';
  if (code > 128) return `it was ended by signal ${code - 128} (exit code ${code})`;
  return `its process ended with exit code ${code}`;
}

/** The line of the output that most likely names the cause: what the runtime says, else the last Python error, else the last line. */
export function causeOf(lines: readonly string[]): string | undefined {
  const full = lines.map(line => line.trimEnd()).filter(line => line.trim() !== '');
  const told = full.findLast(line => RUNTIME_FAILURE.test(line) && !/see the lines above/.test(line));
  if (told) return RUNTIME_FAILURE.exec(told)![1]!.slice(0, 500);
  const error = full.findLast(line => PYTHON_ERROR.test(line));
  return (error ?? full.at(-1))?.trim().slice(0, 500);
}
