import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Popconfirm, Select, Tabs } from 'antd';
import { useState } from 'react';
import {
  deleteTrainingJob,
  listTrainingJobEvents,
  showTrainingJob,
  stopTrainingJob,
} from '../../resources/training-jobs/job.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { useTell } from '../parts/error-view.tsx';
import { EventList, Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { LogView } from '../parts/log-view.tsx';
import { ObjectLink } from '../parts/object-link.tsx';
import { Page } from '../parts/page.tsx';
import { PoolName } from '../parts/pool-name.tsx';
import { ranFor, State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { CloudShell } from '../training/cloud-shell.tsx';
import { JobMetrics } from '../training/job-metrics.tsx';

type Job = ResponseOf<typeof showTrainingJob>;

const FINAL = new Set(['Completed', 'Failed', 'Terminated', 'Abnormal']);

/** One training job: how it is, what it says, what it was made of. The open tab stands in the address. */
export default function TrainingJob() {
  const t = useTexts();
  const { jobId = '' } = useParams({ strict: false });
  const { tab = 'log' }: { tab?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const {
    data: job,
    error,
    refetch,
  } = useCall(showTrainingJob, { params: { training_job_id: jobId } }, { live: ['workloads'] });
  if (!job) {
    return (
      <Page title={t('trainingJob')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  return (
    <Page title={job.metadata.name} help={job.metadata.description} actions={<Actions job={job} />}>
      <Summary job={job} />
      <div className="card">
        <Tabs
          activeKey={tab}
          onChange={key =>
            void navigate({ to: '/training/jobs/$jobId', params: { jobId }, search: { tab: key }, replace: true })
          }
          items={[
            { key: 'log', label: t('log'), children: <Log job={job} /> },
            { key: 'metrics', label: t('metrics'), children: <JobMetrics job={job} /> },
            { key: 'events', label: t('events'), children: <Events jobId={jobId} /> },
            { key: 'settings', label: t('settings'), children: <Made job={job} /> },
            { key: 'environment', label: t('environment'), children: <Environment job={job} /> },
            { key: 'outputs', label: t('outputs'), children: <Channels job={job} kind="outputs" /> },
            // Terminals go on while one looks at the log.
            { key: 'shell', label: 'Cloud Shell', children: <CloudShell job={job} />, destroyOnHidden: false },
          ].map(item => ({ destroyOnHidden: true, ...item }))}
        />
      </div>
    </Page>
  );
}

function Actions({ job }: { job: Job }) {
  const t = useTexts();
  const tell = useTell();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const [deleting, setDeleting] = useState(false);
  const { status } = job;
  const { id, name } = job.metadata;
  const params = { training_job_id: id };
  const stop = () =>
    call(stopTrainingJob, { params, body: { action_type: 'terminate' } })
      .then(() => changed('training-jobs'))
      .catch(tell);
  return (
    <>
      {!FINAL.has(status.phase) && (
        <Popconfirm title={t('stopJob', { name })} okText={t('stop')} cancelText={t('cancel')} onConfirm={stop}>
          <span>
            <Gated action="modelarts:trainJob:update">{t('stop')}</Gated>
          </span>
        </Popconfirm>
      )}
      <Gated
        action="modelarts:trainJob:create"
        onClick={() => void navigate({ to: '/training/jobs/create', search: { job: id } })}
      >
        {t('rebuild')}
      </Gated>
      <Gated
        action="modelarts:aiAlgorithm:create"
        onClick={() => void navigate({ to: '/training/algorithms/create', search: { job: id } })}
      >
        {t('saveAlgorithm')}
      </Gated>
      {status.phase === 'Completed' && (
        <Gated
          action="modelarts:model:create"
          onClick={() => void navigate({ to: '/models/create', search: { job: id } })}
        >
          {t('createModel')}
        </Gated>
      )}
      <Gated action="modelarts:trainJob:delete" danger onClick={() => setDeleting(true)}>
        {t('delete')}
      </Gated>
      {deleting && (
        <ConfirmByName
          title={t('deleteJob', { name })}
          help={t('deleteJobHelp')}
          name={name}
          close={() => setDeleting(false)}
          run={async () => {
            await call(deleteTrainingJob, { params });
            await goOn({ to: '/training/jobs' });
            await changed('training-jobs');
          }}
        />
      )}
    </>
  );
}

function Summary({ job }: { job: Job }) {
  const t = useTexts();
  const { status, metadata } = job;
  const exit = status.task_statuses.find(task => task.exit_code)?.exit_code;
  const failed = status.phase === 'Failed' || status.phase === 'Abnormal';
  return (
    <>
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={status.phase} />],
            [t('duration'), ranFor(status)],
            [t('created'), <Time key="time" at={metadata.create_time} />],
            [t('owner'), metadata.user_name],
            [t('pool'), <PoolName key="pool" id={textOf(job.spec, 'resource', 'pool_id')} />],
          ]}
        />
      </div>
      {status.queue && <Alert type="info" showIcon title={t('waitsBecause', { reason: status.queue.reason })} />}
      {failed && (
        <Alert
          type="error"
          showIcon
          title={t('failedBecause', { reason: status.message ?? status.task_statuses[0]?.message ?? '' })}
          description={exit === undefined ? undefined : t('exitCode', { code: exit })}
        />
      )}
    </>
  );
}

function Log({ job }: { job: Job }) {
  const t = useTexts();
  const { tasks } = job.status;
  const [task, setTask] = useState(tasks[0] ?? 'worker-0');
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
      <LogView jobId={job.metadata.id} task={task} attempt={job.status.start_time} />
    </>
  );
}

function Events({ jobId }: { jobId: string }) {
  const { data, error, refetch } = useCall(listTrainingJobEvents, {
    params: { training_job_id: jobId },
    query: { limit: 100, order: 'desc' },
  });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return <EventList events={data.events} />;
}

/** What the job was made of. The wire's shape is the SDK's own and open, so members are looked up. */
function Made({ job }: { job: Job }) {
  const t = useTexts();
  const { algorithm, spec } = job;
  return (
    <Facts
      facts={[
        [
          t('engine'),
          [
            textOf(algorithm, 'engine', 'engine_name'),
            textOf(algorithm, 'engine', 'engine_version') || textOf(algorithm, 'engine', 'image_url'),
          ].join(' '),
        ],
        [t('codeDir'), textOf(algorithm, 'code_dir')],
        [t('bootFile'), textOf(algorithm, 'boot_file') || textOf(algorithm, 'command')],
        [t('flavor'), textOf(spec, 'resource', 'flavor_id')],
        [t('nodes'), textOf(spec, 'resource', 'node_count')],
        [t('inputs'), <Channels key="inputs" job={job} kind="inputs" />],
      ]}
    />
  );
}

function Environment({ job }: { job: Job }) {
  const t = useTexts();
  const variables = Object.entries((job.algorithm.environments ?? {}) as Record<string, unknown>);
  if (variables.length === 0) return <p className="soft">{t('none')}</p>;
  return <Facts facts={variables.map(([name, value]) => [name, String(value)] as const)} />;
}

function Channels({ job, kind }: { job: Job; kind: 'inputs' | 'outputs' }) {
  const t = useTexts();
  const channels = Array.isArray(job.algorithm[kind]) ? (job.algorithm[kind] as unknown[]) : [];
  if (channels.length === 0) return <span className="soft">{t('none')}</span>;
  return (
    <Facts
      facts={channels.map(channel => {
        const path = textOf(channel, 'remote', 'obs', 'obs_url');
        return [textOf(channel, 'name'), <ObjectLink key={path} path={path} />] as const;
      })}
    />
  );
}
