import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Select } from 'antd';
import { useState } from 'react';
import { listRoles } from '../../resources/iam/policy.api.ts';
import { queryOf } from '../call.ts';
import { DeletePolicy } from '../iam/delete-policy.tsx';
import { type Role, roleOf } from '../iam/names.ts';
import type { Column } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { WholeList } from '../parts/whole-list.tsx';
import { useTexts } from '../texts/index.ts';

const KINDS = ['all', 'custom', 'system'] as const;
const CREATE = 'iam:roles:createRole';

/** Policies and roles: the account's own, and those that the system defines. */
export default function Policies() {
  const t = useTexts();
  const navigate = useNavigate();
  const search: { kind?: string } = useSearch({ strict: false });
  const kind = KINDS.find(each => each === search.kind) ?? 'all';
  const [deleting, setDeleting] = useState<Role>();
  const create = () => void navigate({ to: '/iam/policies/create' });
  const columns: Column<Role>[] = [
    {
      title: t('name'),
      width: 'minmax(180px, 2fr)',
      show: role => (
        <Link to="/iam/policies/$policyId" params={{ policyId: role.id }}>
          {role.name}
        </Link>
      ),
    },
    {
      title: t('type'),
      width: '170px',
      show: role => t(role.custom ? 'customPolicy' : role.isRole ? 'systemRole' : 'systemPolicy'),
    },
    { title: t('cloudService'), width: '120px', show: role => (role.custom ? '–' : role.service) },
    { title: t('description'), width: 'minmax(140px, 3fr)', show: role => role.description },
    {
      title: t('actions'),
      width: '100px',
      show: role =>
        role.custom && (
          <Gated
            action="iam:roles:deleteRole"
            size="small"
            danger
            aria-label={t('deleteNamed', { name: role.name })}
            onClick={() => setDeleting(role)}
          >
            {t('delete')}
          </Gated>
        ),
    },
  ];
  return (
    <Page
      title={t('policies')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createPolicy')}
        </Gated>
      }
    >
      <WholeList
        key={kind}
        label={t('policies')}
        columns={columns}
        query={queryOf(listRoles, { query: { per_page: 500 } }, ['custom-policies'])}
        read={({ roles }) =>
          roles
            .map(roleOf)
            .filter(role => kind === 'all' || role.custom === (kind === 'custom'))
            .sort((a, b) => Number(b.custom) - Number(a.custom) || a.name.localeCompare(b.name))
        }
        textOf={role => `${role.name} ${role.service} ${role.description}`}
        filters={
          <Select
            aria-label={t('type')}
            style={{ width: 190 }}
            value={kind}
            options={[
              { value: 'all', label: t('allPolicies') },
              { value: 'custom', label: t('customPolicies') },
              { value: 'system', label: t('systemPolicies') },
            ]}
            onChange={chosen =>
              void navigate({ to: '.', search: { ...search, kind: chosen } as object, replace: true })
            }
          />
        }
        empty={
          <Empty
            title={t('noPolicies')}
            help={t('noPoliciesHelp')}
            action={{ text: t('createPolicy'), run: create, needs: CREATE }}
          />
        }
      />
      {deleting && <DeletePolicy role={deleting} close={() => setDeleting(undefined)} />}
    </Page>
  );
}
