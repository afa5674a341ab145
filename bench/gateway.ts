import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { homePaths, loadSecrets } from '../src/app/home.ts';
import { waitPublished } from '../src/cli/commands/model.ts';
import { waitRunning } from '../src/cli/commands/service.ts';
import { createGateway, type Routes } from '../src/dataplane/index.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createInstallation, type Installation, presetImageReady } from '../test/e2e/installation.ts';
import { authorize } from '../test/e2e/jobs.ts';
import { freePort } from '../test/free-ports.ts';
import type { Figure, Report } from './report.ts';
import { inTurn, type Load } from './wrk.ts';

const ROUNDS = Number(process.env.ATELIER_BENCH_ROUNDS ?? 9);
const SECONDS = 2;
const CONNECTIONS = 32;
const BUCKET = 'bench-gateway';
const BODY = JSON.stringify({ data: Array.from({ length: 32 }, (_, index) => index / 32) });
const CUSTOM_CODE = `
from model_service.pytorch_model_service import PTServingBaseService
class Echo(PTServingBaseService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
    def _preprocess(self, data):
        return data
    def _inference(self, data):
        return data
    def _postprocess(self, data):
        return data
`;
const CONFIG = JSON.stringify({
  model_algorithm: 'image_classification',
  model_type: 'PyTorch',
  runtime: 'pytorch_1.13.1-cpu-py_3.11-debian_12-x86_64',
});

/**
 * What the gateway costs: calls with a token through it, against plain HAProxy with the same settings before the same instance,
 * and against the instance itself. Once with a real instance of a real service, once with an instance that costs next to nothing,
 * where only the proxies are measured.
 */
export async function benchGateway(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  const children: ChildProcess[] = [];
  try {
    const serviceId = await deployEcho(at);
    const gatewayDir = join(at.home, 'gateway');
    const routes = JSON.parse(readFileSync(join(gatewayDir, 'routes.json'), 'utf8')) as Routes;
    const instance = routes.services.find(service => service.id === serviceId)!.entries[0]!.instances[0]!;
    const token = await at.session.token();
    const call = { method: 'POST' as const, body: BODY, headers: { 'content-type': 'application/json' } };
    const settings = readFileSync(join(gatewayDir, 'haproxy.cfg'), 'utf8');
    const plain = await plainProxy(settings, instance, join(dir, 'real.cfg'), children);
    const scheme = instance.tls ? 'https' : 'http';
    const figures = await compare('a real instance', {
      gateway: {
        ...call,
        url: `${at.profile.endpoints.inference}/v1/infers/${serviceId}/`,
        headers: { ...call.headers, 'x-auth-token': token },
      },
      plain: { ...call, url: `http://127.0.0.1:${plain}/` },
      direct: { ...call, url: `${scheme}://${instance.host}:${instance.port}/` },
    });

    const fast = await fastInstance(join(dir, 'fast.cfg'), children);
    const fastProxy = await plainProxy(settings, { ...instance, ...fast }, join(dir, 'plain.cfg'), children);
    const secrets = loadSecrets(homePaths(at.home));
    const own = createGateway({
      dir: join(dir, 'gateway'),
      port: await freePort(),
      log: silentLog(),
      tokenSecret: secrets.tokenKey,
      verifyUrl: 'http://127.0.0.1:1/unused',
      verifyKey: secrets.gatewayKey,
    });
    await own.start();
    try {
      const entry = { id: 'e', weight: 100, instances: [{ id: 'i', ...fast, tls: false }] };
      const service = { id: 's', accountId: 'a', projectId: at.profile.projectId, entries: [entry] };
      await own.apply({ services: [{ ...service, state: 'running' }], callers: routes.callers });
      const port = /bind 127\.0\.0\.1:(\d+)/.exec(readFileSync(join(dir, 'gateway/haproxy.cfg'), 'utf8'))![1];
      const through = {
        ...call,
        url: `http://127.0.0.1:${port}/v1/infers/s/`,
        headers: { ...call.headers, 'x-auth-token': token },
      };
      figures.push(
        ...(await compare('an instance that costs nothing', {
          gateway: through,
          plain: { ...call, url: `http://127.0.0.1:${fastProxy}/` },
          direct: { ...call, url: `http://${fast.host}:${fast.port}/` },
        })),
      );
    } finally {
      await own.stop();
    }
    return { bench: 'gateway', figures };
  } finally {
    for (const child of children) child.kill();
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}

async function compare(what: string, targets: Record<'gateway' | 'plain' | 'direct', Load>): Promise<Figure[]> {
  const answers = await Promise.all(
    Object.values(targets).map(({ url, ...init }) => fetch(url, init).then(answer => answer.text())),
  );
  if (new Set(answers).size !== 1) throw new Error(`not the same answers: ${answers.join('  ')}`);
  const { flows, ratio } = await inTurn(targets, { connections: CONNECTIONS, seconds: SECONDS, rounds: ROUNDS });
  const alone = await inTurn(targets, { connections: 1, seconds: 1, rounds: 5 });
  const { gateway, plain, direct } = flows;
  return [
    {
      what: `Calls of ${what}, ${CONNECTIONS} connections`,
      value: gateway.requestsPerSecond,
      unit: '/s',
      peer: { name: 'plain HAProxy', value: plain.requestsPerSecond },
      ratio: ratio('gateway', 'plain'),
      target: '≥ 0.8',
    },
    {
      what: `The same against direct calls`,
      value: gateway.requestsPerSecond,
      unit: '/s',
      peer: { name: 'direct', value: direct.requestsPerSecond },
      ratio: ratio('gateway', 'direct'),
    },
    ...(['p50', 'p99'] as const).map(part => ({
      what: `  added latency ${part}, ${CONNECTIONS} connections`,
      value: gateway[part] - direct[part],
      unit: 'ms',
      peer: { name: 'plain HAProxy adds', value: plain[part] - direct[part] },
    })),
    ...(['p50', 'p99'] as const).map(part => ({
      what: `  added latency ${part}, 1 connection`,
      value: alone.flows.gateway[part] - alone.flows.direct[part],
      unit: 'ms',
      peer: { name: 'plain HAProxy adds', value: alone.flows.plain[part] - alone.flows.direct[part] },
    })),
  ];
}

/** A model that hands back what it is given, imported, deployed and running. */
async function deployEcho(at: Installation): Promise<string> {
  await presetImageReady(at);
  await authorize(at);
  await at.obs.createBucket(BUCKET);
  await at.obs.put({ bucket: BUCKET, key: 'echo/model/customize_service.py' }, Buffer.from(CUSTOM_CODE));
  await at.obs.put({ bucket: BUCKET, key: 'echo/model/config.json' }, Buffer.from(CONFIG));
  await at.obs.put({ bucket: BUCKET, key: 'echo/model/model.pt' }, Buffer.from('not used'));
  const { model_id } = await at.client.createModel({
    model_name: 'echo',
    model_version: '1.0.0',
    model_type: 'PyTorch',
    source_location: `/${BUCKET}/echo/`,
    install_type: ['real-time'],
  });
  await waitPublished(at.client, model_id);
  const { service_id } = await at.client.createService({
    service_name: 'echo',
    infer_type: 'real-time',
    config: [{ model_id, weight: 100, specification: 'modelarts.vm.cpu.1u', instance_count: 1 }],
  });
  await waitRunning(at.client, service_id, { quiet: true });
  return service_id;
}

/** HAProxy that passes everything on: threads, buffers, timeouts and reuse of connections are the gateway's. */
async function plainProxy(
  gatewayConfig: string,
  to: { host: string; port: number; tls: boolean },
  file: string,
  children: ChildProcess[],
): Promise<number> {
  const kept = (pattern: RegExp) => gatewayConfig.split('\n').filter(line => pattern.test(line));
  const port = await freePort();
  const lines = [
    'global',
    ...kept(/^ {2}(maxconn|nbthread|no strict-limits|tune\.bufsize|tune\.maxrewrite|tune\.http\.maxhdr) ?/),
    'defaults',
    '  mode http',
    ...new Set(kept(/^ {2}(timeout (connect|client|http-request|http-keep-alive|queue)|retries|http-reuse safe)/)),
    '  timeout server 40s',
    'frontend plain',
    `  bind 127.0.0.1:${port}`,
    '  default_backend instance',
    'backend instance',
    `  server one ${to.host}:${to.port} pool-purge-delay 30s${to.tls ? ' ssl verify none' : ''}`,
    '',
  ];
  await startHaproxy(file, lines, port, children);
  return port;
}

/** An instance that answers at once: HAProxy with a fixed answer. */
async function fastInstance(file: string, children: ChildProcess[]): Promise<{ host: string; port: number }> {
  const port = await freePort();
  const lines = [
    'global',
    '  nbthread 1',
    'defaults',
    '  mode http',
    '  timeout client 65s',
    '  timeout connect 3s',
    '  timeout server 40s',
    '  timeout http-keep-alive 65s',
    'frontend instance',
    `  bind 127.0.0.1:${port}`,
    `  http-request return status 200 content-type application/json string '{"result":[0.1,0.2,0.7]}'`,
    '',
  ];
  await startHaproxy(file, lines, port, children);
  return { host: '127.0.0.1', port };
}

async function startHaproxy(file: string, lines: string[], port: number, children: ChildProcess[]): Promise<void> {
  writeFileSync(file, lines.join('\n'));
  const path = `${process.env.PATH}:/usr/sbin:/sbin`;
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: 'inherit', env: { ...process.env, PATH: path } });
  children.push(child);
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`haproxy refused ${file}`);
    if (await connects(port)) return;
    await sleep(20);
  }
  throw new Error('haproxy did not start');
}

function connects(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
