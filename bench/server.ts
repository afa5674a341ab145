import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_FLAGS } from '../src/cli/commands/server.ts';
import { createInstallation, type Installation } from '../test/e2e/installation.ts';
import { fillWithJobs, searchBody } from './many-jobs.ts';
import { type Figure, median, percentile, type Report } from './report.ts';
import { inTurn } from './wrk.ts';

const JOBS = Number(process.env.ATELIER_BENCH_JOBS ?? 100_000);
const STARTS = 7;
const IDLE_MS = 10_000;
const SEARCHES = 1000;
const MAIN = join(import.meta.dirname, '..', 'src/app/main.ts');

/** Start to ready, idle memory, and what 100,000 jobs cost; against a bare Fastify with the same answer. */
export async function benchServer(): Promise<Report> {
  const figures: Figure[] = [];
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  const dir = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
  const children: ChildProcess[] = [];
  try {
    await at.stop();
    figures.push(...(await startTimes(at)));

    await at.start();
    await sleep(IDLE_MS);
    figures.push({ what: 'Idle memory after 10 s, RSS', value: rssMb(at.pid()), unit: 'MB', target: '≤ 150 MB' });

    const ids = await fillWithJobs(at, JOBS);
    const token = await at.session.token();
    const url = `${at.profile.endpoints.api}/v2/${at.profile.projectId}/training-jobs/${ids[50]}`;
    const answer = await fetch(url, { headers: { 'x-auth-token': token } });
    const answerFile = join(dir, 'answer.json');
    writeFileSync(answerFile, await answer.text());
    const peer = await startPeer(answerFile, children);
    const { flows, ratio } = await inTurn(
      { ours: { url, headers: { 'x-auth-token': token } }, peer: { url: `http://127.0.0.1:${peer}/job` } },
      { connections: 8, seconds: 2, rounds: 7 },
    );
    figures.push(
      {
        what: `GET of a job among ${JOBS}, 8 connections`,
        value: flows.ours.requestsPerSecond,
        unit: '/s',
        peer: { name: 'bare Fastify, same JSON, no check', value: flows.peer.requestsPerSecond },
        ratio: ratio('ours', 'peer'),
      },
      {
        what: 'GET of a job, p50',
        value: flows.ours.p50,
        unit: 'ms',
        peer: { name: 'bare Fastify', value: flows.peer.p50 },
      },
      {
        what: 'GET of a job, p99',
        value: flows.ours.p99,
        unit: 'ms',
        peer: { name: 'bare Fastify', value: flows.peer.p99 },
      },
    );
    figures.push(...(await searches(at, token)));
    figures.push({ what: `Memory after all that, RSS`, value: rssMb(at.pid()), unit: 'MB' });
    return { bench: 'server', figures };
  } finally {
    for (const child of children) child.kill();
    rmSync(dir, { recursive: true, force: true });
    await at.remove();
  }
}

/** Spawn to the first `ready` of /readyz: a new home, then an existing one, with engine and gateway anew and adopted. */
async function startTimes(at: Installation): Promise<Figure[]> {
  const fresh: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < 3; round++) {
    const home = mkdtempSync(join(tmpdir(), 'atelier-bench-home-'));
    const env = { ...at.env, ATELIER_HOME: home };
    // The ports are those of the stopped installation, whose gateway must go first.
    await at.cli(['down', '--all']);
    const first = await startOnce(env, at.port);
    fresh.push(first.ms);
    await first.stop();
    const stopped = spawn(join(import.meta.dirname, '..', 'atelier'), ['down', '--all'], { env, stdio: 'ignore' });
    await new Promise(resolve => stopped.once('exit', resolve));
    rmSync(home, { recursive: true, force: true });
  }
  const cold = await startOnce(at.env, at.port);
  await cold.stop();
  for (let round = 0; round < STARTS; round++) {
    const next = await startOnce(at.env, at.port);
    again.push(next.ms);
    await next.stop();
  }
  return [
    {
      what: 'Start to ready, new home (engine and gateway too)',
      value: median(fresh) / 1000,
      unit: 's',
      target: '≤ 1 s',
    },
    { what: 'Start to ready, existing home', value: median(again) / 1000, unit: 's', target: '≤ 1 s' },
  ];
}

async function startOnce(env: NodeJS.ProcessEnv, port: number): Promise<{ ms: number; stop(): Promise<void> }> {
  const started = performance.now();
  const child = spawn(process.execPath, [...SERVER_FLAGS, MAIN], { env, stdio: 'ignore' });
  while (!(await ready(port))) {
    if (child.exitCode !== null) throw new Error('the server did not start');
    await sleep(5);
  }
  const ms = performance.now() - started;
  return {
    ms,
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function ready(port: number): Promise<boolean> {
  return new Promise(resolve => {
    http
      .get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, response => {
        response.resume();
        resolve(response.statusCode === 200);
      })
      .once('error', () => resolve(false));
  });
}

/** One client that searches again and again, as a console does: the time of each answer. */
async function searches(at: Installation, token: string): Promise<Figure[]> {
  const url = `${at.profile.endpoints.api}/v2/${at.profile.projectId}/training-job-searches`;
  const times: number[] = [];
  let matches = 0;
  for (let index = -20; index < SEARCHES; index++) {
    const started = performance.now();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      body: searchBody(index + 20),
    });
    const answer = (await response.json()) as { count: number; items?: unknown[] };
    if (response.status !== 200) throw new Error(JSON.stringify(answer));
    matches += answer.count;
    if (index >= 0) times.push(performance.now() - started);
  }
  if (matches === 0) throw new Error('the searches found nothing');
  return [
    { what: `Filtered list over ${JOBS} jobs, p50`, value: percentile(times, 0.5), unit: 'ms' },
    { what: `Filtered list over ${JOBS} jobs, p99`, value: percentile(times, 0.99), unit: 'ms', target: '≤ 50 ms' },
    {
      what: 'Filtered lists, one after the other',
      value: 1000 / (times.reduce((sum, ms) => sum + ms, 0) / times.length),
      unit: '/s',
    },
  ];
}

function startPeer(answerFile: string, children: ChildProcess[]): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'peer-server.ts'), answerFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.once('data', data => resolve(Number(String(data).trim())));
    child.once('exit', code => reject(new Error(`the peer ended with ${code}`)));
  });
}

/** Resident memory in units of a million bytes. */
function rssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024) / 1e6;
}
