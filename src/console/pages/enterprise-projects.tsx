import { Link } from '@tanstack/react-router';
import { Form, Input } from 'antd';
import { useState } from 'react';
import {
  createEnterpriseProject,
  deleteEnterpriseProject,
  listEnterpriseProjects,
  showResourcesOfEnterpriseProject,
  switchEnterpriseProject,
  updateEnterpriseProject,
} from '../../resources/enterprise-projects/enterprise-project.api.ts';
import { listGroupsOfProject } from '../../resources/iam/assignment.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { Enabled } from '../iam/enabled.tsx';
import { useAct } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import type { Column } from '../parts/data-table.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useRules } from '../parts/rules.ts';
import { WholeList } from '../parts/whole-list.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Project = ResponseOf<typeof listEnterpriseProjects>['enterprise_projects'][number];
interface Values {
  name: string;
  description?: string;
}

const CREATE = 'eps:enterpriseProjects:create';
const UPDATE = 'eps:enterpriseProjects:update';

/** Labels on workspaces, for which policies can be granted. */
export default function EnterpriseProjects() {
  const t = useTexts();
  const { acting, act } = useAct();
  const [editing, setEditing] = useState<Project | 'new'>();
  const [showing, setShowing] = useState<Project>();
  const [deleting, setDeleting] = useState<Project>();
  const create = () => setEditing('new');
  const turn = ({ id, status }: Project) =>
    act(id, async () => {
      await call(switchEnterpriseProject, {
        params: { enterprise_project_id: id },
        body: { action: status === 1 ? 'disable' : 'enable' },
      });
      await changed('enterprise-projects');
    });
  const columns: Column<Project>[] = [
    { title: t('name'), width: 'minmax(140px, 2fr)', show: project => project.name },
    { title: t('state'), width: '110px', show: ({ status }) => <Enabled value={status === 1} /> },
    { title: t('description'), width: 'minmax(120px, 2fr)', show: ({ description }) => description },
    {
      title: t('created'),
      width: '175px',
      show: ({ id, created_at }) => (id === '0' ? '–' : <Time at={created_at} />),
    },
    {
      title: t('actions'),
      width: '290px',
      show: project => (
        <span className="filters">
          <Gated action="eps:enterpriseProjects:get" size="small" onClick={() => setShowing(project)}>
            {t('viewUse')}
          </Gated>
          {project.id !== '0' && (
            <>
              <Gated action={UPDATE} size="small" onClick={() => setEditing(project)}>
                {t('edit')}
              </Gated>
              <Gated
                action={project.status === 1 ? 'eps:enterpriseProjects:disable' : 'eps:enterpriseProjects:enable'}
                size="small"
                loading={acting === project.id}
                onClick={() => turn(project)}
              >
                {t(project.status === 1 ? 'disable' : 'enable')}
              </Gated>
              <Gated action="eps:enterpriseProjects:delete" size="small" danger onClick={() => setDeleting(project)}>
                {t('delete')}
              </Gated>
            </>
          )}
        </span>
      ),
    },
  ];
  return (
    <Page
      title={t('enterpriseProjects')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createEnterpriseProject')}
        </Gated>
      }
    >
      <WholeList
        label={t('enterpriseProjects')}
        columns={columns}
        query={queryOf(listEnterpriseProjects)}
        read={({ enterprise_projects }) => enterprise_projects}
        textOf={({ name, description }) => `${name} ${description}`}
        empty={<Empty title={t('noMatch')} />}
      />
      {editing && (
        <FormDialog<Values>
          title={editing === 'new' ? t('createEnterpriseProject') : t('editNamed', { name: editing.name })}
          help={t('enterpriseProjectHelp')}
          okText={t(editing === 'new' ? 'create' : 'save')}
          initial={editing === 'new' ? {} : { name: editing.name, description: editing.description }}
          run={async body => {
            if (editing === 'new') await call(createEnterpriseProject, { body });
            else await call(updateEnterpriseProject, { params: { enterprise_project_id: editing.id }, body });
            await changed('enterprise-projects');
          }}
          close={() => setEditing(undefined)}
        >
          <Fields />
        </FormDialog>
      )}
      {showing && <Use project={showing} close={() => setShowing(undefined)} />}
      {deleting && (
        <ConfirmByName
          title={t('deleteEnterpriseProject', { name: deleting.name })}
          help={t('deleteEnterpriseProjectHelp')}
          name={deleting.name}
          close={() => setDeleting(undefined)}
          run={async () => {
            await call(deleteEnterpriseProject, { params: { enterprise_project_id: deleting.id } });
            await changed('enterprise-projects');
          }}
        />
      )}
    </Page>
  );
}

function Fields() {
  const t = useTexts();
  const rules = useRules(createEnterpriseProject);
  return (
    <>
      <Form.Item name="name" label={t('name')} rules={rules('name')}>
        <Input autoFocus maxLength={255} />
      </Form.Item>
      <Form.Item name="description" label={t('description')}>
        <Input maxLength={512} />
      </Form.Item>
    </>
  );
}

/** The workspaces of an enterprise project, and the groups that hold permissions in it. */
function Use({ project, close }: { project: Project; close: () => void }) {
  const t = useTexts();
  const params = { enterprise_project_id: project.id };
  const bound = useCall(
    showResourcesOfEnterpriseProject,
    { params, body: { resource_types: [] } },
    { live: ['workspaces'] },
  );
  const groups = useCall(listGroupsOfProject, { params }, { live: ['grants'] });
  return (
    <Dialog title={project.name} footer={null} onCancel={close}>
      <h2>{t('workspaces')}</h2>
      {!bound.data && <Awaited error={bound.error} refetch={bound.refetch} />}
      {bound.data?.resources.length === 0 && <p className="soft">{t('none')}</p>}
      <ul>
        {bound.data?.resources.map(resource => (
          <li key={textOf(resource, 'resource_id')}>
            <Link to="/workspaces/$workspaceId" params={{ workspaceId: textOf(resource, 'resource_id') }}>
              {textOf(resource, 'resource_name')}
            </Link>
          </li>
        ))}
      </ul>
      <h2>{t('groupsWithPermissions')}</h2>
      {!groups.data && <Awaited error={groups.error} refetch={groups.refetch} />}
      {groups.data?.groups.length === 0 && <p className="soft">{t('none')}</p>}
      <ul>
        {groups.data?.groups.map(group => (
          <li key={textOf(group, 'id')}>
            <Link
              to="/iam/groups/$groupId"
              params={{ groupId: textOf(group, 'id') }}
              search={{ tab: 'permissions' } as object}
            >
              {textOf(group, 'name')}
            </Link>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
