import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Tabs } from 'antd';
import { useState } from 'react';
import { Failure } from '../../kernel/failure.ts';
import { modelApis } from '../../resources/models/model.api.ts';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { EventList, eventOf, Facts } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { State, sizeText, Time } from '../parts/words.tsx';
import { ApiList } from '../services/api-list.tsx';
import { apisOf } from '../services/apis.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Model = ResponseOf<typeof modelApis.show>;

/** One version of an AI application. The open tab stands in the address. */
export default function ModelPage() {
  const t = useTexts();
  const { modelId = '' } = useParams({ strict: false });
  const { tab = 'versions' }: { tab?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { data: model, error, refetch } = useCall(modelApis.show, { params: { model_id: modelId } });
  if (!model) {
    return (
      <Page title={t('model')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  return (
    <Page
      title={`${model.model_name} ${model.model_version}`}
      help={model.description}
      actions={<Actions model={model} />}
    >
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={model.model_status} />],
            [t('modelType'), model.model_type],
            [t('runtimeEnvironment'), model.runtime],
            [t('size'), sizeText(model.model_size)],
            [t('source'), model.source_location],
            [t('created'), <Time key="time" at={model.create_at} />],
          ]}
        />
      </div>
      {model.error_msg && <Alert type="error" showIcon title={t('failedBecause', { reason: model.error_msg })} />}
      <div className="card">
        <Tabs
          activeKey={tab}
          destroyOnHidden
          onChange={key =>
            void navigate({ to: '/models/$modelId', params: { modelId }, search: { tab: key }, replace: true })
          }
          items={[
            { key: 'versions', label: t('versions'), children: <Versions name={model.model_name} /> },
            { key: 'apis', label: t('apis'), children: <ApiList apis={apisOf(model.apis)} /> },
            { key: 'services', label: t('services'), children: <Services modelId={modelId} /> },
            { key: 'events', label: t('events'), children: <Events modelId={modelId} /> },
          ]}
        />
      </div>
    </Page>
  );
}

function Actions({ model }: { model: Model }) {
  const t = useTexts();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const [deleting, setDeleting] = useState(false);
  const { model_id, model_name: name } = model;
  return (
    <>
      <Gated
        action="modelarts:service:create"
        type="primary"
        disabled={model.model_status !== 'published'}
        onClick={() => void navigate({ to: '/services/deploy', search: { model: model_id } })}
      >
        {t('deploy')}
      </Gated>
      <Gated
        action="modelarts:model:create"
        onClick={() => void navigate({ to: '/models/create', search: { model: model_id } })}
      >
        {t('newVersion')}
      </Gated>
      <Gated action="modelarts:model:delete" danger onClick={() => setDeleting(true)}>
        {t('delete')}
      </Gated>
      {deleting && (
        <ConfirmByName
          title={t('deleteModel', { name, version: model.model_version })}
          help={t('deleteModelHelp')}
          name={name}
          close={() => setDeleting(false)}
          run={async () => {
            const { delete_failed_list } = await call(modelApis.remove, { params: { model_id } });
            const [failed] = delete_failed_list;
            if (failed) throw new Failure({ code: failed.error_code, status: 409, message: failed.error_msg });
            await goOn({ to: '/models' });
            await changed('models');
          }}
        />
      )}
    </>
  );
}

function Versions({ name }: { name: string }) {
  const t = useTexts();
  const { workspace } = useSettings();
  const { data, error, refetch } = useCall(modelApis.list, {
    query: { model_name: name, exact_match: true, workspace_id: workspace, sort_by: 'create_at', order: 'desc' },
  });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return (
    <ul className="plain" aria-label={t('versions')}>
      {data.models.map(version => (
        <li key={version.model_id}>
          <Link to="/models/$modelId" params={{ modelId: version.model_id }}>
            {version.model_version}
          </Link>
          <State value={version.model_status} />
          <span className="soft">
            <Time at={version.create_at} />
          </span>
          <span>{version.description}</span>
        </li>
      ))}
    </ul>
  );
}

/** The services that this version runs in. */
function Services({ modelId }: { modelId: string }) {
  const t = useTexts();
  const { data, error, refetch } = useCall(serviceApis.list, { query: { model_id: modelId } });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  if (data.services.length === 0) return <p className="soft">{t('inNoService')}</p>;
  return (
    <ul className="plain" aria-label={t('services')}>
      {data.services.map(service => (
        <li key={service.service_id}>
          <Link to="/services/$serviceId" params={{ serviceId: service.service_id }}>
            {service.service_name}
          </Link>
          <State value={service.status} />
        </li>
      ))}
    </ul>
  );
}

function Events({ modelId }: { modelId: string }) {
  const params = { model_id: modelId };
  const { data, error, refetch } = useCall(modelApis.events, { params }, { live: ['model-events'] });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return <EventList events={data.events.toReversed().map(eventOf)} />;
}
