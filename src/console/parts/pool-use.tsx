import { useQuery } from '@tanstack/react-query';
import { Segmented } from 'antd';
import { useMemo } from 'react';
import { showPoolMonitor, showWorkloadStatistics } from '../../resources/pools/pool.api.ts';
import { queryOf, useCall } from '../call.ts';
import { type TextKey, useTexts } from '../texts/index.ts';
import { Chart, percentText } from './chart.tsx';
import { ErrorView } from './error-view.tsx';
import { Facts, textOf } from './facts.tsx';

/** Samples are no news to the page (there is one a minute), so it asks. */
const EVERY_MS = 60_000;

/** How far back, in minutes, and how many seconds each point stands for. */
const RANGES = {
  hour: [60, 60],
  day: [1_440, 300],
  week: [10_080, 3_600],
} as const satisfies Record<string, readonly [number, number]>;
export type PoolRange = keyof typeof RANGES;
const RANGE_TEXTS: Record<PoolRange, TextKey> = { hour: 'lastHour', day: 'lastDay', week: 'lastWeek' };

const LINES = {
  cpuUsage: 'cpu',
  memUsedRate: 'memoryAmount',
  gpuUtil: 'gpuUse',
  gpuMemUsage: 'gpuMemory',
  diskUsedRate: 'diskPromised',
} as const;

/** How what runs in a pool uses it, and how much of what is there. */
export function PoolUse(props: { poolId: string; range: PoolRange; onRange(range: PoolRange): void }) {
  const { poolId, range, onRange } = props;
  const t = useTexts();
  const [minutes, period] = RANGES[range] ?? RANGES.hour;
  const params = { pool_name: poolId };
  const { data, error } = useQuery({
    ...queryOf(showPoolMonitor, { params, query: { time_range: `-1.-1.${minutes}`, period: String(period) } }),
    refetchInterval: EVERY_MS,
  });
  const counts = useCall(showWorkloadStatistics, { params }, { live: ['workloads'] }).data?.statistics;
  const { times, lines } = useMemo(() => readMetrics(data?.metrics ?? []), [data]);
  return (
    <>
      <p>
        <Segmented
          aria-label={t('timeRange')}
          value={range}
          onChange={onRange}
          options={Object.entries(RANGE_TEXTS).map(([value, text]) => ({ value: value as PoolRange, label: t(text) }))}
        />
      </p>
      {error ? (
        <ErrorView error={error} />
      ) : (
        <Chart
          title={t('poolUse')}
          times={times}
          lines={lines.map(({ metric, values }) => ({ name: t(LINES[metric]), values }))}
          write={percentText}
          top={100}
        />
      )}
      <h2 style={{ marginTop: 16 }}>{t('workloads')}</h2>
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
