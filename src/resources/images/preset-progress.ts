/** Estimates how far a build is from the lines that its tools print. Fractions run from 0 to 1 and never go back. */
export interface BuildProgress {
  /** A line of the bootstrap of the base image. */
  bootstrapLine(line: string): number;
  /** A line of the build of the preset image. */
  buildLine(line: string): number;
  /** At least this far. */
  atLeast(fraction: number): number;
}

/** Shares of the whole, from measured durations. */
export const SHARE = { bootstrapped: 0.3, imported: 0.35, downloaded: 0.42, unpacked: 0.68, configured: 0.88 } as const;

const BOOTSTRAP_MARKS: readonly [RegExp, number][] = [
  [/apt-get update/, 0.03],
  [/downloading packages/, 0.06],
  [/extracting archives/, 0.1],
  [/installing essential/, 0.14],
  [/installing remaining/, 0.2],
  [/customize-hook/, 0.25],
  [/creating tarball|packing/, 0.27],
  [/^bootstrap: done/, SHARE.bootstrapped],
];

/** A fresh estimate. */
export function buildProgress(): BuildProgress {
  let reached = 0;
  let packages = 0;
  let unpacked = 0;
  let configured = 0;
  const atLeast = (fraction: number): number => {
    reached = Math.max(reached, Math.min(1, fraction));
    return reached;
  };
  return {
    atLeast,
    bootstrapLine(line) {
      for (const [pattern, fraction] of BOOTSTRAP_MARKS) if (pattern.test(line)) atLeast(fraction);
      return reached;
    },
    buildLine(line) {
      const total = /(\d+) newly installed/.exec(line);
      if (total) packages = Number(total[1]);
      if (/^Unpacking /.test(line) && packages > 0) {
        unpacked += 1;
        atLeast(SHARE.downloaded + (SHARE.unpacked - SHARE.downloaded) * Math.min(1, unpacked / packages));
      } else if (/^Setting up /.test(line) && packages > 0) {
        configured += 1;
        atLeast(SHARE.unpacked + (SHARE.configured - SHARE.unpacked) * Math.min(1, configured / packages));
      } else if (/^Fetched /.test(line)) {
        atLeast(SHARE.downloaded);
      } else if (/^STEP 3\//.test(line)) {
        atLeast(0.96);
      } else if (/COMMIT|Successfully tagged/.test(line)) {
        atLeast(0.99);
      }
      return reached;
    },
  };
}
