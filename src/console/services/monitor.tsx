import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { Chart } from '../parts/chart.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Monitor = ResponseOf<typeof serviceApis.monitor>;
type Sample = Monitor & { time: number };

const EVERY_MS = 5_000;
/** Two hours. */
const MOST = 1_440;
const MIB = 1024 ** 2;

/** What was seen of services while this window was open; the operation tells how it is now alone. */
const seen = new Map<string, Sample[]>();

/** Calls and the use of resources of a service, from when its monitoring was first looked at in this window. */
export function ServiceMonitor({ serviceId }: { serviceId: string }) {
  const t = useTexts();
  const { data, error, dataUpdatedAt } = useQuery({
    ...queryOf(serviceApis.monitor, { params: { service_id: serviceId } }, ['service-instances', 'service-counters']),
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
  const [samples, setSamples] = useState<readonly Sample[]>(seen.get(serviceId) ?? []);
  useEffect(() => {
    if (!data) return;
    const before = seen.get(serviceId) ?? [];
    if (before.at(-1)?.time === dataUpdatedAt) return;
    const now = [...before, { ...data, time: dataUpdatedAt }].slice(-MOST);
    seen.set(serviceId, now);
    setSamples(now);
  }, [serviceId, data, dataUpdatedAt]);
  const shown = useMemo(() => linesOf(samples), [samples]);
  if (error && !data) return <ErrorView error={error} />;
  const number = (value: number) => String(Number(value.toFixed(2)));
  return (
    <>
      <p className="soft">{t('monitorHelp')}</p>
      <div className="cards">
        <Chart
          title={t('callsPerMinute')}
          times={shown.times}
          lines={[{ name: t('calls'), values: shown.calls }]}
          write={value => String(Math.round(value))}
          top={5}
        />
        <Chart title={t('cpuCores')} times={shown.times} lines={shown.cpu} write={number} top={shown.cores} />
        <Chart
          title={t('memoryAmount')}
          times={shown.times}
          lines={shown.memory}
          write={value => sizeText(value * MIB)}
          top={shown.mib}
          binary
        />
      </div>
      <h2 style={{ marginTop: 16 }}>{t('versions')}</h2>
      <ul className="plain" aria-label={t('versions')}>
        {data?.monitors.map(each => (
          <li key={each.model_id}>
            <strong>
              {each.model_name} {each.model_version}
            </strong>
            <span>
              {t('instances')}: {each.model_running_instance_count} / {each.model_instance_count}
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

/** A line for each version; memory in MiB. */
function linesOf(samples: readonly Sample[]) {
  const latest = samples.at(-1)?.monitors ?? [];
  const per = (pick: (monitor: Monitor['monitors'][number]) => number) =>
    latest.map(({ model_id, model_name, model_version }) => ({
      name: `${model_name} ${model_version}`,
      values: samples.map(({ monitors }) => {
        const found = monitors.find(each => each.model_id === model_id);
        return found ? pick(found) : null;
      }),
    }));
  const most = (pick: (monitor: Monitor['monitors'][number]) => number) => Math.max(0, ...latest.map(pick));
  return {
    times: samples.map(({ time }) => time),
    calls: samples.map(({ req_count_per_min }) => req_count_per_min),
    cpu: per(each => each.cpu_core_usage),
    memory: per(each => each.cpu_memory_usage),
    cores: most(each => each.cpu_core_total),
    mib: most(each => each.cpu_memory_total),
  };
}
