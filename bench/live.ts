import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { readSettings } from '../src/app/env.ts';
import { homePaths } from '../src/app/home.ts';
import { silentLog } from '../src/kernel/log.ts';
import { createTrainingJobShell } from '../src/resources/training-jobs/shell.api.ts';
import { startEngine } from '../src/runtime/container/engine.ts';
import { containersOf } from '../test/e2e/containers.ts';
import { createInstallation, type Installation, presetImageReady } from '../test/e2e/installation.ts';
import { authorize, inPhase, submitScript } from '../test/e2e/jobs.ts';
import { makePool } from '../test/e2e/pools.ts';
import { processorTime } from './objects-kit.ts';
import { type Figure, percentile, type Report } from './report.ts';

const KEYS = 300;
const ROUNDS = 4;
const FOLLOWERS = 200;
const WATCH_MS = 20_000;
/** A line a second, as training programs print. */
const SCRIPT = `
import time
for step in range(100000):
    print("step", step, "loss", 1 / (step + 1), flush=True)
    time.sleep(1)
`;

/** What is looked at while it happens: the echo of keys in Cloud Shell, and the log of a job that many follow. */
export async function benchLive(): Promise<Report> {
  const at = await createInstallation({ ATELIER_LOG: 'warn' });
  try {
    await presetImageReady(at);
    await authorize(at);
    const pool = await makePool(at, { name: 'bench-pool' });
    const spec = { resource: { pool_id: pool, node_count: 1 } };
    const job = await submitScript(at, { name: 'chatty', bucket: 'bench-live', script: SCRIPT, spec });
    const { id } = job.metadata;
    await inPhase(at, id, ['Running']);
    return { bench: 'live', figures: [...(await keystrokes(at, id)), ...(await followers(at, id))] };
  } finally {
    await at.remove();
  }
}

/** A terminal to which a key goes, and from which its echo comes. */
interface Echo {
  press(): void;
  heard(listener: () => void): void;
  close(): void;
}

/** The time until a key is echoed, through the platform and by the engine alone, in rounds taken in turn. */
async function keystrokes(at: Installation, job: string): Promise<Figure[]> {
  const times = { ours: [] as number[], engine: [] as number[] };
  const terminals = { ours: await throughPlatform(at, job), engine: await throughEngine(at) };
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['ours', 'engine'] as const) {
      const terminal = terminals[name];
      for (let key = 0; key < KEYS / ROUNDS; key++) {
        const heard = new Promise<void>(resolve => terminal.heard(resolve));
        const started = performance.now();
        terminal.press();
        await heard;
        times[name].push(performance.now() - started);
        await sleep(5);
      }
    }
  }
  terminals.ours.close();
  terminals.engine.close();
  const at99 = { ours: percentile(times.ours, 0.99), engine: percentile(times.engine, 0.99) };
  return [
    {
      what: 'Cloud Shell: a key to its echo, p50',
      value: percentile(times.ours, 0.5),
      unit: 'ms',
      peer: { name: 'the engine alone', value: percentile(times.engine, 0.5) },
    },
    {
      what: 'Cloud Shell: a key to its echo, p99',
      value: at99.ours,
      unit: 'ms',
      peer: { name: 'the engine alone', value: at99.engine },
    },
    { what: 'Cloud Shell: added at p99', value: at99.ours - at99.engine, unit: 'ms', target: '≤ 20 ms' },
  ];
}

async function throughPlatform(at: Installation, job: string): Promise<Echo> {
  const { path } = await at.session.call(createTrainingJobShell, {
    params: { training_job_id: job, task_id: 'worker-0' },
    body: {},
  });
  const socket = new WebSocket(new URL(path, at.profile.endpoints.api.replace('http', 'ws')));
  let listener = () => {};
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  socket.onmessage = () => listener();
  await sleep(1000); // the prompt
  return {
    press: () => socket.send(Buffer.from('x')),
    heard: next => {
      listener = next;
    },
    close: () => socket.close(),
  };
}

async function throughEngine(at: Installation): Promise<Echo> {
  const settings = readSettings(at.env);
  const { socketPath } = await startEngine({
    dir: homePaths(settings.home).engine,
    containersRoot: settings.containersRoot,
    log: silentLog(),
  });
  const [running] = await containersOf(at, 'training-job');
  const container = new Docker({ socketPath }).getContainer(running!.name);
  const exec = await container.exec({
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    Cmd: ['bash', '-i'],
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  let listener = () => {};
  stream.on('data', () => listener());
  await sleep(1000);
  return {
    press: () => stream.write('x'),
    heard: next => {
      listener = next;
    },
    close: () => stream.end('\u0003\u0004'),
  };
}

/** Processor time of the server while many follow a log, less that while nobody does. */
async function followers(at: Installation, job: string): Promise<Figure[]> {
  const idle = await share(at);
  const url = `${at.profile.endpoints.api}/v2/${at.profile.projectId}/training-jobs/${job}/logs/worker-0?follow=true&offset=0`;
  const token = await at.session.token();
  const leaving = new AbortController();
  let bytes = 0;
  const all = Array.from({ length: FOLLOWERS }, async () => {
    const answer = await fetch(url, { headers: { 'x-auth-token': token }, signal: leaving.signal });
    for await (const chunk of answer.body!) bytes += (chunk as Uint8Array).length;
  });
  for (const one of all) one.catch(() => undefined);
  await sleep(3000);
  const before = bytes;
  const busy = await share(at);
  const read = bytes - before;
  leaving.abort();
  if (read < FOLLOWERS * 10) throw new Error(`the followers read ${read} bytes only`);
  return [
    {
      what: `${FOLLOWERS} follow a log of a line a second: of a core`,
      value: (busy - idle) * 100,
      unit: '%',
      target: '≤ 5 %',
    },
  ];
}

/** Of a core that the server uses. */
async function share(at: Installation): Promise<number> {
  const before = processorTime(at.pid());
  await sleep(WATCH_MS);
  return (processorTime(at.pid()) - before) / (WATCH_MS / 1000);
}
