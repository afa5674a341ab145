import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { NOTEBOOK_IMAGE_ID } from '../../src/resources/images/image.api.ts';
import { freePort } from '../free-ports.ts';
import { createInstallation, type Installation, presetImageReady } from './installation.ts';
import { authorize, ended, logOf } from './jobs.ts';

/** SSH into notebook instances with the real client, and saving them as images, with real containers. */

// biome-ignore lint/suspicious/noExplicitAny: tests read answers freely
type Json = any;
const run = promisify(execFile);
const skip = spawnSync('ssh', ['-V']).error === undefined ? false : 'needs openssh-client';
const UP_MS = 300_000;

let at: Installation;
let v1: string;
let dir: string;
before(async () => {
  if (skip) return;
  dir = mkdtempSync(join(tmpdir(), 'atelier-ssh-'));
  at = await createInstallation();
  v1 = `/v1/${at.profile.projectId}`;
  await presetImageReady(at);
  await authorize(at);
});
after(async () => {
  await at?.remove();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

async function api(method: string, path: string, body?: object): Promise<Json> {
  const answer = await at.session.request(method, path, { body });
  return answer.body.length === 0 ? undefined : JSON.parse(answer.body.toString('utf8'));
}

async function reached(path: string, status: string): Promise<Json> {
  for (const end = Date.now() + UP_MS; ; ) {
    const shown = await api('GET', path);
    if (shown.status === status) return shown;
    if (Date.now() > end || shown.fail_reason || shown.status === 'ERROR') throw new Error(JSON.stringify(shown));
    await sleep(200);
  }
}

function options(uri: string, key: string): string[] {
  const { hostname, port } = new URL(uri);
  const known = join(dir, 'known_hosts');
  const given = ['-i', key, '-p', port, '-o', `UserKnownHostsFile=${known}`, '-o', 'StrictHostKeyChecking=accept-new'];
  return [...given, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-F', 'none', `ma-user@${hostname}`];
}

/** Runs a command over SSH; tries again while the server inside comes up. */
async function ssh(uri: string, key: string, command: string): Promise<string> {
  for (const end = Date.now() + 60_000; ; ) {
    try {
      return (await run('ssh', [...options(uri, key), command])).stdout;
    } catch (error) {
      const { stderr } = error as { stderr: string };
      if (Date.now() > end || !/closed|reset|refused/i.test(stderr)) throw error;
      await sleep(300);
    }
  }
}

test('SSH comes in by the key pair alone, keeps its host key and forwards ports; a saved instance is an image', {
  skip,
}, async () => {
  const key = join(dir, 'key.pem');
  const { keypair } = await api('POST', `/v3/${at.profile.projectId}/keypairs`, {
    keypair: { name: 'laptop', algorithm: 'ed25519' },
  });
  writeFileSync(key, keypair.private_key, { mode: 0o600 });
  const stranger = join(dir, 'stranger');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', stranger]);

  const { id } = await api('POST', `${v1}/notebooks`, {
    name: 'by-ssh',
    image_id: NOTEBOOK_IMAGE_ID,
    flavor: 'modelarts.vm.cpu.1u',
    volume: { category: 'EVS', ownership: 'MANAGED', capacity: 5 },
    endpoints: [{ service: 'SSH', key_pair_names: ['laptop'] }],
  });
  const path = `${v1}/notebooks/${id}`;
  let shown = await reached(path, 'RUNNING');
  const { uri } = shown.endpoints[0];
  assert.match(uri, /^ssh:\/\/ma-user@[\w.]+:\d+$/);

  const told = await ssh(
    uri,
    key,
    'id -un; echo $MA_NOTEBOOK_ID; grep CapEff /proc/self/status; touch /etc/x 2>&1; ls $MA_CREDENTIALS_FILE',
  );
  assert.match(told, new RegExp(`ma-user\n${id}\nCapEff:\\s+0+\n.*denied`), told);
  await assert.rejects(run('ssh', [...options(uri, stranger), 'true']), /Permission denied/);

  // A port of the instance, through the connection.
  const local = await freePort();
  const forward = spawn('ssh', ['-N', '-L', `127.0.0.1:${local}:127.0.0.1:8888`, ...options(uri, key)]);
  try {
    let answer: number | undefined;
    for (const end = Date.now() + 60_000; answer === undefined && Date.now() < end; await sleep(200)) {
      answer = await new Promise(resolve => {
        http
          .get({ port: local, path: `/${id}/api` }, response => resolve(response.statusCode))
          .on('error', () => resolve(undefined));
      });
    }
    assert.equal(answer, 200);
  } finally {
    forward.kill();
  }
  const copied = join(dir, 'copied');
  writeFileSync(copied, 'by sftp');
  const { port, hostname } = new URL(uri);
  const sftp = ['-i', key, '-P', port, '-o', `UserKnownHostsFile=${join(dir, 'known_hosts')}`, '-o', 'BatchMode=yes'];
  await run('scp', [...sftp, copied, `ma-user@${hostname}:work/copied`]);

  // Who may not come any more is thrown out, and does not come in again.
  await api('PUT', path, {
    endpoints: [{ service: 'SSH', key_pair_names: ['laptop'], allowed_access_ips: ['192.0.2.1'] }],
  });
  await assert.rejects(run('ssh', [...options(uri, key), 'true']), /closed|reset/i);
  await api('PUT', path, {
    endpoints: [{ service: 'SSH', key_pair_names: ['laptop'], allowed_access_ips: ['127.0.0.1'] }],
  });
  await ssh(uri, key, 'echo kept > ~/kept; echo in-volume > ~/work/data');

  // Whatever opens something: the agency's key, the secret of the web IDE, the key of the SSH server.
  const credentials = JSON.parse(await ssh(uri, key, 'cat $MA_CREDENTIALS_FILE'));
  const secrets = Object.values(credentials.credential ?? credentials).filter(
    (each): each is string => typeof each === 'string' && each.length > 15,
  );
  assert.ok(secrets.length > 0);
  secrets.push(shown.token, (await ssh(uri, key, 'sed -n 4p /run/modelarts/ssh/ssh_host_ed25519_key')).trim());
  const jupyter = await ssh(uri, key, 'cat /run/modelarts/platform/jupyter_notebook_config.py');
  secrets.push(...(jupyter.match(/(?<=['"])[A-Za-z0-9_-]{24,}(?=['"])/g) ?? []));

  const image = await api('POST', `${path}/create-image`, { name: 'saved', namespace: 'team', tag: '1' });
  const saved = await reached(`${v1}/images/${image.id}`, 'ACTIVE');
  assert.ok(saved.size > 1e6);
  shown = await reached(path, 'RUNNING');

  // Port and host key outlive stop, start and the server; the client would refuse another key.
  await api('POST', `${path}/stop`);
  await reached(path, 'STOPPED');
  await api('PUT', path, { image_id: image.id });
  await api('POST', `${path}/start`);
  shown = await reached(path, 'RUNNING');
  assert.equal(shown.endpoints[0].uri, uri);
  const seen = await ssh(
    uri,
    key,
    'cat ~/kept ~/work/copied; ls ~/work; ls -a /run/modelarts /home/ma-user | head -40',
  );
  const patterns = secrets.map(each => `-e '${each}'`).join(' ');
  const found = await ssh(
    uri,
    key,
    `grep -rlaF ${patterns} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev --exclude-dir=run --exclude-dir=usr --exclude-dir=work 2>/dev/null; true`,
  );
  assert.equal(found, '', 'no secret of the run that was saved lies in the image');
  assert.match(seen, /^kept\nby sftp/);
  assert.equal(readFileSync(join(dir, 'known_hosts'), 'utf8').trim().split('\n').length, 1);
  await api('POST', `${path}/stop`);
  await reached(path, 'STOPPED');
  await api('DELETE', path);

  // A job of the same image finds what was installed, and not what lay in the storage.
  const job = await at.client.createJob({
    kind: 'job',
    metadata: { name: 'from-saved' },
    algorithm: {
      engine: { image_url: 'team/saved:1' },
      command:
        'cat /home/ma-user/kept; ls -A /home/ma-user/work; python3 -c "import torch; print(torch.ones(2).sum())"',
    },
    spec: { resource: { flavor_id: 'modelarts.vm.cpu.1u', node_count: 1 } },
  });
  const done = await ended(at, job.metadata.id);
  const log = await logOf(at, job.metadata.id);
  assert.equal(done.status.phase, 'Completed', log);
  assert.match(log, /^kept$/m);
  assert.match(log, /^tensor\(2\.\)$/m);
  assert.doesNotMatch(log, /copied|data/);
});
