import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Popconfirm, Tabs } from 'antd';
import { useState } from 'react';
import {
  deleteNotebook,
  listNotebookEvents,
  showNotebook,
  showNotebookLog,
  startNotebook,
  stopNotebook,
} from '../../resources/notebooks/notebook.api.ts';
import { call, changed, useCall } from '../call.ts';
import { useAct, useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { EventList, Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { type Notebook, OpenNotebook } from '../parts/notebook.tsx';
import { Lease } from '../parts/notebook-lease.tsx';
import { Mounts } from '../parts/notebook-mounts.tsx';
import { SshHelp } from '../parts/notebook-ssh.tsx';
import { Page } from '../parts/page.tsx';
import { PoolName } from '../parts/pool-name.tsx';
import { SaveImage } from '../parts/save-image.tsx';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

const STARTABLE = ['STOPPED', 'CREATE_FAILED', 'START_FAILED', 'ERROR'];
const STOPPABLE = ['RUNNING', 'INIT', 'CREATING', 'STARTING'];
/** Kinds besides notebooks that an instance's page shows things of. */
const LIVE = ['workloads', 'notebook-events', 'notebook-storage', 'notebook-ssh'];

/** One notebook instance. The open tab stands in the address. */
export default function NotebookPage() {
  const t = useTexts();
  const { notebookId = '' } = useParams({ strict: false });
  const { tab = 'settings' }: { tab?: string } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { data: notebook, error, refetch } = useCall(showNotebook, { params: { id: notebookId } }, { live: LIVE });
  if (!notebook) {
    return (
      <Page title={t('notebook')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  const going = (search: object) =>
    void navigate({ to: '/notebooks/$notebookId', params: { notebookId }, search, replace: true });
  return (
    <Page title={notebook.name} help={notebook.description} actions={<Actions notebook={notebook} />}>
      <Summary notebook={notebook} />
      <div className="card">
        <Tabs
          activeKey={tab}
          destroyOnHidden
          onChange={key => going({ tab: key })}
          items={[
            { key: 'settings', label: t('settings'), children: <Made notebook={notebook} /> },
            { key: 'mounts', label: t('mounts'), children: <Mounts notebook={notebook} /> },
            { key: 'ssh', label: t('ssh'), children: <SshHelp notebook={notebook} /> },
            { key: 'events', label: t('events'), children: <Events id={notebookId} /> },
            { key: 'log', label: t('log'), children: <Output id={notebookId} /> },
          ]}
        />
      </div>
    </Page>
  );
}

function Actions({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const goOn = useGoOn();
  const { acting, act } = useAct();
  const [asking, setAsking] = useState<'delete' | 'save'>();
  const { id, name, status } = notebook;
  const params = { id };
  const start = async () => {
    await call(startNotebook, { params });
    await changed('notebooks');
  };
  const stop = async () => {
    await call(stopNotebook, { params });
    await changed('notebooks');
  };
  return (
    <>
      <OpenNotebook notebook={notebook} type="primary" />
      {STARTABLE.includes(status) && (
        <Gated
          action="modelarts:notebook:start"
          type="primary"
          loading={acting === 'start'}
          onClick={() => act('start', start)}
        >
          {t('start')}
        </Gated>
      )}
      {STOPPABLE.includes(status) && (
        <Popconfirm
          title={t('stopNotebook', { name })}
          okText={t('stop')}
          cancelText={t('cancel')}
          disabled={acting !== undefined}
          onConfirm={() => act('stop', stop)}
        >
          <span>
            <Gated action="modelarts:notebook:stop" loading={acting !== undefined}>
              {t('stop')}
            </Gated>
          </span>
        </Popconfirm>
      )}
      {status === 'RUNNING' && (
        <Gated action="modelarts:image:create" onClick={() => setAsking('save')}>
          {t('saveImage')}
        </Gated>
      )}
      <Gated action="modelarts:notebook:delete" danger onClick={() => setAsking('delete')}>
        {t('delete')}
      </Gated>
      {asking === 'save' && <SaveImage notebook={notebook} close={() => setAsking(undefined)} />}
      {asking === 'delete' && (
        <ConfirmByName
          title={t('deleteNotebook', { name })}
          help={t('deleteNotebookHelp')}
          name={name}
          close={() => setAsking(undefined)}
          run={async () => {
            await call(deleteNotebook, { params });
            await goOn({ to: '/notebooks' });
            await changed('notebooks');
          }}
        />
      )}
    </>
  );
}

function Summary({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const { status, fail_reason, action_progress, lease } = notebook;
  const going = STOPPABLE.includes(status) && status !== 'RUNNING';
  return (
    <>
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={status} />],
            [t('autoStopKind'), status === 'RUNNING' && <Lease key={String(lease.update_at)} notebook={notebook} />],
            [t('owner'), textOf(notebook.user, 'name')],
            [t('created'), <Time key="time" at={Number(textOf(notebook, 'create_at'))} />],
          ]}
        />
      </div>
      {going && (
        <section className="card" aria-label={t('progress')} aria-live="polite">
          <h2>{t('progress')}</h2>
          <ol className="plain">
            {action_progress.map(({ step, status: state, step_description }) => (
              <li key={step}>
                {step_description} <State value={state} />
              </li>
            ))}
          </ol>
        </section>
      )}
      {fail_reason && <Alert type="error" showIcon title={t('failedBecause', { reason: fail_reason })} />}
    </>
  );
}

function Made({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const { image, flavor, volume } = notebook;
  const capacity = textOf(volume, 'capacity');
  return (
    <Facts
      facts={[
        [t('image'), `${textOf(image, 'name')} ${textOf(image, 'swr_path')}`],
        [t('flavor'), flavor],
        [t('pool'), <PoolName key="pool" id={textOf(notebook, 'pool', 'id')} />],
        [t('storage'), [textOf(volume, 'category'), capacity && `${capacity} GB`].filter(Boolean).join(', ')],
        [t('mountPath'), textOf(volume, 'mount_path')],
        [t('id'), notebook.id],
      ]}
    />
  );
}

function Events({ id }: { id: string }) {
  const { data, error, refetch } = useCall(
    listNotebookEvents,
    { params: { id }, query: { limit: 200, order: 'desc' } },
    { live: LIVE },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return <EventList events={data.events} />;
}

/** The last lines; they are asked for again when something of the instance changes. */
function Output({ id }: { id: string }) {
  const t = useTexts();
  const { data, error, refetch } = useCall(showNotebookLog, { params: { id }, query: { lines: 1000 } }, { live: LIVE });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return (
    <div className="log" role="log" aria-label={t('log')} aria-live="off" tabIndex={0}>
      {data.content || <span className="soft">{t('noLog')}</span>}
    </div>
  );
}
