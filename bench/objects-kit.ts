import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import type { Figure } from './report.ts';

export const MIB = 1024 ** 2;

/** A URL of an object in the bucket `bench`, with which anybody may do `method` for a while. */
export type SignUrl = (method: 'GET' | 'PUT', key: string) => string;

/** A figure beside its peer; the ratio is that of the rounds, not of the medians. */
export function ratioFigure(
  figure: { what: string; value: number; unit: string; target?: string },
  peer: { name: string; value: number },
  ratio = figure.value / peer.value,
): Figure {
  return { ...figure, peer, ratio };
}

/** Runs a program to its end; throws what it said when it fails. */
export function run(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
    let said = '';
    child.stderr!.on('data', data => {
      said += data;
    });
    child.once('error', reject);
    child.once('close', code => (code === 0 ? resolve() : reject(new Error(`${program}: ${code} ${said}`))));
  });
}

/** A line for the shell, with `$URL` set. */
export const shell = (line: string, url: string): Promise<void> =>
  run('sh', ['-c', line], { ...process.env, URL: url });

export const curlPut = (file: string, url: string): Promise<void> =>
  run('curl', ['-sSf', '-H', 'Expect:', '-T', file, url]);
export const curlGet = (url: string): Promise<void> => run('curl', ['-sSf', '-o', '/dev/null', url]);

/** How long `work` takes. */
export async function seconds(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** A file of random bytes, on disk. */
export function makeFile(path: string, size: number): void {
  const chunk = randomBytes(4 * MIB);
  const file = openSync(path, 'w');
  for (let written = 0; written < size; written += chunk.length) writeSync(file, chunk);
  fsyncSync(file);
  closeSync(file);
}

export function syncFile(path: string): void {
  const file = openSync(path, 'r');
  fsyncSync(file);
  closeSync(file);
}

/** Bytes of memory that a process has. */
export const memoryOf = (pid: number): number => statusOf(pid, 'VmRSS');
/** The most it had since `resetPeak`. */
export const peakOf = (pid: number): number => statusOf(pid, 'VmHWM');

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

function statusOf(pid: number, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found![1]) * 1024;
}

/** Seconds of processor time that a process has used, all its threads together. */
export function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
