import { badRequest } from '../../kernel/object-list.ts';
import { mean, merged, quantile } from './histogram.ts';
import { MINUTE_MS, type Sample } from './samples.ts';

export const NAMESPACE = 'SYS.ModelArts';
/** Periods times metrics of one answer. */
const MOST_POINTS = 30_000;

export type Filter = 'average' | 'variance' | 'min' | 'max' | 'sum';

/** What is asked about: a service, or one of its models. */
export interface Dimensions {
  serviceId: string;
  modelId?: string;
}

interface Metric {
  unit: string;
  /** Of the samples of one minute, or, where minutes cannot be averaged, of all of a period. */
  of: (samples: readonly Sample[]) => number | undefined;
  /** Told of a model alone. */
  model?: true;
  whole?: true;
}

const perMinute = (pick: (sample: Sample) => number): Metric => ({
  unit: 'Times/Minute',
  of: samples => samples.reduce((total, each) => total + pick(each), 0),
});
const waits = (reduce: typeof mean): Metric => ({
  unit: 'ms',
  of: samples => reduce(merged(samples.map(each => each.latency))),
  whole: true,
});

/** The namespace's metrics (behaviour/inference.md 10). `avg_latency` is of its newer pages, `latency_p…` are ours. */
const METRICS: Record<string, Metric> = {
  cpu_usage: { unit: '%', of: ([sample]) => sample?.cpu, model: true },
  mem_usage: { unit: '%', of: ([sample]) => sample?.memory, model: true },
  total_called_times: perMinute(({ calls }) => calls),
  successfully_called_times: perMinute(({ calls, failed }) => Math.max(calls - failed, 0)),
  failed_called_times: perMinute(({ failed }) => failed),
  avg_latency: waits(mean),
  latency_p50: waits(histogram => quantile(histogram, 0.5)),
  latency_p99: waits(histogram => quantile(histogram, 0.99)),
};

/** Throws Failure 400 for what no answer can be made of: an end before its beginning, too many points. */
export function checkRange({
  from,
  to,
  periodMs,
  count,
}: {
  from: number;
  to: number;
  periodMs: number;
  count: number;
}) {
  if (from >= to) throw badRequest('[from] must be before [to], both in milliseconds.');
  if (((to - from) / periodMs) * count > MOST_POINTS) {
    throw badRequest(
      `More than ${MOST_POINTS} points: take a longer [period], or a shorter time between [from] and [to].`,
    );
  }
}

/** What the dimensions name; undefined where they name no service. */
export function dimensionsOf(all: readonly { name: string; value: string }[]): Dimensions | undefined {
  const value = (name: string) => all.find(each => each.name === name)?.value;
  const [serviceId, modelId] = [value('service_id'), value('model_id')];
  return serviceId === undefined ? undefined : { serviceId, ...(modelId === undefined ? {} : { modelId }) };
}

/** Unit of a metric; empty for one that the namespace does not have. */
export const unitOf = (name: string): string => METRICS[name]?.unit ?? '';

/** Points of a metric; none where nothing was measured. `samples`: of the service, the oldest first. */
export function datapoints(
  name: string,
  { modelId }: Dimensions,
  samples: readonly Sample[],
  { filter, periodMs }: { filter: Filter; periodMs: number },
): ({ timestamp: number } & { [filter in Filter]?: number })[] {
  const metric = METRICS[name];
  if (!metric || (metric.model && modelId === undefined)) return [];
  const mine = modelId === undefined ? samples : samples.filter(each => each.entryId === modelId);
  const step = Math.max(periodMs, MINUTE_MS);
  const periods = Map.groupBy(mine, ({ time }) => Math.floor(time / step) * step);
  return [...periods].flatMap(([timestamp, within]) => {
    const minutes = metric.whole ? [within] : [...Map.groupBy(within, ({ time }) => time).values()];
    const values = minutes.map(metric.of).filter(value => value !== undefined);
    return values.length === 0 ? [] : [{ timestamp, [filter]: rounded(reduce(filter, values)) }];
  });
}

function reduce(filter: Filter, values: readonly number[]): number {
  const total = values.reduce((sum, value) => sum + value, 0);
  const average = total / values.length;
  if (filter === 'max') return Math.max(...values);
  if (filter === 'min') return Math.min(...values);
  if (filter === 'sum') return total;
  return filter === 'average'
    ? average
    : values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length;
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
