import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Switch } from 'antd';
import { useDeferredValue, useState } from 'react';
import { listAllNotebooks, listNotebooks } from '../../resources/notebooks/notebook.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { NameFilter, StateFilter } from '../parts/filters.tsx';
import { Gated, Refused, useDenial } from '../parts/gated.tsx';
import { leaseEnd, OpenNotebook } from '../parts/notebook.tsx';
import { Page } from '../parts/page.tsx';
import { State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Notebook = ResponseOf<typeof listNotebooks>['data'][number];
interface Search {
  name?: string | undefined;
  status?: string | undefined;
  all?: boolean | undefined;
}

const PAGE = 50;
const STATES = ['CREATING', 'RUNNING', 'STOPPING', 'STOPPED', 'STARTING', 'SNAPSHOTTING', 'CREATE_FAILED', 'ERROR'];
const CREATE = 'modelarts:notebook:create';
const LIST_ALL = 'modelarts:notebook:listAllNotebooks';

/** The notebook instances of the workspace: the own ones, or everybody's. The filter stands in the address. */
export default function Notebooks() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: Search = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const name = useDeferredValue(typed);
  const othersDenied = useDenial(LIST_ALL);
  const query = {
    workspace_id: workspace,
    limit: PAGE,
    ...(name ? { name } : {}),
    ...(search.status ? { status: search.status } : {}),
  };
  const page = (index: number) =>
    queryOf(search.all ? listAllNotebooks : listNotebooks, { query: { ...query, offset: index * PAGE } }, [
      'workloads',
    ]);
  const filter = (change: Search) =>
    void navigate({ to: '/notebooks', search: { ...search, ...change } as object, replace: true });
  const create = () => void navigate({ to: '/notebooks/create' });
  const columns: Column<Notebook>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(160px, 2fr)',
      show: ({ id, name }) => (
        <Link to="/notebooks/$notebookId" params={{ notebookId: id }}>
          {name}
        </Link>
      ),
    },
    { title: t('state'), key: 'state', width: '140px', show: ({ status }) => <State value={status} /> },
    {
      title: t('message'),
      key: 'message',
      width: 'minmax(120px, 3fr)',
      show: ({ fail_reason, action_progress }) =>
        fail_reason ?? action_progress.find(({ status }) => status === 'PROCESSING')?.step_description ?? '',
    },
    { title: t('image'), key: 'image', width: 'minmax(100px, 1fr)', show: ({ image }) => textOf(image, 'name') },
    {
      title: t('stopsAt'),
      key: 'stopsAt',
      width: '175px',
      show: notebook => (notebook.status === 'RUNNING' ? <Time at={leaseEnd(notebook.lease)} /> : ''),
    },
    { title: t('owner'), key: 'owner', width: '90px', show: ({ user }) => textOf(user, 'name') },
    {
      title: t('open'),
      key: 'open',
      width: '90px',
      show: notebook => <OpenNotebook notebook={notebook} size="small" />,
    },
  ];
  return (
    <Page
      title={t('notebooks')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createNotebook')}
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
        <StateFilter value={search.status} states={STATES} onChange={status => filter({ status })} />
        <Switch
          size="small"
          aria-label={t('ofAllUsers')}
          checked={search.all === true}
          disabled={othersDenied !== undefined}
          onChange={all => filter({ all: all || undefined })}
        />
        {othersDenied === undefined ? (
          t('ofAllUsers')
        ) : (
          // Reachable by keyboard, so that the reason can be read.
          <Refused action={LIST_ALL} denial={othersDenied}>
            <span className="soft" tabIndex={0}>
              {t('ofAllUsers')}
            </span>
          </Refused>
        )}
      </div>
      <DataTable
        key={`${workspace} ${name} ${search.status} ${search.all}`}
        label={t('notebooks')}
        saved="notebooks"
        columns={columns}
        pageSize={PAGE}
        page={page}
        read={({ data, total }) => ({ items: data, count: total })}
        empty={
          name || search.status ? (
            <Empty title={t('noMatch')} />
          ) : (
            <Empty
              title={t('noNotebooks')}
              help={t('noNotebooksHelp')}
              action={{ text: t('createNotebook'), run: create, needs: CREATE }}
            />
          )
        }
      />
    </Page>
  );
}
