import { Link } from '@tanstack/react-router';
import { showComputeQuota } from '../../resources/compute-quotas/quota.api.ts';
import { listPools, showPoolRuntimeMetrics } from '../../resources/pools/pool.api.ts';
import { listTrainingJobs } from '../../resources/training-jobs/job.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { textOf } from '../parts/facts.tsx';
import { Meter } from '../parts/meter.tsx';
import { Page } from '../parts/page.tsx';
import { amountOf, displayName } from '../parts/resources.ts';
import { durationText, State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { type TextKey, useTexts } from '../texts/index.ts';

type Job = ResponseOf<typeof listTrainingJobs>['items'][number];
const SHOWN = 5;

/** What runs, what waits and why, what failed lately, and how much there is. */
export default function Overview() {
  const t = useTexts();
  return (
    <Page title={t('overview')}>
      <div className="cards">
        <Jobs
          title="running"
          none="nothingRuns"
          phases={['Running', 'Creating', 'Terminating']}
          note={job => durationText(job.status.duration)}
        />
        <Jobs
          title="queued"
          none="nothingWaits"
          phases={['Pending']}
          note={({ status: { queue, message } }) =>
            queue ? t('position', { position: queue.position + 1, reason: queue.reason }) : (message ?? '')
          }
        />
        <Jobs
          title="failedLately"
          none="nothingFailed"
          phases={['Failed', 'Abnormal']}
          note={job => job.status.message ?? ''}
        />
        <Quotas />
        <Capacity />
        <QuickStart />
      </div>
    </Page>
  );
}

function Jobs(props: { title: TextKey; none: TextKey; phases: string[]; note: (job: Job) => string }) {
  const { title, none, phases, note } = props;
  const t = useTexts();
  const { workspace } = useSettings();
  const filters = [{ key: 'phase', operator: 'in', value: phases }];
  const { data, error, refetch } = useCall(
    listTrainingJobs,
    { body: { workspace_id: workspace, limit: SHOWN, filters } },
    { live: ['workloads'] },
  );
  return (
    <section className="card" aria-label={t(title)}>
      <h2>{t(title)}</h2>
      {error && !data ? (
        <Awaited error={error} refetch={refetch} />
      ) : (
        <>
          <p className="count">{data?.count ?? '–'}</p>
          {data?.items.length === 0 && <p className="soft">{t(none)}</p>}
          <ul className="plain">
            {data?.items.map(job => (
              <li key={job.metadata.id}>
                <Link to="/training/jobs/$jobId" params={{ jobId: job.metadata.id }}>
                  {job.metadata.name}
                </Link>
                <State value={job.status.phase} />
                <span className="spring" />
                <span className="soft">
                  <Time at={job.metadata.create_time} />
                </span>
                <span className="soft note">{note(job)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Quotas() {
  const t = useTexts();
  const { workspace } = useSettings();
  const { data, error, refetch } = useCall(
    showComputeQuota,
    { query: { workspace_id: workspace } },
    { live: ['workloads', 'workload-quotas', 'training-jobs'] },
  );
  const rows = [
    ['vcpus', 'vcpus'],
    ['memory', 'memory_gib'],
    ['accelerators', 'gpus'],
    ['workloads', 'workloads'],
  ] as const;
  return (
    <section className="card" aria-label={t('quotas')}>
      <h2>{t('quotas')}</h2>
      {error && !data ? (
        <Awaited error={error} refetch={refetch} />
      ) : (
        <dl className="fact">
          {rows.map(([text, member]) => (
            <div key={member} style={{ display: 'contents' }}>
              <dt>{t(text)}</dt>
              <dd>
                <Meter
                  label={t(text)}
                  used={data?.used[member]}
                  limit={data?.limits[member]}
                  none={data ? t('unlimited') : '–'}
                />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

/** What of each dedicated pool is given out. */
function Capacity() {
  const t = useTexts();
  const { workspace } = useSettings();
  const query = { workspaceId: workspace };
  const live = { live: ['pool-nodes', 'workloads'] };
  const { data, error, refetch } = useCall(showPoolRuntimeMetrics, { query }, live);
  // Where their names cannot be read, pools are called by their ids.
  const { data: pools } = useCall(listPools, { query }, live);
  const tableOf = (item: Record<string, unknown>, kind: 'allocated' | 'capacity') =>
    amountOf((item.table as Record<string, { value?: unknown }>)[kind]?.value);
  return (
    <section className="card" aria-label={t('pools')}>
      <h2>{t('pools')}</h2>
      {!data && <Awaited error={error} refetch={refetch} />}
      {data?.items.length === 0 && <p className="soft">{t('noPools')}</p>}
      <ul className="plain">
        {data?.items.map(item => {
          const id = textOf(item, 'metadata', 'name');
          const pool = pools?.items.find(each => each.metadata.name === id);
          const name = pool ? displayName(pool) : id;
          const [used, all] = [tableOf(item, 'allocated'), tableOf(item, 'capacity')];
          return (
            <li key={id}>
              <Link to="/pools/$poolId" params={{ poolId: id }}>
                {name}
              </Link>
              <span className="note">
                <Meter label={`${name}: ${t('vcpus')}`} used={used.vcpus} limit={all.vcpus} none="0" /> {t('vcpus')}
              </span>
              {all.gpus > 0 && (
                <span className="note">
                  <Meter label={`${name}: ${t('accelerators')}`} used={used.gpus} limit={all.gpus} none="0" />{' '}
                  {t('accelerators')}
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function QuickStart() {
  const t = useTexts();
  return (
    <section className="card wide" aria-label={t('quickStart')}>
      <h2>{t('quickStart')}</h2>
      <p>{t('quickStartText')}</p>
      <ol>
        <li>{t('step1')}</li>
        <li>
          <Link to="/buckets">{t('step2')}</Link>
        </li>
        <li>
          <Link to="/training/jobs/create">{t('step3')}</Link>
        </li>
        <li>{t('step4')}</li>
      </ol>
    </section>
  );
}
