import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Log } from '../../kernel/log.ts';

/** A bridge of the engine, as the firewall guards it. */
export interface GuardedBridge {
  /** Name of the host's network device. */
  device: string;
  /** The host's address on it. */
  gateway: string;
  /** TCP ports of that address which containers may reach. */
  hostPorts: readonly number[];
}

/** What containers reach of the host: name resolution and the given ports of the gateway's address, and nothing else. */
export interface Firewall {
  /** Puts the rules of a bridge in force; what was there of it is replaced at once. Only warns where that is not possible. */
  guard(bridge: GuardedBridge): Promise<void>;
  /** Takes the rules of a bridge away; harmless when there are none. */
  remove(device: string): Promise<void>;
}

const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
/** Seconds to wait for another program that changes rules. */
const WAIT = ['-w', '10'];

/**
 * A firewall of iptables rules: each bridge has a chain of its own, which only packets from that bridge to the host pass. Nothing of
 * IPv6 is let through, as the networks have none and every service that listens on all addresses would be reached by it.
 */
export function iptablesFirewall(log: Log): Firewall {
  let warned = false;

  /** What cannot be done is told once, and in full again after it worked. */
  async function attempt(what: string, device: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      warned = false;
    } catch (error) {
      if (!warned) {
        log.warn(
          { err: error, device },
          `the firewall could not ${what}: containers may reach programs of this machine that listen on all interfaces; "atelier doctor" tells more`,
        );
      }
      warned = true;
    }
  }

  return {
    guard: bridge =>
      attempt('guard a network', bridge.device, async () => {
        await put('iptables', bridge.device, rulesOf(bridge));
        await put('ip6tables', bridge.device, ['-j DROP']);
      }),
    remove: device =>
      attempt('let go of a network', device, async () => {
        for (const program of ['iptables', 'ip6tables']) await drop(program, device);
      }),
  };
}

/** Whether this process may change the rules, and why not. */
export async function firewallWorks(): Promise<{ ok: true } | { ok: false; reason: string }> {
  for (const program of ['iptables', 'ip6tables']) {
    const seen = await run(program, [...WAIT, '-S', 'INPUT']);
    if (seen.code !== 0) return { ok: false, reason: `${program}: ${seen.text.trim().split('\n')[0] || 'failed'}` };
  }
  return { ok: true };
}

/** The rules of a bridge's chain, in order. */
export function rulesOf({ gateway, hostPorts }: GuardedBridge): string[] {
  return [
    // What the host began: probes of health, predictions, terminals.
    '-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
    `-d ${gateway}/32 -p udp -m udp --dport 53 -j ACCEPT`,
    `-d ${gateway}/32 -p tcp -m tcp --dport 53 -j ACCEPT`,
    ...[...new Set(hostPorts)]
      .sort((a, b) => a - b)
      .map(port => `-d ${gateway}/32 -p tcp -m tcp --dport ${port} -j ACCEPT`),
    '-j REJECT --reject-with icmp-port-unreachable',
  ];
}

/** Names of chains have at most 28 characters, those of devices 15. */
function chainOf(device: string): string {
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(device)) throw new Error(`"${device}" is no name of a network device`);
  const digest = createHash('sha256').update(device).digest('hex').slice(0, 4);
  return `ATELIER-${device.replaceAll('.', '_')}-${digest}`;
}

async function put(program: string, device: string, rules: readonly string[]): Promise<void> {
  const chain = chainOf(device);
  // Naming the chain empties it, and all of it takes effect together.
  const table = ['*filter', `:${chain} - [0:0]`, ...rules.map(rule => `-A ${chain} ${rule}`), 'COMMIT', ''].join('\n');
  const restored = await run(`${program}-restore`, [...WAIT, '--noflush'], table);
  if (restored.code !== 0) throw new Error(`${program}-restore: ${restored.text.trim()}`);
  const jump = ['INPUT', '-i', device, '-j', chain];
  if ((await run(program, [...WAIT, '-C', ...jump])).code === 0) return;
  const inserted = await run(program, [...WAIT, '-I', ...jump]);
  if (inserted.code !== 0) throw new Error(`${program}: ${inserted.text.trim()}`);
}

async function drop(program: string, device: string): Promise<void> {
  const chain = chainOf(device);
  const jump = ['INPUT', '-i', device, '-j', chain];
  while ((await run(program, [...WAIT, '-C', ...jump])).code === 0) {
    const removed = await run(program, [...WAIT, '-D', ...jump]);
    if (removed.code !== 0) throw new Error(`${program}: ${removed.text.trim()}`);
  }
  if ((await run(program, [...WAIT, '-F', chain])).code === 0) await run(program, [...WAIT, '-X', chain]);
}

function run(program: string, args: readonly string[], input?: string): Promise<{ code: number; text: string }> {
  const env = { ...process.env, PATH };
  return new Promise(resolve => {
    if (input === undefined) {
      execFile(program, args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
        resolve({ code: error ? 1 : 0, text: stderr || stdout || (error?.message ?? '') }),
      );
      return;
    }
    const child = spawn(program, args, { env, timeout: 20_000 });
    let text = '';
    const hear = (data: Buffer) => {
      text += data.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', error => resolve({ code: 1, text: error.message }));
    child.on('close', code => resolve({ code: code ?? 1, text }));
    child.stdin.on('error', () => {}); // it ended early, which its code tells
    child.stdin.end(input);
  });
}
