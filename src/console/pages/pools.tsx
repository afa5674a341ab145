import { Link, useNavigate } from '@tanstack/react-router';
import { listPools, showPoolRuntimeMetrics } from '../../resources/pools/pool.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf, useCall } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { amountOf, diskOf, displayName } from '../parts/resources.ts';
import { State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Pool = ResponseOf<typeof listPools>['items'][number];

const CREATE = 'modelarts:pool:create';
const LIVE = ['pool-nodes', 'workloads'];
/** More than a workspace may have, as the operation does not page. */
const ALL = 1000;

/** The dedicated resource pools of the workspace. */
export default function Pools() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const query = { workspaceId: workspace };
  const { data: metrics, error, refetch } = useCall(showPoolRuntimeMetrics, { query }, { live: LIVE });
  const create = () => void navigate({ to: '/pools/create' });
  const columns: Column<Pool>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(140px, 2fr)',
      show: pool => (
        <Link to="/pools/$poolId" params={{ poolId: pool.metadata.name }}>
          {displayName(pool)}
        </Link>
      ),
    },
    { title: t('state'), key: 'state', width: '110px', show: pool => <State value={textOf(pool.status, 'phase')} /> },
    { title: t('jobTypes'), key: 'jobTypes', width: '170px', show: pool => pool.spec.scope.join(', ') },
    {
      title: t('nodes'),
      key: 'nodes',
      width: '70px',
      show: pool => pool.spec.resources.reduce((sum, each) => sum + Number(each.count), 0),
    },
    {
      title: t('vcpusUsed'),
      key: 'vcpusUsed',
      width: '130px',
      show: pool => {
        if (!metrics) return !error && <span className="bone" title={t('loading')} />;
        const found = metrics.items.find(each => textOf(each, 'metadata', 'name') === pool.metadata.name);
        const table = found?.table as Record<string, { value?: unknown }> | undefined;
        if (!table) return '';
        return `${amountOf(table.allocated?.value).vcpus} / ${amountOf(table.capacity?.value).vcpus}`;
      },
    },
    {
      title: t('diskUsed'),
      key: 'diskUsed',
      width: '130px',
      show: pool => {
        const disk = diskOf(pool);
        return disk ? `${disk.total - disk.free} / ${disk.total} GiB` : '';
      },
    },
    { title: t('message'), key: 'message', width: 'minmax(100px, 2fr)', show: pool => pool.status.message ?? '' },
    {
      title: t('created'),
      key: 'created',
      width: '175px',
      show: pool => <Time at={pool.metadata.creationTimestamp} />,
    },
  ];
  return (
    <Page
      title={t('pools')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createPool')}
        </Gated>
      }
    >
      {error && !metrics && <ErrorView error={error} retry={() => void refetch()} />}
      <DataTable
        key={workspace}
        label={t('pools')}
        saved="pools"
        columns={columns}
        pageSize={ALL}
        page={() => queryOf(listPools, { query }, LIVE)}
        read={({ items }) => ({ items, count: items.length })}
        empty={
          <Empty
            title={t('noPools')}
            help={t('noPoolsHelp')}
            action={{ text: t('createPool'), run: create, needs: CREATE }}
          />
        }
      />
    </Page>
  );
}
