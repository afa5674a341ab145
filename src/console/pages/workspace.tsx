import { Link, useParams } from '@tanstack/react-router';
import { Alert, Button, Form, InputNumber, Progress } from 'antd';
import { useState } from 'react';
import {
  deleteWorkspace,
  listWorkspaceQuotas,
  showWorkspace,
  updateWorkspace,
  updateWorkspaceQuotas,
} from '../../resources/workspaces/workspace.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { nameOf, useAgencies, useUsers } from '../iam/names.ts';
import { ENTRIES, type Entry, WorkspaceFields, type WorkspaceValues, workspaceBody } from '../iam/workspace-fields.tsx';
import { useGoOn } from '../parts/act.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated, useMay } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { State, Time } from '../parts/words.tsx';
import { changeSettings, useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Workspace = ResponseOf<typeof showWorkspace>;
type Quota = ResponseOf<typeof listWorkspaceQuotas>['quotas'][number];

/** One workspace: who may enter it, how much it may use and uses. */
export default function WorkspacePage() {
  const t = useTexts();
  const goOn = useGoOn();
  const { workspace: current } = useSettings();
  const { workspaceId = '' } = useParams({ strict: false });
  const [dialog, setDialog] = useState<'edit' | 'delete'>();
  const params = { workspace_id: workspaceId };
  const { data, error, refetch } = useCall(showWorkspace, { params });
  if (!data) {
    return <Page title={t('workspace')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
  }
  const { name } = data;
  const fixed = workspaceId === '0';
  const close = () => setDialog(undefined);
  return (
    <Page
      title={name}
      actions={
        <>
          {current !== workspaceId && (
            <Button onClick={() => changeSettings({ workspace: workspaceId })}>{t('workHere')}</Button>
          )}
          {!fixed && (
            <>
              <Gated action="modelarts:workspace:update" onClick={() => setDialog('edit')}>
                {t('edit')}
              </Gated>
              <Gated action="modelarts:workspace:delete" danger onClick={() => setDialog('delete')}>
                {t('delete')}
              </Gated>
            </>
          )}
        </>
      }
    >
      {data.status_info && <Alert type="warning" showIcon title={data.status_info} />}
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={data.status} />],
            [t('entry'), t(ENTRIES[data.auth_type as Entry])],
            [t('members'), data.auth_type === 'INTERNAL' && <Members key="members" workspace={data} />],
            [t('enterpriseProject'), data.enterprise_project_name],
            [t('description'), data.description],
            [t('owner'), data.owner],
            [t('id'), workspaceId],
            [t('created'), data.create_time > 0 && <Time key="created" at={data.create_time} />],
          ]}
        />
      </div>
      <h2 style={{ margin: 0 }}>{t('quotas')}</h2>
      <Quotas workspaceId={workspaceId} fixed={fixed} />
      {dialog === 'edit' && (
        <FormDialog<WorkspaceValues>
          title={t('editNamed', { name })}
          okText={t('save')}
          initial={{
            name,
            description: data.description,
            auth_type: data.auth_type as Entry,
            members: data.grants.map(memberOf),
          }}
          run={async values => {
            await call(updateWorkspace, { params, body: workspaceBody(values) });
            await changed('workspaces');
          }}
          close={close}
        >
          <WorkspaceFields />
        </FormDialog>
      )}
      {dialog === 'delete' && (
        <ConfirmByName
          title={t('deleteWorkspace', { name })}
          help={t('deleteWorkspaceHelp')}
          name={name}
          close={close}
          run={async () => {
            await call(deleteWorkspace, { params });
            if (current === workspaceId) changeSettings({ workspace: '0' });
            await goOn({ to: '/workspaces' });
            await changed('workspaces');
          }}
        />
      )}
    </Page>
  );
}

type Grant = Workspace['grants'][number];

function memberOf({ user_type = 'IAM', user_id, user_name = '' }: Grant): string {
  return `${user_type} ${user_id ?? user_name}`;
}

function Members({ workspace: { grants } }: { workspace: Workspace }) {
  const t = useTexts();
  const { data: users } = useUsers(useMay('iam:users:listUsers'));
  const { data: agencies } = useAgencies(useMay('iam:agencies:listAgencies'));
  if (grants.length === 0) return t('nobody');
  return (
    <span className="filters">
      {grants.map(grant => {
        const { user_id: id = '', user_name, user_type } = grant;
        if (user_type === 'IAM') {
          return (
            <Link key={id} to="/iam/users/$userId" params={{ userId: id }}>
              {user_name ?? nameOf(users, id)}
            </Link>
          );
        }
        return <span key={memberOf(grant)}>{user_name ?? nameOf(agencies, id)}</span>;
      })}
    </span>
  );
}

/** Limits and what is used of them. What has no limit is not counted. */
function Quotas({ workspaceId, fixed }: { workspaceId: string; fixed: boolean }) {
  const t = useTexts();
  const [editing, setEditing] = useState<Quota>();
  const params = { workspace_id: workspaceId };
  const { language } = useSettings();
  const nameIn = (quota: Quota) => (language === 'zh' ? quota.name_cn : quota.name_en);
  const unitIn = (quota: Quota) => (language === 'zh' ? quota.unit_cn : quota.unit_en);
  const columns: Column<Quota>[] = [
    { title: t('resource'), width: 'minmax(180px, 2fr)', show: nameIn },
    {
      title: t('limit'),
      width: 'minmax(110px, 1fr)',
      show: quota => (quota.quota < 0 ? t('unlimited') : `${quota.quota} ${unitIn(quota)}`),
    },
    {
      title: t('used'),
      width: 'minmax(170px, 2fr)',
      show: quota => {
        const { used_quota: used, quota: limit } = quota;
        if (used === null) return '–';
        const share = limit === 0 ? 100 : Math.min((100 * used) / limit, 100);
        return (
          <span className="filters">
            <Progress
              percent={share}
              size="small"
              showInfo={false}
              style={{ width: 90 }}
              aria-label={t('usedOf', { name: nameIn(quota) })}
            />
            {`${used} / ${limit}`}
          </span>
        );
      },
    },
    {
      title: t('actions'),
      width: '110px',
      show: quota =>
        !fixed && (
          <Gated
            action="modelarts:workspace:updateQuotas"
            size="small"
            aria-label={t('setLimitOf', { name: nameIn(quota) })}
            onClick={() => setEditing(quota)}
          >
            {t('setLimit')}
          </Gated>
        ),
    },
  ];
  return (
    <>
      <DataTable
        label={t('quotas')}
        columns={columns}
        pageSize={100}
        page={() =>
          queryOf(listWorkspaceQuotas, { params }, [
            'workspaces',
            'training-jobs',
            'notebooks',
            'services',
            'workloads',
          ])
        }
        read={({ quotas }) => ({ items: quotas, count: quotas.length })}
        empty={<Empty title={t('none')} />}
      />
      {editing && (
        <FormDialog<{ quota: number }>
          title={t('setLimitOf', { name: nameIn(editing) })}
          help={t('setLimitHelp', { max: editing.max_quota })}
          okText={t('save')}
          initial={{ quota: editing.quota }}
          run={async ({ quota }) => {
            await call(updateWorkspaceQuotas, { params, body: { quotas: [{ resource: editing.resource, quota }] } });
            await changed('workspaces');
          }}
          close={() => setEditing(undefined)}
        >
          <Form.Item name="quota" label={t('limit')} rules={[{ required: true, message: t('required') }]}>
            <InputNumber
              autoFocus
              min={editing.min_quota}
              max={editing.max_quota}
              precision={0}
              suffix={textOf(editing, language === 'zh' ? 'unit_cn' : 'unit_en')}
              style={{ width: '100%' }}
            />
          </Form.Item>
        </FormDialog>
      )}
    </>
  );
}
