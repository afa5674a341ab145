import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Alert, Tabs } from 'antd';
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
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { ErrorView, useTell } from '../parts/error-view.tsx';
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
    return <Page title={t('notebook')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
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
  const tell = useTell();
  const navigate = useNavigate();
  const [asking, setAsking] = useState<'delete' | 'save'>();
  const { id, name, status } = notebook;
  const params = { id };
  const after = (work: Promise<unknown>) => void work.then(() => changed('notebooks')).catch(tell);
  return (
    <>
      <OpenNotebook notebook={notebook} type="primary" />
      {STARTABLE.includes(status) && (
        <Gated action="modelarts:notebook:start" type="primary" onClick={() => after(call(startNotebook, { params }))}>
          {t('start')}
        </Gated>
      )}
      {STOPPABLE.includes(status) && (
        <Gated action="modelarts:notebook:stop" onClick={() => after(call(stopNotebook, { params }))}>
          {t('stop')}
        </Gated>
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
            await changed('notebooks');
            await navigate({ to: '/notebooks' });
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
  const { data, error } = useCall(
    listNotebookEvents,
    { params: { id }, query: { limit: 200, order: 'desc' } },
    { live: LIVE },
  );
  return <EventList events={data?.events} error={error} />;
}

/** The last lines; they are asked for again when something of the instance changes. */
function Output({ id }: { id: string }) {
  const t = useTexts();
  const { data, error } = useCall(showNotebookLog, { params: { id }, query: { lines: 1000 } }, { live: LIVE });
  if (error) return <ErrorView error={error} />;
  return (
    <div className="log" role="log" aria-label={t('log')} aria-live="off" tabIndex={0}>
      {data && (data.content || <span className="soft">{t('noLog')}</span>)}
    </div>
  );
}
