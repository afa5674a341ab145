import { existsSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { generateSshKey } from '../key-pairs/index.ts';
import { writeOwned } from '../workload-access/index.ts';
import type { ContainerPart } from './container-part.ts';
import type { Notebook } from './notebook.model.ts';
import type { NotebookPaths } from './notebook.paths.ts';

/** Where the SSH server listens inside: ma-user may not open a port below 1024. */
export const SSH_PORT = 2222;
const SSH_DIR = '/run/modelarts/ssh';
const HOST_KEY = 'ssh_host_ed25519_key';

/** Variables of the instance that a login sees too; none of them is a secret. */
const VARIABLES = [
  'PATH',
  'LANG',
  'MA_HOME',
  'MA_CREDENTIALS_FILE',
  'MA_PROJECT_ID',
  'MA_NOTEBOOK_ID',
  'MA_CURRENT_IP',
  'JUPYTER_RUNTIME_DIR',
  'S3_ENDPOINT',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'MA_APIGW_ENDPOINT',
  'MA_REGION',
  'S3_VERIFY_SSL',
  'S3_USE_HTTPS',
  'AWS_REGION',
  'PIP_BREAK_SYSTEM_PACKAGES',
  'OMP_NUM_THREADS',
];

/**
 * It runs as ma-user without any capability, so it can let in nobody else. Forwarding is what the remote editors work by; firewalls forget
 * silent connections, so it says something now and then, for a day (behaviour/notebooks.md 2).
 */
const CONFIG = `Port ${SSH_PORT}
HostKey ${SSH_DIR}/${HOST_KEY}
AuthorizedKeysFile ${SSH_DIR}/authorized_keys
AllowUsers ma-user
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
PrintMotd no
AllowTcpForwarding yes
AllowAgentForwarding yes
X11Forwarding no
PermitTunnel no
PermitUserEnvironment no
ClientAliveInterval 300
ClientAliveCountMax 288
LogLevel ERROR
Subsystem sftp internal-sftp
`;

const SCRIPT = `if [ -x /usr/sbin/sshd ]; then
  mkdir -p /tmp/.modelarts-ssh
  {
    cat '${SSH_DIR}/sshd_config'
    printf 'SetEnv'
    for name in ${VARIABLES.join(' ')}; do
      eval "value=\\\${$name:-}"
      [ -n "$value" ] && printf ' "%s=%s"' "$name" "$value"
    done
    printf '\\n'
  } >/tmp/.modelarts-ssh/sshd_config
  ( while [ -e '${SSH_DIR}/sshd_config' ]; do /usr/sbin/sshd -D -e -f /tmp/.modelarts-ssh/sshd_config; sleep 2; done ) &
else
  say 'The image holds no sshd, so nobody can come in over SSH. Install openssh-server in it.'
fi
`;

/** The endpoint of SSH, if the instance has one. */
export function sshOf(notebook: Notebook) {
  return notebook.spec.endpoints.find(endpoint => endpoint.service === 'SSH');
}

/** What lets SSH into the container of an instance. `publicKeys`: of pairs that a user may use. */
export function sshPart(deps: {
  publicKeys(projectId: string, userId: string, names: readonly string[]): Promise<{ keys: Record<string, string> }>;
  allot(id: string): Promise<void>;
}): ContainerPart {
  const dirOf = (host: NotebookPaths) => join(host.root, 'ssh');
  return {
    name: 'ssh',
    async prepare(notebook, host) {
      const endpoint = sshOf(notebook);
      if (!endpoint) return;
      await deps.allot(notebook.id);
      const dir = dirOf(host);
      await mkdir(dir, { recursive: true });
      await chmod(dir, 0o755);
      // Made once: a host that changes its key looks like an attack to every client.
      if (!existsSync(join(dir, HOST_KEY))) {
        const { privateKey } = await generateSshKey('ed25519', `notebook-${notebook.id}`);
        await writeOwned(dir, HOST_KEY, privateKey);
      }
      const { keys } = await deps.publicKeys(notebook.projectId, notebook.startedBy.id, endpoint.keyPairs);
      const lines = Object.entries(keys).map(([name, key]) => `${key} ${name}\n`);
      await writeOwned(dir, 'authorized_keys', lines.join(''));
      await writeOwned(dir, 'sshd_config', CONFIG);
    },
    mounts: (notebook, host) => (sshOf(notebook) ? [{ source: dirOf(host), target: SSH_DIR, readOnly: true }] : []),
    ports: notebook => (sshOf(notebook) ? [SSH_PORT] : []),
    startScript: notebook => (sshOf(notebook) ? SCRIPT : undefined),
  };
}
