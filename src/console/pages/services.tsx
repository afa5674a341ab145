import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { NameFilter, StateFilter } from '../parts/filters.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Service = ResponseOf<typeof serviceApis.list>['services'][number];

const PAGE = 50;
const CREATE = 'modelarts:service:create';
const STATUSES = ['running', 'deploying', 'concerning', 'failed', 'stopped', 'stopping', 'waiting'] as const;

/** The workspace's real-time services. The filter stands in the address. */
export default function Services() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: { name?: string; status?: (typeof STATUSES)[number] } = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const name = useDeferredValue(typed);
  const { status } = search;
  const filter = (change: { name?: string | undefined; status?: string | undefined }) =>
    void navigate({ to: '/services', search: { ...search, ...change }, replace: true });
  const deploy = () => void navigate({ to: '/services/deploy' });
  const page = (index: number) =>
    queryOf(
      serviceApis.list,
      {
        query: {
          workspace_id: workspace,
          offset: index,
          limit: PAGE,
          ...(name ? { service_name: name } : {}),
          ...(status ? { status } : {}),
        },
      },
      ['service-instances', 'service-counters'],
    );
  const columns: Column<Service>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(160px, 2fr)',
      show: service => (
        <Link to="/services/$serviceId" params={{ serviceId: service.service_id }}>
          {service.service_name}
        </Link>
      ),
    },
    {
      title: t('state'),
      key: 'state',
      width: '160px',
      show: service => (
        <>
          <State value={service.status} />
          {service.status === 'deploying' && <span className="soft"> {service.progress} %</span>}
        </>
      ),
    },
    { title: t('calls'), key: 'calls', width: '90px', show: service => service.invocation_times },
    { title: t('failedCalls'), key: 'failedCalls', width: '90px', show: service => service.failed_times },
    { title: t('description'), key: 'description', width: 'minmax(100px, 2fr)', show: service => service.description },
    { title: t('deployed'), key: 'deployed', width: '175px', show: service => <Time at={service.publish_at} /> },
  ];
  return (
    <Page
      title={t('services')}
      actions={
        <Gated action={CREATE} type="primary" onClick={deploy}>
          {t('deploy')}
        </Gated>
      }
    >
      <div className="filters">
        <NameFilter
          value={typed}
          onChange={text => {
            setTyped(text);
            filter({ name: text || undefined });
          }}
        />
        <StateFilter value={status} states={STATUSES} onChange={status => filter({ status })} />
      </div>
      <DataTable
        key={`${workspace} ${name} ${status}`}
        label={t('services')}
        saved="services"
        columns={columns}
        pageSize={PAGE}
        page={page}
        read={({ services, total_count }) => ({ items: services, count: total_count })}
        empty={
          name || status ? (
            <Empty title={t('noMatch')} />
          ) : (
            <Empty
              title={t('noServices')}
              help={t('noServicesHelp')}
              action={{ text: t('deploy'), run: deploy, needs: CREATE }}
            />
          )
        }
      />
    </Page>
  );
}
