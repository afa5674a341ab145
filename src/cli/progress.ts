import { SingleBar } from 'cli-progress';
import { bytes } from './output.ts';

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

/** A bar for transferred bytes with the rate. */
export function transferProgress(label: string, options: { quiet?: boolean } = {}) {
  const progress = startProgress(label, options);
  const started = Date.now();
  return {
    update(state: { bytes: number; totalBytes: number; files: number; totalFiles: number }) {
      const rate = state.bytes / Math.max((Date.now() - started) / 1000, 0.001);
      const fraction =
        state.totalBytes > 0 ? state.bytes / state.totalBytes : state.files / Math.max(state.totalFiles, 1);
      progress.update(
        fraction,
        `${state.files}/${state.totalFiles} files, ${bytes(state.bytes)} of ${bytes(state.totalBytes)}, ${bytes(rate)}/s`,
      );
    },
    done: () => progress.done(),
  };
}
