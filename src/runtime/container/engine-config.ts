import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Statically linked ones first: the init is mounted into images that may hold no C library. */
const INITS = ['/usr/bin/tini-static', '/usr/libexec/podman/catatonit', '/usr/bin/catatonit', '/usr/bin/tini'];

/** The files that set Podman up apart from the machine's own configuration and containers. */
export interface EngineConfig {
  /** Variables for `podman`, for the service and for anybody who wants to look in by hand. */
  env: Record<string, string>;
  storage: string;
  run: string;
}

/**
 * Writes Podman's configuration into `dir`. Images and containers lie below `containersRoot`, which installations on one machine
 * may share. runc and cgroupfs, because crun refuses machines with both versions of control groups and systemd may be absent;
 * explicit ulimits, because Podman's own need CAP_SYS_RESOURCE; nothing of the host's proxies and hosts file in containers.
 */
export async function writeEngineConfig(dir: string, containersRoot: string): Promise<EngineConfig> {
  const storage = join(containersRoot, 'storage');
  const run = join(containersRoot, 'run');
  const files = {
    'containers.conf': containersConf(containersRoot, run),
    'storage.conf': storageConf(storage, run),
    'registries.conf': 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n',
  };
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) await writeWhenChanged(join(dir, name), text);
  return {
    env: {
      CONTAINERS_CONF: join(dir, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(dir, 'storage.conf'),
      CONTAINERS_REGISTRIES_CONF: join(dir, 'registries.conf'),
    },
    storage,
    run,
  };
}

/** `skip_mount_home`: the engine would mount its folder of layers on itself, which hides what is mounted below it (see layer.ts). */
function storageConf(storage: string, run: string): string {
  return `[storage]
driver = "overlay"
graphroot = ${toml(storage)}
runroot = ${toml(run)}

[storage.options.overlay]
skip_mount_home = "true"
`;
}

function containersConf(containersRoot: string, run: string): string {
  const init = INITS.find(path => existsSync(path));
  const initPath = init === undefined ? '' : `init_path = ${toml(init)}\n`;
  return `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
log_driver = "k8s-file"
http_proxy = false
base_hosts_file = "none"
${initPath}
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = ${toml(join(run, 'libpod'))}
image_parallel_copies = 2
exit_command_delay = 20
${initPath}
[network]
network_backend = "netavark"
network_config_dir = ${toml(join(containersRoot, 'networks'))}
`;
}

function toml(text: string): string {
  return JSON.stringify(text);
}

async function writeWhenChanged(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => undefined);
  if (present === text) return;
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
