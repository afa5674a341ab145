import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { createGroup, listGroups } from '../../resources/iam/user.api.ts';
import { call, changed, queryOf } from '../call.ts';
import { DeleteGroup, GroupFields, type GroupValues } from '../iam/group-fields.tsx';
import type { Column } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { WholeList } from '../parts/whole-list.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Group = Record<string, unknown>;
const CREATE = 'iam:groups:createGroup';

/** The user groups of the account. */
export default function Groups() {
  const t = useTexts();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Group>();
  const create = () => setCreating(true);
  const columns: Column<Group>[] = [
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
    { title: t('created'), width: '175px', show: group => <Time at={Number(textOf(group, 'create_time'))} /> },
    {
      title: t('actions'),
      width: '190px',
      show: group => (
        <span className="filters">
          <Link
            to="/iam/groups/$groupId"
            params={{ groupId: textOf(group, 'id') }}
            search={{ tab: 'permissions' } as object}
            aria-label={t('authorizeNamed', { name: textOf(group, 'name') })}
          >
            {t('authorize')}
          </Link>
          <Gated
            action="iam:groups:deleteGroup"
            size="small"
            danger
            aria-label={t('deleteNamed', { name: textOf(group, 'name') })}
            onClick={() => setDeleting(group)}
          >
            {t('delete')}
          </Gated>
        </span>
      ),
    },
  ];
  return (
    <Page
      title={t('userGroups')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createGroup')}
        </Gated>
      }
    >
      <WholeList
        label={t('userGroups')}
        columns={columns}
        query={queryOf(listGroups, {}, ['user-groups'])}
        read={({ groups }) => groups}
        textOf={group => `${textOf(group, 'name')} ${textOf(group, 'description')}`}
        empty={
          <Empty
            title={t('noGroups')}
            help={t('noGroupsHelp')}
            action={{ text: t('createGroup'), run: create, needs: CREATE }}
          />
        }
      />
      {creating && (
        <FormDialog<GroupValues>
          title={t('createGroup')}
          okText={t('create')}
          run={async group => {
            await call(createGroup, { body: { group } });
            await changed('iam');
          }}
          close={() => setCreating(false)}
        >
          <GroupFields />
        </FormDialog>
      )}
      {deleting && <DeleteGroup group={deleting} close={() => setDeleting(undefined)} />}
    </Page>
  );
}
