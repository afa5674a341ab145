import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { EngineRefused, type NetworkInfo, type NetworkSpec } from '../driver.ts';
import { type EngineClient, LIBPOD, statusOf } from './engine-client.ts';
import type { Firewall } from './firewall.ts';
import { checkName } from './specification.ts';

/** Candidates are the 1,792 networks 10.89.0.0/24 to 10.95.255.0/24; Podman's own default network is 10.88.0.0/16. */
const FIRST_OCTET = 89;
const CANDIDATES = 1792;
/** Has no factor in common with CANDIDATES, so that the attempts spread. */
const STRIDE = 37;
const ATTEMPTS = 64;

/** A network as the engine has it. */
interface EngineNetwork extends NetworkInfo {
  /** The host's device of the bridge; absent where it cannot be told. */
  device?: string;
  labels: Record<string, string>;
}

/** The networks of one engine. */
export interface Networks {
  /** Makes sure that the network exists; one of that name is taken as it is, unless it has another subnet than asked for. */
  ensure(spec: NetworkSpec): Promise<NetworkInfo>;
  /** Removes a network; harmless when absent. Refused while containers are on it. */
  remove(name: string): Promise<void>;
  /** The subnets that a new network must not overlap. */
  used(): Promise<string[]>;
  /** Names of the networks with all of these labels. */
  list(labels: Record<string, string>): Promise<string[]>;
  /** Puts the firewall's rules of all networks with these labels in force again, whoever took them away. */
  guard(labels: Record<string, string>): Promise<void>;
}

/** What a network allows, kept with it so that whoever starts next knows. */
const PORTS_LABEL = 'atelier.host-ports';

/** `firewall`: what guards the host, and the ports that are open where a network does not say; absent: nothing does. */
export function engineNetworks(
  client: EngineClient,
  firewall?: { firewall: Firewall; hostPorts: readonly number[] },
): Networks {
  /** What was said of each network since this process started. */
  const ports = new Map<string, readonly number[]>();
  /** Devices whose rules were put in force, and with what. */
  const guarded = new Map<string, string>();

  async function guardOne(network: EngineNetwork, again: boolean): Promise<void> {
    if (!firewall || network.device === undefined) return;
    const hostPorts = ports.get(network.name) ?? portsOf(network.labels) ?? firewall.hostPorts;
    const bridge = { device: network.device, gateway: network.gateway, hostPorts };
    const wanted = JSON.stringify(bridge);
    if (!again && guarded.get(network.device) === wanted) return;
    await firewall.firewall.guard(bridge);
    guarded.set(network.device, wanted);
  }

  async function made(spec: NetworkSpec): Promise<EngineNetwork> {
    const found = await inspectNetwork(client, spec.name);
    if (found !== undefined) return found;
    const { engine } = await client.flavour();
    const labels = spec.hostPorts ? { ...spec.labels, [PORTS_LABEL]: spec.hostPorts.join(',') } : spec.labels;
    try {
      if (engine === 'podman') await createOnPodman(client, { ...spec, labels });
      else await createOnDocker(client, { ...spec, labels });
    } catch (error) {
      // Another caller may have made it meanwhile.
      const other = error instanceof EngineRefused ? await inspectNetwork(client, spec.name) : undefined;
      if (other === undefined) throw error;
      return other;
    }
    const fresh = await inspectNetwork(client, spec.name);
    if (fresh === undefined) throw new EngineRefused(`the network ${spec.name}`, 'it vanished after it was made');
    return fresh;
  }

  async function list(labels: Record<string, string>): Promise<string[]> {
    const all = await client.ask('the list of networks', () => client.quick.listNetworks());
    return all
      .filter(network => Object.entries(labels).every(([key, value]) => network.Labels?.[key] === value))
      .map(network => network.Name);
  }

  return {
    list,
    used: () => usedSubnets(client),
    async ensure(spec) {
      checkName(spec.name);
      if (spec.hostPorts) ports.set(spec.name, spec.hostPorts);
      const network = await made(spec);
      if (spec.subnet !== undefined && network.subnet !== spec.subnet) {
        throw new EngineRefused(`the network ${spec.name}`, `it is there with ${network.subnet}, not ${spec.subnet}`);
      }
      await guardOne(network, false);
      const { name, subnet, gateway } = network;
      return { name, subnet, gateway };
    },
    async remove(name) {
      checkName(name);
      const network = await inspectNetwork(client, name);
      await client.askUnless(`removal of the network ${name}`, [404], () => client.quick.getNetwork(name).remove());
      ports.delete(name);
      if (network?.device === undefined) return;
      guarded.delete(network.device);
      await firewall?.firewall.remove(network.device);
    },
    async guard(labels) {
      if (!firewall) return;
      for (const name of await list(labels)) {
        const network = await inspectNetwork(client, name);
        if (network) await guardOne(network, true);
      }
    },
  };
}

function portsOf(labels: Record<string, string>): number[] | undefined {
  const text = labels[PORTS_LABEL];
  if (text === undefined) return undefined;
  return text
    .split(',')
    .map(Number)
    .filter(port => Number.isInteger(port) && port > 0 && port < 65_536);
}

async function inspectNetwork(client: EngineClient, name: string): Promise<EngineNetwork | undefined> {
  const info = await client.askUnless(`the network ${name}`, [404], () => client.quick.getNetwork(name).inspect());
  const config = info?.IPAM?.Config?.[0];
  if (info === undefined || info.Name !== name || config?.Subnet === undefined) return undefined;
  const device = await deviceOf(client, name, info);
  return {
    name,
    subnet: config.Subnet,
    gateway: config.Gateway ?? firstAddress(config.Subnet),
    labels: info.Labels ?? {},
    ...(device === undefined ? {} : { device }),
  };
}

async function deviceOf(
  client: EngineClient,
  name: string,
  info: { Id: string; Options?: Record<string, string> | null },
): Promise<string | undefined> {
  const { engine } = await client.flavour();
  if (engine === 'podman') return deviceName(name);
  return info.Options?.['com.docker.network.bridge.name'] ?? `br-${info.Id.slice(0, 12)}`;
}

/** The bridge's name comes from the network's, so that two engines on one machine do not take the same one. */
function deviceName(name: string): string {
  return `at${createHash('sha256').update(name).digest('hex').slice(8, 20)}`;
}

async function createOnDocker(client: EngineClient, spec: NetworkSpec): Promise<void> {
  await client.ask(`the network ${spec.name}`, () =>
    client.quick.createNetwork({
      Name: spec.name,
      Driver: 'bridge',
      Internal: spec.internal,
      Labels: spec.labels,
      CheckDuplicate: true,
      ...(spec.subnet === undefined ? {} : { IPAM: { Config: [{ Subnet: spec.subnet }] } }),
    }),
  );
}

/** The subnet comes from the network's name too: Podman knows only of its own networks and of bridges that are up. */
async function createOnPodman(client: EngineClient, spec: NetworkSpec): Promise<void> {
  const create = (subnet: string) =>
    client.request({
      operation: `the network ${spec.name}`,
      method: 'POST',
      path: `${LIBPOD}/networks/create`,
      quick: true,
      body: {
        name: spec.name,
        driver: 'bridge',
        network_interface: deviceName(spec.name),
        subnets: [{ subnet, gateway: firstAddress(subnet) }],
        internal: spec.internal,
        dns_enabled: true,
        labels: spec.labels,
        options: { isolate: 'true' },
      },
    });
  if (spec.subnet !== undefined) {
    await create(spec.subnet);
    return;
  }
  const digest = createHash('sha256').update(spec.name).digest();
  const taken = await takenSubnets(client);
  let last: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const slot = (digest.readUInt32BE(0) + attempt * STRIDE) % CANDIDATES;
    const prefix = `10.${FIRST_OCTET + Math.floor(slot / 256)}.${slot % 256}`;
    if (taken.has(prefix)) continue;
    try {
      await create(`${prefix}.0/24`);
      return;
    } catch (error) {
      if (statusOf(error) === 409 || !/subnet/i.test(String(error))) throw error;
      last = error;
    }
  }
  throw new EngineRefused(`the network ${spec.name}`, 'no free subnet from 10.89.0.0 to 10.95.255.0', last);
}

/** Beginnings of the subnets of 256 addresses that are taken, such as `10.89.0`. */
async function takenSubnets(client: EngineClient): Promise<Set<string>> {
  const used = await usedSubnets(client);
  return new Set(used.map(subnet => subnet.split('.').slice(0, 3).join('.')));
}

/** The subnets of the machine's devices and routes, and of the engine's networks. The default route is none. */
async function usedSubnets(client: EngineClient): Promise<string[]> {
  const subnets: string[] = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, cidr, family } of addresses ?? []) {
      if (family === 'IPv4') subnets.push(network(address, Number(cidr?.split('/')[1] ?? 32)));
    }
  }
  const routes = await readFile('/proc/net/route', 'utf8').catch(() => '');
  for (const line of routes.split('\n').slice(1)) {
    const [, to, , , , , , mask] = line.split('\t');
    if (to?.length !== 8 || mask?.length !== 8 || mask === '00000000') continue;
    const octets = (hex: string) => [6, 4, 2, 0].map(at => Number.parseInt(hex.slice(at, at + 2), 16));
    const prefix = octets(mask).reduce((bits, octet) => bits + octet.toString(2).replaceAll('0', '').length, 0);
    subnets.push(network(octets(to).join('.'), prefix));
  }
  const networks = await client.ask('the list of networks', () => client.quick.listNetworks());
  for (const { IPAM } of networks) for (const { Subnet } of IPAM?.Config ?? []) if (Subnet) subnets.push(Subnet);
  return [...new Set(subnets)];
}

/** The network of an address: `10.1.2.3` and 24 are `10.1.2.0/24`. */
function network(address: string, prefix: number): string {
  const bits = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = bits - (bits % 2 ** (32 - prefix));
  return `${[24, 16, 8, 0].map(shift => Math.floor(first / 2 ** shift) % 256).join('.')}/${prefix}`;
}

function firstAddress(subnet: string): string {
  return subnet.replace(/\d+\/\d+$/, last => String((Number(last.split('/')[0]) & 0xff) + 1));
}
