import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { createWorkspace, listWorkspaces } from '../../resources/workspaces/workspace.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf } from '../call.ts';
import { ENTRIES, type Entry, WorkspaceFields, type WorkspaceValues, workspaceBody } from '../iam/workspace-fields.tsx';
import type { Column } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { WholeList } from '../parts/whole-list.tsx';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Workspace = ResponseOf<typeof listWorkspaces>['workspaces'][number];
const CREATE = 'modelarts:workspace:create';

/** The workspaces of the project. */
export default function Workspaces() {
  const t = useTexts();
  const [creating, setCreating] = useState(false);
  const columns: Column<Workspace>[] = [
    {
      title: t('name'),
      width: 'minmax(140px, 2fr)',
      show: ({ id, name }) => (
        <Link to="/workspaces/$workspaceId" params={{ workspaceId: id }}>
          {name}
        </Link>
      ),
    },
    { title: t('state'), width: '110px', show: ({ status }) => <State value={status} /> },
    { title: t('entry'), width: 'minmax(150px, 3fr)', show: ({ auth_type }) => t(ENTRIES[auth_type as Entry]) },
    {
      title: t('enterpriseProject'),
      width: 'minmax(110px, 1fr)',
      show: ({ enterprise_project_name }) => enterprise_project_name,
    },
    { title: t('description'), width: 'minmax(80px, 2fr)', show: ({ description }) => description },
    { title: t('owner'), width: '90px', show: ({ owner }) => owner },
    {
      title: t('created'),
      width: '175px',
      show: ({ create_time }) => (create_time > 0 ? <Time at={create_time} /> : '–'),
    },
  ];
  return (
    <Page
      title={t('workspaces')}
      help={t('workspacesHelp')}
      actions={
        <Gated action={CREATE} type="primary" onClick={() => setCreating(true)}>
          {t('createWorkspace')}
        </Gated>
      }
    >
      <WholeList
        label={t('workspaces')}
        columns={columns}
        query={queryOf(listWorkspaces)}
        read={({ workspaces }) => workspaces}
        textOf={({ name, description }) => `${name} ${description}`}
        empty={<Empty title={t('noMatch')} />}
      />
      {creating && (
        <FormDialog<WorkspaceValues>
          title={t('createWorkspace')}
          okText={t('create')}
          initial={{ auth_type: 'PUBLIC' }}
          run={async values => {
            const { enterprise_project_id } = values;
            await call(createWorkspace, {
              body: { ...workspaceBody(values), ...(enterprise_project_id ? { enterprise_project_id } : {}) },
            });
            await changed('workspaces');
          }}
          close={() => setCreating(false)}
        >
          <WorkspaceFields isNew />
        </FormDialog>
      )}
    </Page>
  );
}
