import type Docker from 'dockerode';
import type { Observation } from '../driver.ts';
import { layerLabel, portsLabel } from './specification.ts';

/** What of the engine's answer is read. */
export type Inspected = Docker.ContainerInspectInfo;

const ENDED = new Set(['exited', 'dead', 'stopped', 'removing']);
const LIVING = new Set(['running', 'paused', 'stopping', 'restarting']);

/** Nothing is there. */
export function absent(name: string): Observation {
  return { name, state: 'absent', labels: {}, endpoints: {} };
}

/** The engine's account of a container as the port tells it; `publish` as in EngineTraits. */
export function observe(info: Inspected, labelPrefix: string, publish: boolean): Observation {
  const { [portsLabel(labelPrefix)]: ports, [layerLabel(labelPrefix)]: _, ...labels } = info.Config.Labels ?? {};
  const startedAt = instant(info.State.StartedAt);
  const observation: Observation = {
    name: info.Name.replace(/^\//, ''),
    state: 'created',
    labels,
    endpoints: {},
  };
  if (startedAt !== undefined) observation.startedAt = startedAt;
  if (info.State.Error) observation.error = info.State.Error;

  if (LIVING.has(info.State.Status)) {
    observation.state = 'running';
    const address = addressOf(info);
    if (address !== undefined) observation.address = address;
    observation.endpoints = endpoints(info, portList(ports), publish, address);
  } else if (ENDED.has(info.State.Status)) {
    observation.state = 'exited';
    observation.exitCode = Math.min(Math.max(info.State.ExitCode, 0), 255);
    const finishedAt = instant(info.State.FinishedAt);
    // Podman takes the two times from different clocks, which are some milliseconds apart.
    if (finishedAt !== undefined) observation.finishedAt = Math.max(finishedAt, startedAt ?? 0);
    if (info.State.OOMKilled) observation.oomKilled = true;
  } else if (startedAt !== undefined) {
    // After a reboot Podman calls a container that had been running "created", and its exit code is lost.
    observation.state = 'exited';
    observation.exitCode = 255;
    observation.error ||= 'The machine or the container engine restarted while it was running.';
  }
  return observation;
}

function portList(text: string | undefined): number[] {
  return (text ?? '').split(',').filter(Boolean).map(Number);
}

function addressOf(info: Inspected): string | undefined {
  const networks = Object.values(info.NetworkSettings?.Networks ?? {});
  return networks.map(network => network.IPAddress).find(Boolean) || undefined;
}

function endpoints(info: Inspected, ports: number[], publish: boolean, address: string | undefined) {
  const found: Observation['endpoints'] = {};
  for (const port of ports) {
    if (publish) {
      const binding = info.NetworkSettings?.Ports?.[`${port}/tcp`]?.[0];
      if (binding?.HostPort) found[port] = { host: '127.0.0.1', port: Number(binding.HostPort) };
    } else if (address !== undefined) {
      found[port] = { host: address, port };
    }
  }
  return found;
}

/** Milliseconds of an RFC 3339 time; undefined for the zero time that engines send for "never". */
function instant(text: string | undefined): number | undefined {
  const value = Date.parse(text ?? '');
  return Number.isNaN(value) || value <= 0 ? undefined : value;
}
