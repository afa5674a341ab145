import { useQuery } from '@tanstack/react-query';
import { Select } from 'antd';
import { useMemo, useState } from 'react';
import { type showTrainingJob, showTrainingJobMetrics } from '../../resources/training-jobs/job.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, queryOf } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { Chart, percentText } from '../parts/chart.tsx';
import { type TextKey, useTexts } from '../texts/index.ts';

/** Samples are no news to the page (there is one a minute), so it asks. */
const EVERY_MS = 30_000;
const MINUTE_MS = 60_000;

const CHARTS: readonly { title: TextKey; lines: Record<string, TextKey> }[] = [
  { title: 'cpuAndMemory', lines: { cpuUsage: 'cpu', memUsage: 'memoryAmount' } },
  {
    title: 'accelerators',
    lines: { gpuUtil: 'gpuUse', gpuMemUsage: 'gpuMemory', npuUtil: 'npuUse', npuMemUsage: 'npuMemory' },
  },
];

/** How much of its flavor a task uses, minute by minute. */
export function JobMetrics({ job }: { job: ResponseOf<typeof showTrainingJob> }) {
  const t = useTexts();
  const { tasks, phase, start_time } = job.status;
  const [task, setTask] = useState(tasks[0] ?? 'worker-0');
  const input = { params: { training_job_id: job.metadata.id, task_id: task } };
  const { data, error, refetch } = useQuery({
    queryKey: [...queryOf(showTrainingJobMetrics, input).queryKey],
    // No body where there are no samples.
    queryFn: async ({ signal }) => (await call(showTrainingJobMetrics, { ...input, signal })) ?? { metrics: [] },
    refetchInterval: phase === 'Running' ? EVERY_MS : false,
  });
  const series = useMemo(() => {
    const metrics = data?.metrics ?? [];
    const first = Math.floor(start_time / MINUTE_MS) * MINUTE_MS;
    const count = Math.max(0, ...metrics.map(({ value }) => value.length));
    return {
      times: Array.from({ length: count }, (_, at) => first + at * MINUTE_MS),
      valuesOf: (name: string) =>
        (metrics.find(({ metric }) => metric === name)?.value ?? []).map(value => (value < 0 ? null : value)),
    };
  }, [data, start_time]);
  if (error && !data) return <Awaited error={error} refetch={refetch} />;
  const charts = CHARTS.map(({ title, lines }) => ({
    title,
    lines: Object.entries(lines).map(([name, text]) => ({ name: t(text), values: series.valuesOf(name) })),
  }));
  return (
    <>
      {tasks.length > 1 && (
        <p>
          <Select
            aria-label={t('task')}
            value={task}
            onChange={setTask}
            options={tasks.map(value => ({ value, label: value }))}
          />
        </p>
      )}
      <p className="soft">{t('metricsHelp')}</p>
      <div className="cards">
        {charts
          // A job without accelerators is not told of them.
          .filter(({ lines }, at) => at === 0 || lines.some(({ values }) => values.some(value => value !== null)))
          .map(({ title, lines }) => (
            <Chart
              key={title}
              title={t(title)}
              times={series.times}
              lines={lines}
              write={percentText}
              top={100}
              loading={!data}
            />
          ))}
      </div>
    </>
  );
}
