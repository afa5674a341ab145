import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import { listTrainingJobs } from '../../resources/training-jobs/job.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { NameFilter, StateFilter } from '../parts/filters.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { ranFor, State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Job = ResponseOf<typeof listTrainingJobs>['items'][number];

interface Filter {
  key: string;
  operator: string;
  value: string[];
}

const PAGE = 50;
const PHASES = ['Creating', 'Pending', 'Running', 'Completed', 'Failed', 'Terminating', 'Terminated', 'Abnormal'];
const CREATE = 'modelarts:trainJob:create';

/** The workspace's training jobs. The filter stands in the address, so that it can be passed on. */
export default function TrainingJobs() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: { name?: string; phase?: string } = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const name = useDeferredValue(typed);
  const filters: Filter[] = [
    ...(name ? [{ key: 'name', operator: 'like', value: [name] }] : []),
    ...(search.phase ? [{ key: 'phase', operator: 'in', value: [search.phase] }] : []),
  ];
  const page = (offset: number) => pageOf(workspace, filters, offset);
  const filter = (change: { name?: string; phase?: string }) =>
    void navigate({ to: '/training/jobs', search: { ...search, ...change }, replace: true });
  const create = () => void navigate({ to: '/training/jobs/create' });
  const columns: Column<Job>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(180px, 2fr)',
      show: ({ metadata }) => (
        <Link to="/training/jobs/$jobId" params={{ jobId: metadata.id }}>
          {metadata.name}
        </Link>
      ),
    },
    { title: t('state'), key: 'state', width: '115px', show: ({ status }) => <State value={status.phase} /> },
    {
      title: t('message'),
      key: 'message',
      width: 'minmax(120px, 3fr)',
      show: ({ status }) => status.queue?.reason ?? status.message ?? '',
    },
    { title: t('duration'), key: 'duration', width: '90px', show: ({ status }) => ranFor(status) },
    { title: t('created'), key: 'created', width: '175px', show: ({ metadata }) => <Time at={metadata.create_time} /> },
    { title: t('owner'), key: 'owner', width: '90px', show: ({ metadata }) => metadata.user_name },
  ];
  return (
    <Page
      title={t('trainingJobs')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createTrainingJob')}
        </Gated>
      }
    >
      <div className="filters">
        <NameFilter
          value={typed}
          onChange={text => {
            setTyped(text);
            filter({ name: text || undefined } as { name?: string });
          }}
        />
        <StateFilter value={search.phase} states={PHASES} onChange={phase => filter({ phase } as { phase?: string })} />
        <Count query={page(0)} />
      </div>
      <DataTable
        key={`${workspace} ${name} ${search.phase}`}
        label={t('trainingJobs')}
        saved="training-jobs"
        columns={columns}
        pageSize={PAGE}
        page={page}
        read={answer => answer}
        empty={
          filters.length > 0 ? (
            <Empty title={t('noMatch')} />
          ) : (
            <Empty
              title={t('noJobs')}
              help={t('noJobsHelp')}
              action={{ text: t('createTrainingJob'), run: create, needs: CREATE }}
            />
          )
        }
      />
    </Page>
  );
}

function Count({ query }: { query: ReturnType<typeof pageOf> }) {
  const t = useTexts();
  const { data } = useQuery(query);
  return data ? <span className="soft">{t('rowsOf', { count: data.count, total: data.total })}</span> : null;
}

function pageOf(workspace_id: string, filters: Filter[], offset: number) {
  return queryOf(listTrainingJobs, { body: { workspace_id, offset, limit: PAGE, filters } }, ['workloads']);
}
