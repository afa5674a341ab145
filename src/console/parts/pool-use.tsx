import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { showPoolMonitor, showWorkloadStatistics } from '../../resources/pools/pool.api.ts';
import { queryOf, useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { Awaited } from './awaited.tsx';
import { Chart, percentText } from './chart.tsx';
import { Facts, textOf } from './facts.tsx';
import { ChooseRange, rangeOf, type TimeRange } from './time-range.tsx';

/** Samples are no news to the page (there is one a minute), so it asks. */
const EVERY_MS = 60_000;

const LINES = {
  cpuUsage: 'cpu',
  memUsedRate: 'memoryAmount',
  gpuUtil: 'gpuUse',
  gpuMemUsage: 'gpuMemory',
  diskUsedRate: 'diskPromised',
} as const;

/** How what runs in a pool uses it, and how much of what is there. */
export function PoolUse(props: { poolId: string; range: TimeRange; onRange(range: TimeRange): void }) {
  const { poolId, range, onRange } = props;
  const t = useTexts();
  const { minutes, period } = rangeOf(range);
  const params = { pool_name: poolId };
  const { data, error, refetch } = useQuery({
    ...queryOf(showPoolMonitor, { params, query: { time_range: `-1.-1.${minutes}`, period: String(period) } }),
    refetchInterval: EVERY_MS,
  });
  const statistics = useCall(showWorkloadStatistics, { params }, { live: ['workloads'] });
  const counts = statistics.data?.statistics;
  const { times, lines } = useMemo(() => readMetrics(data?.metrics ?? []), [data]);
  return (
    <>
      <ChooseRange range={range} onRange={onRange} />
      {error && !data ? (
        <Awaited error={error} refetch={refetch} />
      ) : (
        <Chart
          title={t('poolUse')}
          times={times}
          lines={lines.map(({ metric, values }) => ({ name: t(LINES[metric]), values }))}
          write={percentText}
          top={100}
          loading={!data}
        />
      )}
      <h2 style={{ marginTop: 16 }}>{t('workloads')}</h2>
      {!statistics.data && <Awaited error={statistics.error} refetch={statistics.refetch} />}
      <Facts
        facts={(Array.isArray(counts?.items) ? counts.items : []).map(
          (item: { status?: Record<string, number> }) =>
            [
              textOf(item, 'type'),
              Object.entries(item.status ?? {})
                .filter(([, count]) => count > 0)
                .map(([status, count]) => `${status}: ${count}`)
                .join(', '),
            ] as const,
        )}
      />
    </>
  );
}

/** The lines of a monitor's answer; -1 stands for no value there. */
function readMetrics(metrics: readonly unknown[]) {
  const points = metrics.map(metric => ({
    name: textOf(metric, 'metric', 'metricName'),
    points: ((metric as { dataPoints?: unknown[] }).dataPoints ?? []).map(point => ({
      time: Number(textOf(point, 'timestamp')),
      value: Number(textOf((point as { statistics?: unknown[] }).statistics?.[0], 'value')),
    })),
  }));
  return {
    times: points[0]?.points.map(({ time }) => time) ?? [],
    lines: (Object.keys(LINES) as (keyof typeof LINES)[]).map(metric => ({
      metric,
      values: (points.find(({ name }) => name === metric)?.points ?? []).map(({ value }) => (value < 0 ? null : value)),
    })),
  };
}
