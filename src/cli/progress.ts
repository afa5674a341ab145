import { SingleBar } from 'cli-progress';
import type { TransferProgress } from '../client/transfer-run.ts';
import { bytes, seconds } from './output.ts';

/** A bar on stderr for long work: a moving line on a terminal, a line now and then in a log. */
export interface Progress {
  update(fraction: number, note?: string): void;
  done(): void;
}

const LOG_EVERY_MS = 10_000;

/** Starts a bar. `quiet`: show nothing. */
export function startProgress(label: string, options: { quiet?: boolean } = {}): Progress {
  if (options.quiet) return { update() {}, done() {} };
  if (!process.stderr.isTTY) return logged(label);
  const bar = new SingleBar({
    format: `  ${label} [{bar}] {percentage}% {note}`,
    barsize: 30,
    hideCursor: true,
    clearOnComplete: true,
    stream: process.stderr,
    fps: 10,
  });
  bar.start(1000, 0, { note: '' });
  return {
    update: (fraction, note = '') => bar.update(Math.round(fraction * 1000), { note }),
    done: () => bar.stop(),
  };
}

function logged(label: string): Progress {
  let last = Date.now();
  return {
    update(fraction, note = '') {
      if (Date.now() - last < LOG_EVERY_MS) return;
      last = Date.now();
      process.stderr.write(`  ${label}: ${Math.round(fraction * 100)} % ${note}\n`);
    },
    done() {},
  };
}

/** Over how long the rate is taken: long enough to be calm, short enough to follow the network. */
const RATE_OVER_MS = 10_000;

/** A bar for transferred bytes with rate and remaining time. */
export function transferProgress(label: string, options: { quiet?: boolean } = {}) {
  const progress = startProgress(label, options);
  const samples: { at: number; moved: number }[] = [{ at: Date.now(), moved: 0 }];
  return {
    update(state: TransferProgress) {
      const now = { at: Date.now(), moved: state.bytes - state.keptBytes };
      if (now.at - samples.at(-1)!.at > 100) samples.push(now);
      while (samples.length > 2 && now.at - samples[1]!.at > RATE_OVER_MS) samples.shift();
      progress.update(...transferNote(state, samples[0]!, now));
    },
    done: () => progress.done(),
  };
}

/** The fraction that is done, and what stands behind the bar. */
export function transferNote(
  state: TransferProgress,
  before: { at: number; moved: number },
  now: { at: number; moved: number },
): [fraction: number, note: string] {
  const { files, totalFiles, totalBytes } = state;
  const rate = Math.max(now.moved - before.moved, 0) / Math.max((now.at - before.at) / 1000, 0.001);
  const fraction = totalBytes > 0 ? state.bytes / totalBytes : files / Math.max(totalFiles, 1);
  const left = rate > 0 ? `, ${seconds((totalBytes - state.bytes) / rate)} left` : '';
  const count = totalFiles === 1 ? '' : `${files}/${totalFiles} files, `;
  return [fraction, `${count}${bytes(state.bytes)} of ${bytes(totalBytes)}, ${bytes(Math.round(rate))}/s${left}`];
}
