import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Tabs } from 'antd';
import { useState } from 'react';
import { listEvents } from '../../resources/pools/catalog.api.ts';
import { listPoolNodes } from '../../resources/pools/node.api.ts';
import { deletePool, listWorkloads, showPool } from '../../resources/pools/pool.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { EventList, Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { PoolUse } from '../parts/pool-use.tsx';
import { amountOf, diskOf, displayName } from '../parts/resources.ts';
import { ScalePool } from '../parts/scale-pool.tsx';
import type { TimeRange } from '../parts/time-range.tsx';
import { durationText, State, Time } from '../parts/words.tsx';
import { type Node, NodeActions } from '../pools/node-actions.tsx';
import { SubPoolDialog, SubPools } from '../pools/sub-pools.tsx';
import { NodeWork } from '../pools/work.tsx';
import { useTexts } from '../texts/index.ts';

type Pool = ResponseOf<typeof showPool>;
type Workload = Record<string, unknown>;

const LIVE = ['pool-nodes', 'pool-events', 'workloads'];
const MOST_NODES = 500;
const PAGE = 100;

/** One dedicated resource pool. The open tab stands in the address. */
export default function PoolPage() {
  const t = useTexts();
  const { poolId = '' } = useParams({ strict: false });
  const { tab = 'nodes', range = 'hour' }: { tab?: string; range?: TimeRange } = useSearch({ strict: false });
  const navigate = useNavigate();
  const show = (search: object) => void navigate({ to: '/pools/$poolId', params: { poolId }, search, replace: true });
  const { data: pool, error, refetch } = useCall(showPool, { params: { pool_name: poolId } }, { live: LIVE });
  if (!pool) {
    return (
      <Page title={t('pool')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  return (
    <Page
      title={displayName(pool)}
      help={textOf(pool.metadata.annotations, 'os.modelarts/description')}
      actions={<Actions pool={pool} />}
    >
      <Capacity pool={pool} />
      {pool.status.message && <Alert type="warning" showIcon title={pool.status.message} />}
      <div className="card">
        <Tabs
          activeKey={tab}
          destroyOnHidden
          onChange={tab => show({ tab })}
          items={[
            { key: 'nodes', label: t('nodeList'), children: <Nodes pool={pool} /> },
            { key: 'jobs', label: t('running'), children: <Workloads key="jobs" poolId={poolId} status="Running" /> },
            { key: 'queue', label: t('queued'), children: <Workloads key="queue" poolId={poolId} status="Queue" /> },
            {
              key: 'use',
              label: t('monitoring'),
              children: <PoolUse poolId={poolId} range={range} onRange={range => show({ tab: 'use', range })} />,
            },
            ...(pool.spec.type === 'Dedicate'
              ? [
                  { key: 'shares', label: t('subPools'), children: <SubPools pool={pool} /> },
                  { key: 'work', label: t('scheduledEvents'), children: <NodeWork poolId={poolId} /> },
                ]
              : []),
            { key: 'events', label: t('events'), children: <Events poolId={poolId} /> },
          ]}
        />
      </div>
    </Page>
  );
}

function Actions({ pool }: { pool: Pool }) {
  const t = useTexts();
  const goOn = useGoOn();
  const [asking, setAsking] = useState<'delete' | 'scale'>();
  const name = displayName(pool);
  const close = () => setAsking(undefined);
  return (
    <>
      <Gated action="modelarts:pool:update" onClick={() => setAsking('scale')}>
        {t('scale')}
      </Gated>
      <Gated action="modelarts:pool:delete" danger onClick={() => setAsking('delete')}>
        {t('delete')}
      </Gated>
      {asking === 'scale' &&
        (pool.spec.type === 'Dedicate' ? (
          <ScalePool pool={pool} close={close} />
        ) : (
          <SubPoolDialog pool={pool} close={close} />
        ))}
      {asking === 'delete' && (
        <ConfirmByName
          title={t('deletePool', { name })}
          help={t('deletePoolHelp')}
          name={name}
          close={close}
          run={async () => {
            await call(deletePool, { params: { pool_name: pool.metadata.name } });
            await goOn({ to: '/pools' });
            await changed('pools');
          }}
        />
      )}
    </>
  );
}

/** Where it lies, and how much of its nodes is given out. */
function Capacity({ pool }: { pool: Pool }) {
  const t = useTexts();
  const { data, error, refetch } = useNodes(pool.metadata.name);
  const nodes = data?.items ?? [];
  const sum = (member: 'resources' | 'availableResources', part: 'vcpus' | 'gib' | 'gpus') =>
    nodes.reduce((total, node) => total + amountOf(node.status[member])[part], 0);
  const used = (part: 'vcpus' | 'gib' | 'gpus') => {
    if (!data) return !error && <span className="bone" title={t('loading')} />;
    const all = sum('resources', part);
    return `${round(all - sum('availableResources', part))} / ${round(all)}`;
  };
  const disk = diskOf(pool);
  const network = textOf(pool.spec, 'network', 'name');
  return (
    <div className="card">
      <Facts
        facts={[
          [t('state'), <State key="state" value={textOf(pool.status, 'phase')} />],
          [t('jobTypes'), pool.spec.scope.join(', ')],
          [t('vcpus'), used('vcpus')],
          [t('memory'), used('gib')],
          [t('disk'), disk && `${disk.total - disk.free} / ${disk.total}`],
          [t('accelerators'), used('gpus')],
          [
            t('network'),
            network && (
              <Link key="network" to="/networks/$networkId" params={{ networkId: network }}>
                {network}
              </Link>
            ),
          ],
          [t('created'), <Time key="time" at={pool.metadata.creationTimestamp} />],
        ]}
      />
      {error && !data && <ErrorView error={error} retry={() => void refetch()} />}
    </div>
  );
}

function useNodes(poolId: string) {
  return useCall(listPoolNodes, { params: { pool_name: poolId }, query: { limit: MOST_NODES } }, { live: LIVE });
}

function Nodes({ pool }: { pool: Pool }) {
  const t = useTexts();
  const poolId = pool.metadata.name;
  const columns: Column<Node>[] = [
    { title: t('name'), width: 'minmax(140px, 2fr)', show: node => textOf(node.metadata, 'name') },
    { title: t('state'), width: '110px', show: node => <State value={textOf(node.status, 'phase')} /> },
    { title: t('flavor'), width: '170px', show: node => textOf(node.spec, 'flavor') },
    { title: t('vcpusFree'), width: '110px', show: node => freeOf(node, 'vcpus') },
    { title: t('memoryFree'), width: '130px', show: node => freeOf(node, 'gib') },
    { title: t('disk'), width: '100px', show: node => textOf(node.spec, 'rootVolume', 'size') },
    {
      title: t('message'),
      width: 'minmax(100px, 2fr)',
      show: ({ status }) =>
        textOf(status, 'message') ||
        (Array.isArray(status.taints) && status.taints.length > 0 ? t('takesNothing') : ''),
    },
    // A sub-pool shows its parent's nodes, which are changed there.
    ...(pool.spec.type === 'Dedicate'
      ? [{ title: t('actions'), width: '110px', show: (node: Node) => <NodeActions poolId={poolId} node={node} /> }]
      : []),
  ];
  return (
    <DataTable
      label={t('nodeList')}
      columns={columns}
      pageSize={MOST_NODES}
      page={() => queryOf(listPoolNodes, { params: { pool_name: poolId }, query: { limit: MOST_NODES } }, LIVE)}
      read={({ items }) => ({ items, count: items.length })}
      empty={<Empty title={t('noNodes')} />}
    />
  );
}

function freeOf({ status }: Node, part: 'vcpus' | 'gib'): string {
  return `${round(amountOf(status.availableResources)[part])} / ${round(amountOf(status.resources)[part])}`;
}

const PAGES: Record<string, string> = {
  train: '/training/jobs/',
  notebook: '/notebooks/',
};

/** What runs in the pool, or what waits for it, in the order in which it will come, with the reason. */
function Workloads({ poolId, status }: { poolId: string; status: 'Running' | 'Queue' }) {
  const t = useTexts();
  const waits = status === 'Queue';
  const columns: Column<Workload>[] = [
    {
      title: t('name'),
      width: 'minmax(140px, 2fr)',
      show: job => {
        const page = PAGES[textOf(job, 'type')];
        const name = textOf(job, 'jobName');
        return page ? <Link to={page + textOf(job, 'uid')}>{name}</Link> : name;
      },
    },
    { title: t('jobType'), width: '100px', show: job => textOf(job, 'type') },
    { title: t('vcpus'), width: '100px', show: job => textOf(job, 'resourceRequirement', 'cpu') },
    { title: t('memoryAmount'), width: '110px', show: job => textOf(job, 'resourceRequirement', 'memory') },
    {
      title: t('duration'),
      width: '120px',
      show: job => durationText(1000 * Number(textOf(job, waits ? 'pendingDuration' : 'runningDuration'))),
    },
    ...(waits
      ? [
          {
            title: t('queueReason'),
            width: 'minmax(200px, 4fr)',
            show: (job: Workload) =>
              t('position', { position: Number(textOf(job, 'pendingPosition')) + 1, reason: textOf(job, 'message') }),
          },
        ]
      : []),
  ];
  return (
    <DataTable
      label={t(waits ? 'queued' : 'running')}
      columns={columns}
      pageSize={PAGE}
      page={index =>
        queryOf(
          listWorkloads,
          {
            params: { pool_name: poolId },
            query: { status, limit: PAGE, offset: String(index * PAGE), ...(waits ? { ascend: true } : {}) },
          },
          [...LIVE, 'training-jobs', 'notebooks', 'services'],
        )
      }
      read={({ items, total }) => ({ items, count: total })}
      empty={<Empty title={t(waits ? 'nothingWaits' : 'nothingRuns')} />}
    />
  );
}

function Events({ poolId }: { poolId: string }) {
  const { data, error, refetch } = useCall(
    listEvents,
    { query: { resource: 'pools', name: poolId, limit: 200 } },
    { live: LIVE },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  const events = data.items.map(event => ({
    time: textOf(event, 'lastTimestamp'),
    level: textOf(event, 'type'),
    message: textOf(event, 'message'),
  }));
  return <EventList events={events} />;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
