import { Link } from '@tanstack/react-router';
import { Form, Radio, Select } from 'antd';
import { useState } from 'react';
import { listAssignments } from '../../resources/iam/assignment.api.ts';
import { changed, queryOf } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { PolicyTable } from '../parts/policy-table.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { type Scope, type SubjectKind, scopeOf, setGrant } from './grant-calls.ts';
import { nameOf, optionsOf, useEnterpriseProjects, useProjects, useRoles } from './names.ts';

/** As many as the server answers at once. */
const PAGE = 50;
const ACTIONS = {
  group: { grant: 'iam:permissions:grantRoleToGroup', revoke: 'iam:permissions:revokeRoleFromGroup' },
  agency: { grant: 'iam:permissions:grantRoleToAgency', revoke: 'iam:permissions:revokeRoleFromAgency' },
  user: {
    grant: 'iam:permissions:grantRoleToUserOnEnterpriseProject',
    revoke: 'iam:permissions:revokeRoleFromUserOnEnterpriseProject',
  },
} as const;

type Grant = Record<string, unknown>;
const nameOfGrant = (row: Grant) => JSON.stringify([textOf(row, 'role', 'id'), scopeOf(row)]);

/** The policies that somebody holds, and where; users hold their own in enterprise projects alone. */
export function Grants({ kind, id, name }: { kind: SubjectKind; id: string; name: string }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const { account } = useSession();
  const { data: roles } = useRoles();
  const { data: projects } = useProjects();
  const { data: enterpriseProjects } = useEnterpriseProjects();
  const [granting, setGranting] = useState(false);
  const grant = () => setGranting(true);
  const scopeText = (row: Grant) => {
    const scope = scopeOf(row);
    if (scope.kind === 'all') return t('allResources');
    if (scope.kind === 'global') return t('globalServices');
    return scope.kind === 'project'
      ? t('inProject', { name: nameOf(projects, scope.id) })
      : t('inEnterpriseProject', { name: scope.id === '0' ? 'default' : nameOf(enterpriseProjects, scope.id) });
  };
  const revoke = (row: Grant) =>
    act(nameOfGrant(row), async () => {
      await setGrant(account.id, { kind, id }, textOf(row, 'role', 'id'), scopeOf(row), false);
      await changed('iam');
    });
  const columns: Column<Grant>[] = [
    {
      title: t('policy'),
      width: 'minmax(160px, 2fr)',
      show: row => (
        <Link to="/iam/policies/$policyId" params={{ policyId: textOf(row, 'role', 'id') }}>
          {nameOf(roles, textOf(row, 'role', 'id'))}
        </Link>
      ),
    },
    { title: t('scope'), width: 'minmax(160px, 2fr)', show: scopeText },
    {
      title: t('description'),
      width: 'minmax(120px, 3fr)',
      show: row => roles?.find(role => role.id === textOf(row, 'role', 'id'))?.description ?? '',
    },
    {
      title: t('actions'),
      width: '110px',
      show: row => (
        <Gated
          action={ACTIONS[kind].revoke}
          size="small"
          danger
          loading={acting === nameOfGrant(row)}
          aria-label={t('revokeNamed', { name: nameOf(roles, textOf(row, 'role', 'id')) })}
          onClick={() => revoke(row)}
        >
          {t('revoke')}
        </Gated>
      ),
    },
  ];
  return (
    <>
      <div className="filters" style={{ marginBottom: 12 }}>
        <Gated action={ACTIONS[kind].grant} onClick={grant}>
          {t('authorize')}
        </Gated>
        {kind === 'user' && <span className="soft">{t('userGrantsHelp')}</span>}
      </div>
      <DataTable
        label={t('permissions')}
        columns={columns}
        pageSize={PAGE}
        page={index =>
          queryOf(
            listAssignments,
            { query: { [`subject.${kind}_id`]: id, include_group: false, page: index + 1, per_page: PAGE } },
            ['grants'],
          )
        }
        read={({ role_assignments, total_num }) => ({ items: role_assignments, count: total_num })}
        empty={
          <Empty
            title={t('noGrants')}
            help={t(kind === 'user' ? 'userGrantsHelp' : 'noGrantsHelp')}
            action={{ text: t('authorize'), run: grant, needs: ACTIONS[kind].grant }}
          />
        }
      />
      {granting && <Authorize kind={kind} id={id} name={name} close={() => setGranting(false)} />}
    </>
  );
}

interface Values {
  policies: string[];
  scope: Scope['kind'];
  project?: string;
  enterpriseProject?: string;
}

/** Grants policies for one of the three scopes. */
function Authorize({ kind, id, name, close }: { kind: SubjectKind; id: string; name: string; close: () => void }) {
  const t = useTexts();
  const { account, project } = useSession();
  const projects = useProjects();
  const enterpriseProjects = useEnterpriseProjects();
  const [form] = Form.useForm<Values>();
  const only = kind === 'user';
  const scope = Form.useWatch('scope', form) ?? (only ? 'enterpriseProject' : 'all');
  const required = { required: true, message: t('required') };
  const run = async (values: Values) => {
    const to: Scope =
      values.scope === 'project'
        ? { kind: 'project', id: values.project! }
        : values.scope === 'enterpriseProject'
          ? { kind: 'enterpriseProject', id: values.enterpriseProject! }
          : { kind: 'all' };
    try {
      for (const policy of values.policies) await setGrant(account.id, { kind, id }, policy, to, true);
    } finally {
      await changed('iam');
    }
  };
  return (
    <FormDialog<Values>
      title={t('authorizeNamed', { name })}
      okText={t('authorize')}
      width={760}
      form={form}
      initial={{
        policies: [],
        scope: only ? 'enterpriseProject' : 'all',
        ...(project ? { project: project.id } : {}),
      }}
      run={run}
      close={close}
    >
      <Form.Item name="policies" label={t('policiesAndRoles')} rules={[{ ...required, type: 'array', min: 1 }]}>
        <PolicyTable />
      </Form.Item>
      <Form.Item name="scope" label={t('scope')}>
        <Radio.Group
          options={[
            { value: 'all', label: t('allResources'), disabled: only },
            { value: 'project', label: t('regionProject'), disabled: only },
            { value: 'enterpriseProject', label: t('enterpriseProject') },
          ]}
        />
      </Form.Item>
      {scope === 'project' && (
        <Form.Item name="project" label={t('regionProject')} rules={[required]}>
          <Select {...untilRead(projects)} options={optionsOf(projects.data)} />
        </Form.Item>
      )}
      {scope === 'enterpriseProject' && (
        <Form.Item
          name="enterpriseProject"
          label={t('enterpriseProject')}
          extra={t('enterpriseProjectHelp')}
          rules={[required]}
        >
          <Select {...untilRead(enterpriseProjects)} options={optionsOf(enterpriseProjects.data)} />
        </Form.Item>
      )}
    </FormDialog>
  );
}
