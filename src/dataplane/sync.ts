import { ask, readMap, readServers, type ServerState, tellAll } from './admin-socket.ts';
import { address, MAP_NAMES, type MapName, type Rendered, type Server, serverOptions } from './config.ts';

/** Maps of a worker as last known, so that a feed costs only its differences. */
export interface MapMirror {
  pid: number;
  maps: Partial<Record<MapName, Map<string, string>>>;
}

/** Reads all maps of the worker `pid`. */
export async function mirrorOf(socketPath: string, pid: number): Promise<MapMirror> {
  const maps: MapMirror['maps'] = {};
  for (const name of MAP_NAMES) {
    const entries = await readMap(socketPath, name);
    if (entries) maps[name] = entries;
  }
  return { pid, maps };
}

/** Commands that turn `have` into `want`; removals first, so that a revocation never waits behind additions. */
export function mapCommands(name: string, have: Map<string, string>, want: Map<string, string>): string[] {
  const removals = [...have.keys()].filter(key => !want.has(key)).map(key => `del map ${name} ${key}`);
  const changes = [...want]
    .filter(([key, value]) => have.get(key) !== value)
    .map(([key, value]) => `${have.has(key) ? 'set' : 'add'} map ${name} ${key} ${value}`);
  return [...removals, ...changes];
}

/** Brings the worker's maps to `rendered` and the mirror with them. */
export async function syncMaps(socketPath: string, mirror: MapMirror, rendered: Rendered): Promise<void> {
  for (const name of MAP_NAMES) {
    const have = mirror.maps[name];
    // A map that no rule of the loaded structure uses is not there, and nothing is wanted in it.
    if (!have) continue;
    await tellAll(socketPath, mapCommands(name, have, rendered.maps[name]));
    mirror.maps[name] = rendered.maps[name];
  }
}

async function command(socketPath: string, line: string, expected: RegExp): Promise<void> {
  const answer = (await ask(socketPath, line)).trim();
  if (!expected.test(answer)) throw new Error(`HAProxy answered "${answer.slice(0, 300)}" to "${line}"`);
}

const SILENT = /^$/;

async function addServer(socketPath: string, server: Server): Promise<void> {
  const name = `${server.backend}/${server.name}`;
  await command(socketPath, `add server ${name} ${address(server)} ${serverOptions(server)}`, /New server registered/);
  if (server.check) await command(socketPath, `enable health ${name}`, SILENT);
  await command(socketPath, `enable server ${name}`, SILENT);
}

async function changeServer(socketPath: string, have: ServerState, want: Server): Promise<void> {
  const name = `${want.backend}/${want.name}`;
  if (have.host !== want.host || have.port !== want.port) {
    await command(socketPath, `set server ${name} addr ${want.host} port ${want.port}`, /changed|no need|^$/);
  }
  if (have.weight !== want.weight) await command(socketPath, `set server ${name} weight ${want.weight}`, SILENT);
  if (have.maintenance) await command(socketPath, `set server ${name} state ready`, SILENT);
}

/**
 * Brings the worker's servers to `rendered`: adds, moves, weighs; what is no longer wanted goes to maintenance at once
 * and is deleted as soon as its last connection is gone (a later call). Returns false when only a reload can do it.
 */
export async function syncServers(
  socketPath: string,
  rendered: Rendered,
  beforeDelete: () => Promise<void>,
): Promise<boolean> {
  const key = (s: { backend: string; name: string }) => `${s.backend}/${s.name}`;
  const have = new Map((await readServers(socketPath)).map(state => [key(state), state]));
  const want = new Map(rendered.servers.map(server => [key(server), server]));
  for (const [name, server] of want) {
    const state = have.get(name);
    if (state && (state.tls !== server.tls || state.check !== server.check)) return false;
  }
  for (const [name, server] of want) {
    const state = have.get(name);
    if (state) await changeServer(socketPath, state, server);
    else await addServer(socketPath, server);
  }
  const gone = [...have].filter(([name]) => !want.has(name));
  if (gone.length > 0) await beforeDelete();
  for (const [name, state] of gone) {
    if (!state.maintenance) await command(socketPath, `set server ${name} state maint`, SILENT);
    // Refused while connections remain, and for servers that came from the file; both are harmless in maintenance.
    await ask(socketPath, `del server ${name}`);
  }
  return true;
}
