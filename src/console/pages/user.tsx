import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Form, Select, Tabs } from 'antd';
import { useState } from 'react';
import {
  addUserToGroup,
  listGroupsOfUser,
  removeUserFromGroup,
  showUser,
  updateUser,
} from '../../resources/iam/user.api.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { AccessKeys } from '../iam/access-keys.tsx';
import { Enabled } from '../iam/enabled.tsx';
import { Grants } from '../iam/grants.tsx';
import { optionsOf, useGroups } from '../iam/names.ts';
import {
  AccessField,
  type AccessKind,
  accessText,
  ContactFields,
  DeleteUser,
  GivenPassword,
} from '../iam/user-fields.tsx';
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
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';

const UPDATE = 'iam:users:updateUser';
type Dialog = 'edit' | 'password' | 'delete' | 'group';

/** One IAM user: how it comes in, its groups, its permissions and keys. */
export default function UserPage() {
  const t = useTexts();
  const { acting, act } = useAct();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const { userId = '' } = useParams({ strict: false });
  const { tab = 'groups' }: { tab?: string } = useSearch({ strict: false });
  const { user: me } = useSession();
  const [dialog, setDialog] = useState<Dialog>();
  const params = { user_id: userId };
  const { data, error, refetch } = useCall(showUser, { params }, { live: ['users'] });
  if (!data)
    return <Page title={t('iamUser')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
  const { user } = data;
  const name = textOf(user, 'name');
  const root = user.is_domain_owner === true;
  const enabled = user.enabled === true;
  const close = () => setDialog(undefined);
  const update = async (change: object) => {
    await call(updateUser, { params, body: { user: change } });
    await changed('iam');
  };
  return (
    <Page
      title={name}
      actions={
        !root && (
          <>
            <Gated action={UPDATE} onClick={() => setDialog('edit')}>
              {t('edit')}
            </Gated>
            <Gated action={UPDATE} onClick={() => setDialog('password')}>
              {t('resetPassword')}
            </Gated>
            <Gated
              action={UPDATE}
              loading={acting === 'turn'}
              onClick={() => act('turn', () => update({ enabled: !enabled }))}
            >
              {t(enabled ? 'disable' : 'enable')}
            </Gated>
            <Gated action="iam:users:deleteUser" danger onClick={() => setDialog('delete')}>
              {t('delete')}
            </Gated>
          </>
        )
      }
    >
      <div className="card">
        <Facts
          facts={[
            [t('state'), <Enabled key="state" value={enabled} />],
            [t('accessKind'), root ? t('rootUser') : t(accessText(user))],
            [t('password'), user.pwd_status === true ? t('mustChangePassword') : t('passwordChosen')],
            [t('description'), textOf(user, 'description')],
            [t('email'), textOf(user, 'email')],
            [t('id'), userId],
            [t('created'), <Time key="created" at={textOf(user, 'create_time')} />],
            [
              t('lastSignIn'),
              textOf(user, 'last_login_time') && <Time key="last" at={textOf(user, 'last_login_time')} />,
            ],
          ]}
        />
        <p style={{ marginTop: 12 }}>
          <Link to="/iam/simulator" search={{ user: userId } as object}>
            {t('simulateFor', { name })}
          </Link>
        </p>
      </div>
      <Tabs
        activeKey={tab}
        onChange={key => void navigate({ to: '.', search: { tab: key } as object, replace: true })}
        items={[
          {
            key: 'groups',
            label: t('groups'),
            children: <Groups userId={userId} add={() => setDialog('group')} />,
          },
          {
            key: 'permissions',
            label: t('permissions'),
            children: <Grants kind="user" id={userId} name={name} />,
          },
          {
            key: 'keys',
            label: t('accessKeys'),
            children: <AccessKeys userId={userId} name={name} own={userId === me.id} />,
          },
        ]}
      />
      {dialog === 'edit' && (
        <FormDialog<{ access_mode: AccessKind; description: string; email: string }>
          title={t('editNamed', { name })}
          okText={t('save')}
          initial={{
            access_mode: (textOf(user, 'access_mode') || 'default') as AccessKind,
            description: textOf(user, 'description'),
            email: textOf(user, 'email'),
          }}
          run={update}
          close={close}
        >
          <ContactFields />
          <AccessField />
        </FormDialog>
      )}
      {dialog === 'password' && (
        <FormDialog<{ password: string; pwd_status: boolean }>
          title={t('resetPasswordOf', { name })}
          help={t('resetPasswordHelp')}
          okText={t('resetPassword')}
          initial={{ pwd_status: true }}
          run={update}
          close={close}
        >
          <GivenPassword />
        </FormDialog>
      )}
      {dialog === 'group' && <AddToGroup userId={userId} name={name} close={close} />}
      {dialog === 'delete' && <DeleteUser user={user} close={close} after={() => goOn({ to: '/iam/users' })} />}
    </Page>
  );
}

function Groups({ userId, add }: { userId: string; add: () => void }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const remove = (group_id: string) =>
    act(group_id, async () => {
      await call(removeUserFromGroup, { params: { group_id, user_id: userId } });
      await changed('iam');
    });
  const ADD = 'iam:permissions:addUserToGroup';
  return (
    <>
      <div className="filters" style={{ marginBottom: 12 }}>
        <Gated action={ADD} onClick={add}>
          {t('addToGroups')}
        </Gated>
      </div>
      <DataTable
        label={t('groups')}
        pageSize={1000}
        columns={[
          {
            title: t('name'),
            width: 'minmax(140px, 2fr)',
            show: group => (
              <Link to="/iam/groups/$groupId" params={{ groupId: textOf(group, 'id') }}>
                {textOf(group, 'name')}
              </Link>
            ),
          },
          { title: t('description'), width: 'minmax(140px, 3fr)', show: group => textOf(group, 'description') },
          {
            title: t('actions'),
            width: '120px',
            show: group => (
              <Gated
                action="iam:permissions:removeUserFromGroup"
                size="small"
                loading={acting === textOf(group, 'id')}
                aria-label={t('removeFrom', { name: textOf(group, 'name') })}
                onClick={() => remove(textOf(group, 'id'))}
              >
                {t('takeOut')}
              </Gated>
            ),
          },
        ]}
        page={() => queryOf(listGroupsOfUser, { params: { user_id: userId } }, ['user-groups'])}
        read={({ groups }) => ({ items: groups, count: groups.length })}
        empty={
          <Empty
            title={t('inNoGroup')}
            help={t('inNoGroupHelp')}
            action={{ text: t('addToGroups'), run: add, needs: ADD }}
          />
        }
      />
    </>
  );
}

function AddToGroup({ userId, name, close }: { userId: string; name: string; close: () => void }) {
  const t = useTexts();
  const groups = useGroups();
  return (
    <FormDialog<{ groups: string[] }>
      title={t('addNamedToGroups', { name })}
      okText={t('add')}
      run={async ({ groups: chosen }) => {
        for (const group_id of chosen) await call(addUserToGroup, { params: { group_id, user_id: userId } });
        await changed('iam');
      }}
      close={close}
    >
      <Form.Item name="groups" label={t('groups')} rules={[{ required: true, message: t('required') }]}>
        <Select
          mode="multiple"
          autoFocus
          {...untilRead(groups)}
          options={optionsOf(groups.data)}
          showSearch={{ optionFilterProp: 'label' }}
        />
      </Form.Item>
    </FormDialog>
  );
}
