import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Form, Select, Tabs } from 'antd';
import { useState } from 'react';
import {
  addUserToGroup,
  listUsersOfGroup,
  removeUserFromGroup,
  showGroup,
  updateGroup,
} from '../../resources/iam/user.api.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { Enabled } from '../iam/enabled.tsx';
import { Grants } from '../iam/grants.tsx';
import { DeleteGroup, GroupFields, type GroupValues } from '../iam/group-fields.tsx';
import { optionsOf, useUsers } from '../iam/names.ts';
import { useAct, useGoOn } from '../parts/act.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

const ADD = 'iam:permissions:addUserToGroup';
type Dialog = 'edit' | 'delete' | 'add';

/** One user group: its members and what they may do. */
export default function GroupPage() {
  const t = useTexts();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const { groupId = '' } = useParams({ strict: false });
  const { tab = 'members' }: { tab?: string } = useSearch({ strict: false });
  const [dialog, setDialog] = useState<Dialog>();
  const params = { group_id: groupId };
  const { data, error, refetch } = useCall(showGroup, { params }, { live: ['user-groups'] });
  if (!data)
    return <Page title={t('userGroup')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
  const { group } = data;
  const name = textOf(group, 'name');
  const close = () => setDialog(undefined);
  return (
    <Page
      title={name}
      actions={
        <>
          <Gated action="iam:groups:updateGroup" onClick={() => setDialog('edit')}>
            {t('edit')}
          </Gated>
          <Gated action="iam:groups:deleteGroup" danger onClick={() => setDialog('delete')}>
            {t('delete')}
          </Gated>
        </>
      }
    >
      <div className="card">
        <Facts
          facts={[
            [t('description'), textOf(group, 'description')],
            [t('id'), groupId],
            [t('created'), <Time key="created" at={Number(textOf(group, 'create_time'))} />],
          ]}
        />
      </div>
      <Tabs
        activeKey={tab}
        onChange={key => void navigate({ to: '.', search: { tab: key } as object, replace: true })}
        items={[
          {
            key: 'members',
            label: t('members'),
            children: <Members groupId={groupId} add={() => setDialog('add')} />,
          },
          {
            key: 'permissions',
            label: t('permissions'),
            children: <Grants kind="group" id={groupId} name={name} />,
          },
        ]}
      />
      {dialog === 'edit' && (
        <FormDialog<GroupValues>
          title={t('editNamed', { name })}
          okText={t('save')}
          initial={{ name, description: textOf(group, 'description') }}
          run={async change => {
            await call(updateGroup, { params, body: { group: change } });
            await changed('iam');
          }}
          close={close}
        >
          <GroupFields />
        </FormDialog>
      )}
      {dialog === 'add' && <AddMembers groupId={groupId} name={name} close={close} />}
      {dialog === 'delete' && <DeleteGroup group={group} close={close} after={() => goOn({ to: '/iam/groups' })} />}
    </Page>
  );
}

function Members({ groupId, add }: { groupId: string; add: () => void }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const remove = (user_id: string) =>
    act(user_id, async () => {
      await call(removeUserFromGroup, { params: { group_id: groupId, user_id } });
      await changed('iam');
    });
  return (
    <>
      <div className="filters" style={{ marginBottom: 12 }}>
        <Gated action={ADD} onClick={add}>
          {t('addMembers')}
        </Gated>
      </div>
      <DataTable
        label={t('members')}
        pageSize={10_000}
        columns={[
          {
            title: t('name'),
            width: 'minmax(140px, 2fr)',
            show: user => (
              <Link to="/iam/users/$userId" params={{ userId: textOf(user, 'id') }}>
                {textOf(user, 'name')}
              </Link>
            ),
          },
          {
            title: t('state'),
            width: '110px',
            show: user => <Enabled value={(user as { enabled?: unknown }).enabled === true} />,
          },
          { title: t('description'), width: 'minmax(140px, 3fr)', show: user => textOf(user, 'description') },
          {
            title: t('actions'),
            width: '120px',
            show: user => (
              <Gated
                action="iam:permissions:removeUserFromGroup"
                size="small"
                loading={acting === textOf(user, 'id')}
                aria-label={t('removeFrom', { name: textOf(user, 'name') })}
                onClick={() => remove(textOf(user, 'id'))}
              >
                {t('takeOut')}
              </Gated>
            ),
          },
        ]}
        page={() => queryOf(listUsersOfGroup, { params: { group_id: groupId } }, ['user-groups', 'users'])}
        read={({ users }) => ({ items: users, count: users.length })}
        empty={<Empty title={t('noMembers')} action={{ text: t('addMembers'), run: add, needs: ADD }} />}
      />
    </>
  );
}

function AddMembers({ groupId, name, close }: { groupId: string; name: string; close: () => void }) {
  const t = useTexts();
  const users = useUsers();
  return (
    <FormDialog<{ users: string[] }>
      title={t('addMembersTo', { name })}
      okText={t('add')}
      run={async ({ users: chosen }: { users: string[] }) => {
        for (const user_id of chosen) await call(addUserToGroup, { params: { group_id: groupId, user_id } });
        await changed('iam');
      }}
      close={close}
    >
      <Form.Item name="users" label={t('users')} rules={[{ required: true, message: t('required') }]}>
        <Select
          mode="multiple"
          autoFocus
          {...untilRead(users)}
          options={optionsOf(users.data)}
          showSearch={{ optionFilterProp: 'label' }}
        />
      </Form.Item>
    </FormDialog>
  );
}
