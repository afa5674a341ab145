import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { rcloneMounter } from '../resources/notebooks/index.ts';
import { firewallWorks } from '../runtime/container/firewall.ts';
import type { Settings } from './env.ts';
import { homePaths } from './home.ts';
import { processLives, readServerFile } from './server-file.ts';

/** One thing that was looked at. */
export interface Finding {
  subject: string;
  ok: boolean;
  text: string;
  remedy?: string;
}

const NEEDED_DISK_GIB = 6;
const SEARCH_PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/** Looks at everything the platform needs of this machine; changes nothing. */
export async function diagnose(settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [nodeVersion()];
  findings.push(rights());
  findings.push(program('haproxy', ['-v'], 'apt-get install --no-install-recommends haproxy'));
  findings.push(program('mmdebstrap', ['--version'], 'apt-get install --no-install-recommends mmdebstrap'));
  findings.push(program('mkfs.xfs', ['-V'], 'apt-get install --no-install-recommends xfsprogs'));
  findings.push(mounts());
  if (settings.engine) {
    findings.push(engineSocket(settings.engine));
  } else {
    findings.push(program('podman', ['--version'], 'apt-get install --no-install-recommends podman'));
    findings.push(program('runc', ['--version'], 'apt-get install --no-install-recommends runc'));
    findings.push(file('/usr/lib/podman/netavark', 'apt-get install --no-install-recommends netavark'));
    findings.push(file('/usr/lib/podman/aardvark-dns', 'apt-get install --no-install-recommends aardvark-dns'));
    findings.push(file('/usr/bin/tini-static', 'apt-get install --no-install-recommends tini'));
    findings.push(program('iptables', ['--version'], 'apt-get install --no-install-recommends iptables'));
  }
  findings.push(await firewall());
  findings.push(writable('ATELIER_HOME', settings.home), disk('ATELIER_HOME', settings.home, 1));
  findings.push(writable('container storage', settings.containersRoot));
  findings.push(disk('container storage', settings.containersRoot, NEEDED_DISK_GIB));
  for (const directory of settings.sharedDirectories) findings.push(sharedDirectory(directory));
  const server = readServerFile(homePaths(settings.home).serverFile);
  const runs = server !== undefined && processLives(server.pid);
  for (const [name, port] of Object.entries(settings.ports)) {
    findings.push(await portFree(settings.host, port, name, runs));
  }
  return findings;
}

function sharedDirectory({ name, path }: Settings['sharedDirectories'][number]): Finding {
  const found = existsSync(path);
  return {
    subject: `shared directory ${name}`,
    ok: found,
    text: found ? path : `${path} does not exist`,
    remedy: `Make it, or take ${name} out of ATELIER_SHARED_DIRS.`,
  };
}

function rights(): Finding {
  const root = process.getuid?.() === 0;
  return {
    subject: 'rights',
    ok: root,
    text: root ? 'root' : 'not root: the preset images cannot be built, and containers run without all limits',
    remedy: 'Run the platform as root; docs/guide/install.md, section "Without root", tells what works otherwise.',
  };
}

function mounts(): Finding {
  const unable = rcloneMounter().unable();
  return {
    subject: 'mounts',
    ok: unable === undefined,
    text:
      unable === undefined ? 'notebooks can mount object storage' : `notebooks cannot mount object storage: ${unable}`,
    remedy: 'As root: apt-get install --no-install-recommends rclone fuse3',
  };
}

async function firewall(): Promise<Finding> {
  const works = await firewallWorks();
  return {
    subject: 'firewall',
    ok: works.ok,
    text: works.ok
      ? 'containers reach nothing of this machine but name resolution and the doors of the platform'
      : `containers may reach every program of this machine that listens on all interfaces: ${works.reason}`,
    remedy: 'Install iptables and run the platform as root, or bind other programs to 127.0.0.1.',
  };
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  return {
    subject: 'Node.js',
    ok: major >= 24,
    text: process.versions.node,
    remedy: 'Run commands through ./atelier, which brings Node 24 from npm.',
  };
}

function program(name: string, args: string[], install: string): Finding {
  try {
    const output = execFileSync(name, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: SEARCH_PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return { subject: name, ok: true, text: output.split('\n')[0]!.trim() };
  } catch {
    return { subject: name, ok: false, text: 'not found', remedy: `As root: ${install}` };
  }
}

function file(path: string, install: string): Finding {
  const found = existsSync(path);
  return { subject: path, ok: found, text: found ? 'found' : 'not found', remedy: `As root: ${install}` };
}

function engineSocket(engine: string): Finding {
  const path = engine.replace(/^unix:\/\//, '');
  const found = existsSync(path);
  return {
    subject: 'container engine',
    ok: found,
    text: found ? engine : `${engine} does not exist`,
    remedy: 'Start that engine, or unset ATELIER_ENGINE to use Podman.',
  };
}

function nearest(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function writable(subject: string, path: string): Finding {
  try {
    accessSync(nearest(path), constants.W_OK);
    return { subject, ok: true, text: `${path} can be written` };
  } catch {
    return {
      subject,
      ok: false,
      text: `${path} cannot be written by this user`,
      remedy: 'Run as root, or name directories of yours with ATELIER_HOME and ATELIER_CONTAINERS.',
    };
  }
}

function disk(subject: string, path: string, neededGib: number): Finding {
  const stats = statfsSync(nearest(path));
  const free = (stats.bavail * stats.bsize) / 1024 ** 3;
  return {
    subject: `${subject} disk`,
    ok: free >= neededGib,
    text: `${free.toFixed(1)} GiB free, ${neededGib} GiB needed`,
    remedy: 'Free some space, or move it to a larger disk.',
  };
}

async function portFree(host: string, port: number, name: string, serverRuns: boolean): Promise<Finding> {
  const free = await new Promise<boolean>(resolve => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
  const text = free ? 'free' : serverRuns ? 'in use by the running platform' : 'in use by another program';
  return {
    subject: `port ${port} (${name})`,
    ok: free || serverRuns,
    text,
    remedy: 'Choose another base port with ATELIER_PORT.',
  };
}
