import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { EngineRefused, type NetworkInfo, type NetworkSpec } from '../driver.ts';
import { type EngineClient, LIBPOD, statusOf } from './engine-client.ts';
import { checkName } from './specification.ts';

/** Candidates are the 1,792 networks 10.89.0.0/24 to 10.95.255.0/24; Podman's own default network is 10.88.0.0/16. */
const FIRST_OCTET = 89;
const CANDIDATES = 1792;
/** Has no factor in common with CANDIDATES, so that the attempts spread. */
const STRIDE = 37;
const ATTEMPTS = 64;

/** Makes sure that the network of `spec` exists; an existing one of that name is taken as it is. */
export async function ensureNetwork(client: EngineClient, spec: NetworkSpec): Promise<NetworkInfo> {
  checkName(spec.name);
  const found = await inspectNetwork(client, spec.name);
  if (found !== undefined) return found;
  const { engine } = await client.flavour();
  try {
    if (engine === 'podman') await createOnPodman(client, spec);
    else await createOnDocker(client, spec);
  } catch (error) {
    // Another caller may have made it meanwhile.
    const other = error instanceof EngineRefused ? await inspectNetwork(client, spec.name) : undefined;
    if (other === undefined) throw error;
    return other;
  }
  const made = await inspectNetwork(client, spec.name);
  if (made === undefined) throw new EngineRefused(`the network ${spec.name}`, 'it vanished after it was made');
  return made;
}

/** Removes a network; harmless when absent. Refused while containers are on it. */
export async function removeNetwork(client: EngineClient, name: string): Promise<void> {
  checkName(name);
  await client.askUnless(`removal of the network ${name}`, [404], () => client.quick.getNetwork(name).remove());
}

async function inspectNetwork(client: EngineClient, name: string): Promise<NetworkInfo | undefined> {
  const info = await client.askUnless(`the network ${name}`, [404], () => client.quick.getNetwork(name).inspect());
  const config = info?.IPAM?.Config?.[0];
  if (info === undefined || info.Name !== name || config?.Subnet === undefined) return undefined;
  return { name, subnet: config.Subnet, gateway: config.Gateway ?? firstAddress(config.Subnet) };
}

async function createOnDocker(client: EngineClient, spec: NetworkSpec): Promise<void> {
  await client.ask(`the network ${spec.name}`, () =>
    client.quick.createNetwork({
      Name: spec.name,
      Driver: 'bridge',
      Internal: spec.internal,
      Labels: spec.labels,
      CheckDuplicate: true,
    }),
  );
}

/**
 * Subnet and bridge name come from the network's name: left to itself, Podman knows only of its own networks and of bridges
 * that are up, so two engines on one machine would take the same ones.
 */
async function createOnPodman(client: EngineClient, spec: NetworkSpec): Promise<void> {
  const digest = createHash('sha256').update(spec.name).digest();
  const taken = await takenSubnets(client);
  let last: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const slot = (digest.readUInt32BE(0) + attempt * STRIDE) % CANDIDATES;
    const prefix = `10.${FIRST_OCTET + Math.floor(slot / 256)}.${slot % 256}`;
    if (taken.has(prefix)) continue;
    try {
      await client.request({
        operation: `the network ${spec.name}`,
        method: 'POST',
        path: `${LIBPOD}/networks/create`,
        quick: true,
        body: {
          name: spec.name,
          driver: 'bridge',
          network_interface: `at${digest.toString('hex', 4, 10)}`,
          subnets: [{ subnet: `${prefix}.0/24`, gateway: `${prefix}.1` }],
          internal: spec.internal,
          dns_enabled: true,
          labels: spec.labels,
          options: { isolate: 'true' },
        },
      });
      return;
    } catch (error) {
      if (statusOf(error) === 409 || !/subnet/i.test(String(error))) throw error;
      last = error;
    }
  }
  throw new EngineRefused(`the network ${spec.name}`, 'no free subnet from 10.89.0.0 to 10.95.255.0', last);
}

async function takenSubnets(client: EngineClient): Promise<Set<string>> {
  const prefixes = new Set<string>();
  const add = (address: string) => prefixes.add(address.split('.').slice(0, 3).join('.'));
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) if (family === 'IPv4') add(address);
  }
  const routes = await readFile('/proc/net/route', 'utf8').catch(() => '');
  for (const line of routes.split('\n').slice(1)) {
    const hex = line.split('\t')[1];
    if (hex?.length === 8) add([6, 4, 2, 0].map(at => Number.parseInt(hex.slice(at, at + 2), 16)).join('.'));
  }
  const networks = await client.ask('the list of networks', () => client.quick.listNetworks());
  for (const network of networks) for (const config of network.IPAM?.Config ?? []) add(config.Subnet ?? '');
  return prefixes;
}

function firstAddress(subnet: string): string {
  return subnet.replace(/\.\d+\/\d+$/, '.1');
}
