/** Times as histograms count them: in steps of ten per cent. What is written down holds the steps' numbers, so the base stays. */
const BASE = 1.1;

/** The step in which a time of so many microseconds, at least 1, lies. */
export function stepOfMicros(micros: number): number {
  return Math.floor(Math.log(micros) / Math.log(BASE));
}

/** The middle of a step, in microseconds. */
export function microsOfStep(step: number): number {
  return BASE ** (step + 0.5);
}
