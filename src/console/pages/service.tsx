import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Popconfirm, Progress, Tabs, Typography } from 'antd';
import { type ReactNode, useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useAct, useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { EventList, eventOf, Facts } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import type { TimeRange } from '../parts/time-range.tsx';
import { State, Time } from '../parts/words.tsx';
import { Configuration, History } from '../services/configuration.tsx';
import { ServiceMonitor } from '../services/monitor.tsx';
import { Prediction } from '../services/prediction.tsx';
import { ServiceLogs } from '../services/service-logs.tsx';
import { UsageGuide } from '../services/usage-guide.tsx';
import { useTexts } from '../texts/index.ts';

type Service = ResponseOf<typeof serviceApis.show>;

const STOPPABLE = new Set(['running', 'concerning', 'deploying', 'waiting']);
const STARTABLE = new Set(['stopped', 'failed', 'finished']);
const UPDATABLE = new Set(['running', 'concerning', 'stopped', 'failed']);

/** One real-time service: how it is, what it answers, how it is called. The open tab stands in the address. */
export default function ServicePage() {
  const t = useTexts();
  const { serviceId = '' } = useParams({ strict: false });
  const { tab = 'prediction', range = 'hour' }: { tab?: string; range?: TimeRange } = useSearch({ strict: false });
  const navigate = useNavigate();
  const {
    data: service,
    error,
    refetch,
  } = useCall(
    serviceApis.show,
    { params: { service_id: serviceId } },
    { live: ['service-instances', 'service-counters', 'workloads'] },
  );
  if (!service) {
    return (
      <Page title={t('service')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  const show = (search: { tab: string; range?: TimeRange }) =>
    void navigate({ to: '/services/$serviceId', params: { serviceId }, search, replace: true });
  return (
    <Page title={service.service_name} help={service.description} actions={<Actions service={service} />}>
      <Summary service={service} />
      <div className="card">
        <Tabs
          activeKey={tab}
          destroyOnHidden
          onChange={key => show({ tab: key })}
          items={[
            {
              key: 'prediction',
              label: t('prediction'),
              children: serving(service, at => <Prediction serviceId={serviceId} {...at} />),
            },
            { key: 'usage', label: t('usageGuide'), children: serving(service, at => <UsageGuide {...at} />) },
            { key: 'configuration', label: t('configuration'), children: <Configuration service={service} /> },
            {
              key: 'monitoring',
              label: t('monitoring'),
              children: (
                <ServiceMonitor service={service} range={range} onRange={range => show({ tab: 'monitoring', range })} />
              ),
            },
            { key: 'events', label: t('events'), children: <Events serviceId={serviceId} /> },
            { key: 'log', label: t('log'), children: <ServiceLogs serviceId={serviceId} /> },
            { key: 'history', label: t('history'), children: <History serviceId={serviceId} /> },
          ]}
        />
      </div>
    </Page>
  );
}

/** What needs the service's address. Of several versions, the one that gets most of the traffic says what requests are like. */
function serving(service: Service, show: (at: { address: string; modelId: string }) => ReactNode): ReactNode {
  const [main] = service.config.toSorted((a, b) => b.weight - a.weight);
  if (!service.access_address || !main) return <NotServing />;
  return show({ address: service.access_address, modelId: main.model_id });
}

function NotServing() {
  return <p className="soft">{useTexts()('notServing')}</p>;
}

function Summary({ service }: { service: Service }) {
  const t = useTexts();
  const { status, access_address: address } = service;
  return (
    <>
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={status} />],
            [
              t('address'),
              address && (
                <Typography.Text key="address" copyable={{ tooltips: [t('copy'), t('copied')] }}>
                  {address}
                </Typography.Text>
              ),
            ],
            [t('calls'), `${service.invocation_times} (${t('failedCalls')}: ${service.failed_times})`],
            [t('deployed'), <Time key="time" at={service.publish_at} />],
            ...(service.due_time ? [[t('stopsAt'), <Time key="due" at={service.due_time} />] as const] : []),
          ]}
        />
        {status === 'deploying' && <Progress percent={service.progress} aria-label={t('state')} />}
      </div>
      {service.error_msg && (
        <Alert
          type={status === 'failed' ? 'error' : 'warning'}
          showIcon
          title={t(status === 'failed' ? 'failedBecause' : 'waitsBecause', { reason: service.error_msg })}
        />
      )}
    </>
  );
}

function Actions({ service }: { service: Service }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const [deleting, setDeleting] = useState(false);
  const { service_id, service_name: name, status } = service;
  const params = { service_id };
  const turn = (wanted: 'running' | 'stopped') =>
    act(wanted, async () => {
      await call(serviceApis.update, { params, body: { status: wanted } });
      await changed('services');
    });
  return (
    <>
      {STARTABLE.has(status) && (
        <Gated
          action="modelarts:service:action"
          type="primary"
          loading={acting === 'running'}
          onClick={() => turn('running')}
        >
          {t('start')}
        </Gated>
      )}
      {STOPPABLE.has(status) && (
        <Popconfirm
          title={t('stopService', { name })}
          okText={t('stop')}
          cancelText={t('cancel')}
          disabled={acting !== undefined}
          onConfirm={() => turn('stopped')}
        >
          <span>
            <Gated action="modelarts:service:action" loading={acting !== undefined}>
              {t('stop')}
            </Gated>
          </span>
        </Popconfirm>
      )}
      <Gated
        action="modelarts:service:update"
        disabled={!UPDATABLE.has(status)}
        onClick={() => void navigate({ to: '/services/$serviceId/update', params: { serviceId: service_id } })}
      >
        {t('update')}
      </Gated>
      <Gated action="modelarts:service:delete" danger onClick={() => setDeleting(true)}>
        {t('delete')}
      </Gated>
      {deleting && (
        <ConfirmByName
          title={t('deleteService', { name })}
          help={t('deleteServiceHelp')}
          name={name}
          close={() => setDeleting(false)}
          run={async () => {
            await call(serviceApis.remove, { params });
            await goOn({ to: '/services' });
            await changed('services');
          }}
        />
      )}
    </>
  );
}

function Events({ serviceId }: { serviceId: string }) {
  const { data, error, refetch } = useCall(
    serviceApis.events,
    { params: { service_id: serviceId }, query: { limit: 200 } },
    { live: ['service-events'] },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return <EventList events={data.events.map(eventOf)} />;
}
