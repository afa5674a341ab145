import { App, Switch } from 'antd';
import { useState } from 'react';
import { deleteAuthorization, listAuthorizations } from '../../resources/authorizations/authorization.api.ts';
import { showAuthMode, updateAuthMode } from '../../resources/iam/account.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { AddAuthorization } from '../parts/add-authorization.tsx';
import { AgencyPermissions } from '../parts/agency-permissions.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Gated, useDenial } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Entry = ResponseOf<typeof listAuthorizations>['auth'][number];

const PAGE = 100;
const CREATE = 'modelarts:authorization:create';

/** By which agency the platform acts for whom, and by which rule ModelArts judges permissions. */
export default function GlobalConfiguration() {
  const t = useTexts();
  const [adding, setAdding] = useState(false);
  const [viewing, setViewing] = useState<Entry>();
  const [deleting, setDeleting] = useState<Entry>();
  const columns: Column<Entry>[] = [
    {
      title: t('authorizedTo'),
      width: 'minmax(120px, 2fr)',
      show: ({ user_type, user_name }) => (user_type === 'all-users' ? t('allUsers') : user_name),
    },
    { title: t('userKind'), width: '150px', show: ({ user_type }) => user_type },
    { title: t('agency'), width: 'minmax(140px, 2fr)', show: ({ content }) => content },
    { title: t('created'), width: '175px', show: ({ create_time }) => <Time at={create_time} /> },
    {
      title: t('actions'),
      width: '240px',
      show: entry => (
        <span className="filters">
          <Gated action="iam:agencies:listAgencies" size="small" onClick={() => setViewing(entry)}>
            {t('viewPermissions')}
          </Gated>
          <Gated action="modelarts:authorization:delete" size="small" danger onClick={() => setDeleting(entry)}>
            {t('delete')}
          </Gated>
        </span>
      ),
    },
  ];
  const add = () => setAdding(true);
  return (
    <Page
      title={t('globalConfiguration')}
      actions={
        <Gated action={CREATE} type="primary" onClick={add}>
          {t('addAuthorization')}
        </Gated>
      }
    >
      <Mode />
      <DataTable
        label={t('authorizations')}
        columns={columns}
        pageSize={PAGE}
        page={index => queryOf(listAuthorizations, { query: { limit: PAGE, offset: index * PAGE } })}
        read={({ auth, total_count }) => ({ items: auth, count: total_count })}
        empty={
          <Empty
            title={t('noAuthorizations')}
            help={t('noAuthorizationsHelp')}
            action={{ text: t('addAuthorization'), run: add, needs: CREATE }}
          />
        }
      />
      {adding && <AddAuthorization close={() => setAdding(false)} />}
      {viewing && <AgencyPermissions agency={viewing.content} close={() => setViewing(undefined)} />}
      {deleting && (
        <ConfirmByName
          title={t('deleteAuthorization', { name: deleting.user_name })}
          help={t('deleteAuthorizationHelp')}
          name={deleting.user_name}
          close={() => setDeleting(undefined)}
          run={async () => {
            await call(deleteAuthorization, { query: { user_id: deleting.user_id } });
            await changed('authorizations');
          }}
        />
      )}
    </Page>
  );
}

/** Strict: what nobody allowed is refused. Loose: what nobody denied is allowed, so turning it off is asked twice. */
function Mode() {
  const t = useTexts();
  const { acting, act } = useAct();
  const { modal } = App.useApp();
  const denial = useDenial('modelarts:authorization:update');
  const { data, error, refetch } = useCall(showAuthMode, {}, { live: ['accounts'] });
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  const set = (mode: 'strict' | 'loose') =>
    act(mode, async () => {
      await call(updateAuthMode, { body: { mode } });
      await changed('iam');
    });
  const change = (strict: boolean) => {
    if (strict) return set('strict');
    modal.confirm({
      title: t('toLooseMode'),
      content: t('looseModeHelp'),
      okText: t('toLooseMode'),
      cancelText: t('cancel'),
      okButtonProps: { danger: true },
      onOk: () => set('loose'),
    });
  };
  return (
    <section className="card" aria-label={t('strictMode')}>
      <span className="filters">
        <Switch
          aria-label={t('strictMode')}
          checked={data?.mode === 'strict'}
          loading={data === undefined || acting !== undefined}
          disabled={denial !== undefined}
          onChange={change}
        />
        {t('strictMode')}
      </span>
      {data ? (
        <p className="soft">{denial ?? t(data.mode === 'loose' ? 'looseModeHelp' : 'strictModeHelp')}</p>
      ) : (
        <span className="bone" title={t('loading')} />
      )}
    </section>
  );
}
