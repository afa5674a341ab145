import { microsOfStep } from '../../kernel/time-steps.ts';

/**
 * How many calls took how long until the answer began: by steps of kernel/time-steps.ts, as the gateway counts them.
 */
export type Histogram = Readonly<Record<string, number>>;

/** Adds up histograms. */
export function merged(all: readonly Histogram[]): Histogram {
  const sum: Record<string, number> = {};
  for (const each of all) for (const [step, count] of Object.entries(each)) sum[step] = (sum[step] ?? 0) + count;
  return sum;
}

/** What `now` counts more than `before`; a count that shrank began anew. */
export function since(before: Histogram, now: Histogram): Histogram {
  const more = Object.entries(now).map(([step, count]) => {
    const last = before[step] ?? 0;
    return [step, last <= count ? count - last : count] as const;
  });
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

/** Milliseconds within which `share` (0 to 1) of the calls were answered, to within five per cent; undefined without calls. */
export function quantile(histogram: Histogram, share: number): number | undefined {
  const steps = Object.entries(histogram)
    .map(([step, count]) => [Number(step), count] as const)
    .sort(([a], [b]) => a - b);
  const wanted = steps.reduce((sum, [, count]) => sum + count, 0) * share;
  let passed = 0;
  for (const [step, count] of steps) {
    passed += count;
    if (passed >= wanted) return middle(step);
  }
  return undefined;
}

/** Milliseconds until answers began, on average, to within five per cent; undefined without calls. */
export function mean(histogram: Histogram): number | undefined {
  let [total, calls] = [0, 0];
  for (const [step, count] of Object.entries(histogram)) {
    total += middle(Number(step)) * count;
    calls += count;
  }
  return calls === 0 ? undefined : total / calls;
}

/** Of a step, milliseconds. */
const middle = (step: number): number => microsOfStep(step) / 1000;
