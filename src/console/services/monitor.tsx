import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { batchListMetricData } from '../../resources/services/metric.api.ts';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, queryOf } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { Chart, percentText } from '../parts/chart.tsx';
import { textOf } from '../parts/facts.tsx';
import { ChooseRange, rangeOf, type TimeRange } from '../parts/time-range.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Service = ResponseOf<typeof serviceApis.show>;
type Metrics = ResponseOf<typeof batchListMetricData>['metrics'];

const NOW_MS = 5_000;
const HISTORY_MS = 60_000;
const MIB = 1024 ** 2;

const OF_SERVICE = ['total_called_times', 'failed_called_times', 'latency_p50', 'latency_p99', 'avg_latency'] as const;
const OF_MODEL = ['cpu_usage', 'mem_usage'] as const;
type MetricName = (typeof OF_SERVICE)[number] | (typeof OF_MODEL)[number];

/** Calls, waits and the use of resources of a service: how it was, and how it is. */
export function ServiceMonitor(props: { service: Service; range: TimeRange; onRange(range: TimeRange): void }) {
  const { service, range, onRange } = props;
  const t = useTexts();
  const params = { service_id: service.service_id };
  const present = useQuery({
    ...queryOf(serviceApis.monitor, { params }, ['service-instances', 'service-counters']),
    refetchInterval: NOW_MS,
  });
  const { data: now } = present;
  const { known, error, refetch, times, valuesOf } = useHistory(service, range);
  const versions = service.config.map(each => ({
    id: each.model_id,
    name: `${each.model_name} ${each.model_version}`,
  }));
  const number = (value: number) => String(Number(value.toFixed(2)));
  const charts = [
    {
      title: t('callsPerMinute'),
      lines: [
        { name: t('calls'), values: valuesOf('total_called_times') },
        { name: t('failedCalls'), values: valuesOf('failed_called_times') },
      ],
      write: number,
      top: 5,
    },
    {
      title: t('latency'),
      lines: [
        { name: t('latencyMedian'), values: valuesOf('latency_p50') },
        { name: t('latencyMost'), values: valuesOf('latency_p99') },
        { name: t('average'), values: valuesOf('avg_latency') },
      ],
      write: waitText,
      top: 10,
    },
    {
      title: t('cpuOfInstances'),
      lines: versions.map(({ id, name }) => ({ name, values: valuesOf('cpu_usage', id) })),
      write: percentText,
      top: 100,
    },
    {
      title: t('memoryOfInstances'),
      lines: versions.map(({ id, name }) => ({ name, values: valuesOf('mem_usage', id) })),
      write: percentText,
      top: 100,
    },
  ];
  return (
    <>
      <ChooseRange range={range} onRange={onRange} />
      <p className="soft">{t('monitorHelp')}</p>
      {error && !known ? (
        <Awaited error={error} refetch={refetch} />
      ) : (
        <div className="cards">
          {charts.map(chart => (
            <Chart key={chart.title} times={times} loading={!known} {...chart} />
          ))}
        </div>
      )}
      <h2 style={{ marginTop: 16 }}>{t('versions')}</h2>
      {!now && <Awaited error={present.error} refetch={present.refetch} />}
      <ul className="plain" aria-label={t('versions')}>
        {now?.monitors.map(each => (
          <li key={each.model_id}>
            <strong>
              {each.model_name} {each.model_version}
            </strong>
            <span>
              {t('instances')}: {each.model_running_instance_count} / {each.model_instance_count}
            </span>
            <span>
              {t('cpu')}: {number(each.cpu_core_usage)} / {number(each.cpu_core_total)}
            </span>
            <span>
              {t('memoryAmount')}: {sizeText(each.cpu_memory_usage * MIB)} / {sizeText(each.cpu_memory_total * MIB)}
            </span>
            <span>
              {t('calls')}: {each.invocation_times}
            </span>
            <span className={each.failed_times > 0 ? 'state bad' : ''}>
              {t('failedCalls')}: {each.failed_times}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What was measured, on one scale of time; null where nothing was. The last hour is asked for again whenever something was counted. */
function useHistory(service: Service, range: TimeRange) {
  const { minutes, period } = rangeOf(range);
  const models = service.config.map(each => each.model_id);
  const { data, error, refetch } = useQuery({
    queryKey: [batchListMetricData.family, batchListMetricData.id, service.service_id, range, ...models],
    queryFn: async ({ signal }) => {
      const to = Date.now();
      const from = to - minutes * 60_000;
      const ask = (metric_name: MetricName, model?: string) => ({
        namespace: 'SYS.ModelArts',
        metric_name,
        dimensions: [
          { name: 'service_id', value: service.service_id },
          ...(model ? [{ name: 'model_id', value: model }] : []),
        ],
      });
      const metrics = [
        ...OF_SERVICE.map(name => ask(name)),
        ...models.flatMap(model => OF_MODEL.map(name => ask(name, model))),
      ];
      const body = { metrics, filter: 'average', period: String(period), from, to };
      const query = { workspace_id: textOf(service, 'workspace_id') };
      return { from, to, ...(await call(batchListMetricData, { body, query, signal })) };
    },
    refetchInterval: HISTORY_MS,
    placeholderData: before => before,
    meta: { live: range === 'hour' ? ['services'] : [] },
  });
  const read = useMemo(() => {
    const step = period * 1000;
    const first = Math.ceil((data?.from ?? 0) / step) * step;
    const times = data
      ? Array.from({ length: Math.floor((data.to - first) / step) + 1 }, (_, at) => first + at * step)
      : [];
    return {
      times,
      valuesOf: (name: MetricName, model?: string) => valuesAt(times, pointsOf(data?.metrics ?? [], name, model)),
    };
  }, [data, period]);
  return { ...read, known: data !== undefined, error, refetch };
}

function pointsOf(metrics: Metrics, name: MetricName, model: string | undefined) {
  const found = metrics.find(
    ({ metric_name, dimensions }) =>
      metric_name === name && dimensions.find(each => each.name === 'model_id')?.value === model,
  );
  return new Map(found?.datapoints.map(({ timestamp, average }) => [timestamp, average ?? null]));
}

function valuesAt(times: readonly number[], points: ReadonlyMap<number, number | null>): (number | null)[] {
  return times.map(time => points.get(time) ?? null);
}

/** Milliseconds, or seconds where there are many. */
function waitText(ms: number): string {
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}
