import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './report.ts';

export interface Load {
  url: string;
  headers?: Record<string, string>;
  method?: 'GET' | 'POST';
  body?: string;
}

export interface Flow {
  requests: number;
  requestsPerSecond: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

const SCRIPT = `
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"requests":%d,"us":%d,"p50":%f,"p99":%f,"failed":%d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`;

/** Puts load on a URL for a while with wrk. Throws when any request fails: figures of refusals are no figures. */
export async function flow(load: Load, options: { connections: number; seconds: number }): Promise<Flow> {
  const quoted = (text: string) => JSON.stringify(text).replaceAll(/\\u00(..)/g, '\\x$1');
  const lines = [`wrk.method = ${quoted(load.method ?? 'GET')}`];
  if (load.body !== undefined) lines.push(`wrk.body = ${quoted(load.body)}`);
  for (const [name, value] of Object.entries(load.headers ?? {})) {
    lines.push(`wrk.headers[${quoted(name)}] = ${quoted(value)}`);
  }
  return wrk(load.url, lines.join('\n'), options);
}

/** The same with a script that makes the requests. */
export async function wrk(url: string, lua: string, options: { connections: number; seconds: number }): Promise<Flow> {
  const dir = mkdtempSync(join(tmpdir(), 'atelier-wrk-'));
  const script = join(dir, 'load.lua');
  writeFileSync(script, `${lua}\n${SCRIPT}`, { mode: 0o600 });
  try {
    const output = await run('wrk', [
      '-t1',
      `-c${options.connections}`,
      `-d${options.seconds}s`,
      '--timeout=20s',
      `-s${script}`,
      url,
    ]);
    const found = /RESULT (.*)/.exec(output);
    if (!found) throw new Error(`wrk said: ${output}`);
    const { requests, us, p50, p99, failed } = JSON.parse(found[1]!) as Record<string, number>;
    if (failed! > 0) throw new Error(`${failed} of ${requests} requests to ${url} failed: ${output}`);
    return { requests: requests!, requestsPerSecond: requests! / (us! / 1e6), p50: p50! / 1000, p99: p99! / 1000 };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * The same load on several targets in turn, round after round, so that what else the machine does meets all alike. Medians over
 * the rounds; the ratios are those of the rounds, too.
 */
export async function inTurn<T extends string>(
  targets: Record<T, Load>,
  options: { connections: number; seconds: number; rounds: number },
): Promise<{ flows: Record<T, Flow>; ratio(of: T, to: T): number }> {
  const names = Object.keys(targets) as T[];
  const samples = Object.fromEntries(names.map(name => [name, [] as Flow[]])) as Record<T, Flow[]>;
  for (const name of names) await flow(targets[name], { ...options, seconds: 1 });
  for (let round = 0; round < options.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      samples[name].push(await flow(targets[name], options));
    }
  }
  const middle = (name: T): Flow => ({
    requests: median(samples[name].map(sample => sample.requests)),
    requestsPerSecond: median(samples[name].map(sample => sample.requestsPerSecond)),
    p50: median(samples[name].map(sample => sample.p50)),
    p99: median(samples[name].map(sample => sample.p99)),
  });
  return {
    flows: Object.fromEntries(names.map(name => [name, middle(name)])) as Record<T, Flow>,
    ratio: (of, to) =>
      median(samples[of].map((sample, round) => sample.requestsPerSecond / samples[to][round]!.requestsPerSecond)),
  };
}

function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', data => {
      output += data;
    });
    child.stderr.on('data', data => {
      output += data;
    });
    child.once('error', reject);
    child.once('close', code => (code === 0 ? resolve(output) : reject(new Error(`${program}: ${output}`))));
  });
}
