import { Link } from '@tanstack/react-router';
import { Form, Input, Select } from 'antd';
import { useState } from 'react';
import { addUserToGroup, createUserByAdmin, listUsers } from '../../resources/iam/user.api.ts';
import { call, changed, queryOf } from '../call.ts';
import { Enabled } from '../iam/enabled.tsx';
import { optionsOf, useGroups } from '../iam/names.ts';
import {
  AccessField,
  type AccessKind,
  accessText,
  ContactFields,
  DeleteUser,
  GivenPassword,
} from '../iam/user-fields.tsx';
import type { Column } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { useTell } from '../parts/error-view.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useRules } from '../parts/rules.ts';
import { untilRead } from '../parts/until-read.tsx';
import { WholeList } from '../parts/whole-list.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type User = Record<string, unknown>;
const CREATE = 'iam:users:createUser';

/** The IAM users of the account. */
export default function Users() {
  const t = useTexts();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<User>();
  const create = () => setCreating(true);
  const columns: Column<User>[] = [
    {
      title: t('name'),
      width: 'minmax(140px, 2fr)',
      show: user => (
        <Link to="/iam/users/$userId" params={{ userId: textOf(user, 'id') }}>
          {textOf(user, 'name')}
        </Link>
      ),
    },
    { title: t('state'), width: '110px', show: user => <Enabled value={user.enabled === true} /> },
    {
      title: t('accessKind'),
      width: 'minmax(120px, 2fr)',
      show: user => (user.is_domain_owner ? t('rootUser') : t(accessText(user))),
    },
    { title: t('description'), width: 'minmax(100px, 2fr)', show: user => textOf(user, 'description') },
    {
      title: t('lastSignIn'),
      width: '175px',
      show: user => (textOf(user, 'last_login_time') ? <Time at={textOf(user, 'last_login_time')} /> : '–'),
    },
    {
      title: t('actions'),
      width: '100px',
      show: user =>
        !user.is_domain_owner && (
          <Gated
            action="iam:users:deleteUser"
            size="small"
            danger
            aria-label={t('deleteNamed', { name: textOf(user, 'name') })}
            onClick={() => setDeleting(user)}
          >
            {t('delete')}
          </Gated>
        ),
    },
  ];
  return (
    <Page
      title={t('users')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createUser')}
        </Gated>
      }
    >
      <WholeList
        label={t('users')}
        columns={columns}
        query={queryOf(listUsers, {}, ['users'])}
        read={({ users }) => users}
        textOf={user => `${textOf(user, 'name')} ${textOf(user, 'description')}`}
        empty={<Empty title={t('noUsers')} action={{ text: t('createUser'), run: create, needs: CREATE }} />}
      />
      {creating && <Create close={() => setCreating(false)} />}
      {deleting && <DeleteUser user={deleting} close={() => setDeleting(undefined)} />}
    </Page>
  );
}

interface Values {
  name: string;
  access_mode: AccessKind;
  description?: string;
  email?: string;
  password?: string;
  pwd_status?: boolean;
  groups?: string[];
}

function Create({ close }: { close: () => void }) {
  const t = useTexts();
  const tell = useTell();
  const rules = useRules(createUserByAdmin);
  const groups = useGroups();
  const [form] = Form.useForm<Values>();
  const access = Form.useWatch('access_mode', form) ?? 'default';
  const create = async ({ groups: chosen = [], pwd_status, email, description, ...rest }: Values) => {
    const user = {
      ...rest,
      ...(email ? { email } : {}),
      ...(description ? { description } : {}),
      ...(rest.access_mode === 'programmatic' ? {} : { pwd_status: pwd_status === true }),
    };
    const made = await call(createUserByAdmin, { body: { user } });
    const user_id = textOf(made.user, 'id');
    // The user is there whatever comes of this: sent once more, the dialog would only be told that the name is taken.
    for (const group_id of chosen) await call(addUserToGroup, { params: { group_id, user_id } }).catch(tell);
    await changed('iam');
  };
  return (
    <FormDialog<Values>
      title={t('createUser')}
      okText={t('create')}
      form={form}
      initial={{ access_mode: 'default', pwd_status: true }}
      run={create}
      close={close}
    >
      <Form.Item name="name" label={t('name')} rules={rules('user', 'name')}>
        <Input autoFocus autoComplete="off" maxLength={64} />
      </Form.Item>
      <ContactFields />
      <AccessField />
      {access !== 'programmatic' && <GivenPassword />}
      <Form.Item name="groups" label={t('groups')} extra={t('groupsOfUserHelp')}>
        <Select
          mode="multiple"
          {...untilRead(groups)}
          options={optionsOf(groups.data)}
          showSearch={{ optionFilterProp: 'label' }}
        />
      </Form.Item>
    </FormDialog>
  );
}
