import { isIP } from 'node:net';
import { Failure } from '../kernel/failure.ts';

/** One running copy of a model entry, as HAProxy reaches it. `drain`: takes no new requests, finishes those it has. */
export interface Instance {
  id: string;
  /** IPv4 or IPv6 literal. Names are refused: HAProxy would need a resolver to start. */
  host: string;
  port: number;
  /** Speaks HTTPS; its certificate is not verified, as containers bring self-signed ones. */
  tls: boolean;
  drain?: boolean;
}

/** A model version inside a service with its share of the traffic, 0..100. */
export interface Entry {
  id: string;
  weight: number;
  instances: Instance[];
  /** GET here must answer 2xx or 3xx for an instance to be healthy. Absent: being connectable is enough. */
  healthPath?: string;
}

export type ServiceState = 'running' | 'stopped' | 'deploying' | 'failed';
export type BalancePolicy = 'roundrobin' | 'leastconn' | 'source';

/** A real-time service. POST is always allowed (behaviour/inference.md 6); other methods only as declared. */
export interface Service {
  id: string;
  accountId: string;
  projectId: string;
  /** The default one when absent. */
  workspaceId?: string;
  entries: Entry[];
  state: ServiceState;
  /** Methods besides POST that are allowed on every path. */
  methods?: string[];
  /** Paths, as the instance sees them, that GET is allowed on. */
  getPaths?: string[];
  /** Longest wait for an answer, seconds; the gateway's own limit when absent. */
  timeoutSeconds?: number;
  /** WebSocket upgrades are passed on. */
  websocket?: boolean;
  policy?: BalancePolicy;
}

/** A user who may invoke the services of a workspace right now. A token of another generation is refused. */
export interface Caller {
  id: string;
  projectId: string;
  /** The default one when absent. */
  workspaceId?: string;
  generation: number;
}

/** The whole of what the gateway serves; each feed replaces the last. */
export interface Routes {
  services: Service[];
  callers: Caller[];
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const CALLER_ID = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$/;
// No blank, quote, ';', '\', '#' or control: paths enter map files and commands of the admin socket.
const PATH = /^\/[A-Za-z0-9._~!$&()*+,=:@%/{}-]{0,511}$/;
const METHODS = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST']);
const STATES = new Set<string>(['running', 'stopped', 'deploying', 'failed']);
const POLICIES = new Set<string>(['roundrobin', 'leastconn', 'source']);

function refuse(what: string): never {
  throw new Failure({ code: 'ModelArts.0104', status: 400, message: `Inference route refused: ${what}` });
}

function checkId(what: string, value: unknown, pattern: RegExp = ID): void {
  if (typeof value !== 'string' || !pattern.test(value)) {
    refuse(`${what} ${JSON.stringify(String(value).slice(0, 80))} must match ${pattern.source}`);
  }
}

function checkInteger(what: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    refuse(`${what} must be an integer from ${min} to ${max}, not ${JSON.stringify(value)}`);
  }
}

function checkPath(what: string, value: string): void {
  if (typeof value !== 'string' || !PATH.test(value))
    refuse(`${what} ${JSON.stringify(value)} must match ${PATH.source}`);
}

function checkEntry(where: string, entry: Entry, seen: Set<string>): void {
  checkId(`${where}: entry id`, entry.id);
  checkInteger(`${where}, entry ${entry.id}: weight`, entry.weight, 0, 100);
  if (entry.healthPath !== undefined) checkPath(`${where}, entry ${entry.id}: healthPath`, entry.healthPath);
  for (const instance of entry.instances) {
    checkId(`${where}, entry ${entry.id}: instance id`, instance.id);
    const name = serverName(entry, instance);
    if (seen.has(name)) refuse(`${where}: instance ${name} appears twice`);
    seen.add(name);
    if (isIP(instance.host) === 0 || instance.host.includes('%')) {
      refuse(`${where}, instance ${name}: host ${JSON.stringify(instance.host)} must be an IP address`);
    }
    checkInteger(`${where}, instance ${name}: port`, instance.port, 1, 65535);
  }
}

function checkService(service: Service): void {
  checkId('service id', service.id);
  const where = `service ${service.id}`;
  checkId(`${where}: accountId`, service.accountId);
  checkId(`${where}: projectId`, service.projectId);
  if (service.workspaceId !== undefined) checkId(`${where}: workspaceId`, service.workspaceId);
  if (!STATES.has(service.state)) refuse(`${where}: state ${JSON.stringify(service.state)} is not known`);
  if (service.policy !== undefined && !POLICIES.has(service.policy)) {
    refuse(`${where}: policy ${JSON.stringify(service.policy)} is not known`);
  }
  for (const method of service.methods ?? []) {
    if (!METHODS.has(method)) refuse(`${where}: method ${JSON.stringify(method)} is not known`);
  }
  for (const path of service.getPaths ?? []) checkPath(`${where}: GET path`, path);
  if (service.timeoutSeconds !== undefined) checkInteger(`${where}: timeoutSeconds`, service.timeoutSeconds, 1, 86400);
  const entries = new Set<string>();
  const servers = new Set<string>();
  for (const entry of service.entries) {
    checkEntry(where, entry, servers);
    if (entries.has(entry.id)) refuse(`${where}: entry ${entry.id} appears twice`);
    entries.add(entry.id);
  }
}

/**
 * Checks everything that will enter the configuration, so that no id, path or address can carry syntax of its own.
 * Throws Failure `ModelArts.0104` naming the offending field.
 */
export function checkRoutes(routes: Routes): void {
  const services = new Set<string>();
  for (const service of routes.services) {
    checkService(service);
    if (services.has(service.id)) refuse(`service ${service.id} appears twice`);
    services.add(service.id);
  }
  for (const caller of routes.callers) {
    checkId('caller id', caller.id, CALLER_ID);
    checkId(`caller ${caller.id}: projectId`, caller.projectId);
    if (caller.workspaceId !== undefined) checkId(`caller ${caller.id}: workspaceId`, caller.workspaceId);
    checkInteger(`caller ${caller.id}: generation`, caller.generation, 0, Number.MAX_SAFE_INTEGER);
  }
}

/** The server's name inside its service's backend: `entry:instance`. */
export function serverName(entry: Entry, instance: Instance): string {
  return `${entry.id}:${instance.id}`;
}

/**
 * HAProxy weights (0..256) per server name: an entry's weight is shared evenly by its instances that take traffic, and
 * the common scale is the one that rounds least, so shares are true to well under a percent. Nothing that should have
 * traffic rounds down to none.
 */
export function serverWeights(entries: Entry[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const entry of entries) {
    const active = entry.instances.filter(instance => !instance.drain).length;
    for (const instance of entry.instances) {
      shares.set(serverName(entry, instance), instance.drain ? 0 : entry.weight / active);
    }
  }
  const values = [...new Set(shares.values())].filter(share => share > 0);
  const top = Math.max(...values);
  let best = { error: Number.POSITIVE_INFINITY, scale: 1 };
  for (let target = 1; values.length > 0 && target <= 256; target++) {
    const scale = target / top;
    const error = Math.max(...values.map(v => Math.abs(Math.max(1, Math.round(v * scale)) - v * scale) / (v * scale)));
    if (error < best.error - 1e-9) best = { error, scale };
  }
  return new Map([...shares].map(([name, v]) => [name, v > 0 ? Math.max(1, Math.round(v * best.scale)) : 0]));
}
