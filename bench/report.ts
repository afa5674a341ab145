/** One measured figure. */
export interface Figure {
  what: string;
  value: number;
  unit: string;
  /** The same on the peer, in the same run. */
  peer?: { name: string; value: number };
  /** Ours over the peer's, or the peer's over ours, so that more is better. */
  ratio?: number;
  target?: string;
}

export interface Report {
  bench: string;
  figures: Figure[];
}

/** Prints a report as lines of a table. */
export function printReport(report: Report): void {
  for (const figure of report.figures) {
    const peer = figure.peer ? `  ${figure.peer.name}: ${round(figure.peer.value)} ${figure.unit}` : '';
    const ratio = figure.ratio === undefined ? '' : `  ratio ${figure.ratio.toFixed(2)}`;
    const target = figure.target ? `  (target ${figure.target})` : '';
    process.stdout.write(
      `${figure.what.padEnd(52)} ${String(round(figure.value)).padStart(10)} ${figure.unit}${peer}${ratio}${target}\n`,
    );
  }
}

/** The value below which `fraction` of the samples lie. */
export function percentile(samples: readonly number[], fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * fraction), sorted.length - 1)] ?? Number.NaN;
}

/** The middle of the samples. */
export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
}

/** Times of the platform and of the bare engine, taken in turn, in milliseconds; the first of each fills caches and does not count. */
export async function againstBareEngine(measured: {
  what: string;
  peer: string;
  rounds: number;
  ours(round: number): Promise<number>;
  bare(round: number): Promise<number>;
}): Promise<Figure[]> {
  const { what, peer, rounds } = measured;
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const platform = await measured.ours(round);
    const alone = await measured.bare(round);
    if (round === 0) continue;
    ours.push(platform);
    bare.push(alone);
  }
  const slower = median(ours.map((ms, round) => ms / bare[round]!));
  return [
    {
      what: `${what}, median of ${rounds}`,
      value: median(ours),
      unit: 'ms',
      peer: { name: peer, value: median(bare) },
      ratio: 1 / slower,
      target: '≤ 1.5×, so ratio ≥ 0.67',
    },
    { what: 'Times the bare engine', value: slower, unit: '×', target: '≤ 1.5×' },
  ];
}
