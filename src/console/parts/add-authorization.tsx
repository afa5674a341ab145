import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { Form, Input, Radio, Select } from 'antd';
import { useRef } from 'react';
import { createAgency, createAuthorization } from '../../resources/authorizations/authorization.api.ts';
import { allGrantsOfAgency } from '../../resources/iam/grant.api.ts';
import { createAgency as createOwnAgency, listAgencies } from '../../resources/iam/policy.api.ts';
import { listGroups, listUsers } from '../../resources/iam/user.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf, useCall } from '../call.ts';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { textOf } from './facts.tsx';
import { FormDialog } from './form-dialog.tsx';
import { PolicyTable } from './policy-table.tsx';
import { untilRead } from './until-read.tsx';

const KINDS = {
  'all-users': 'kindAllUsers',
  iam: 'kindIam',
  federate: 'kindFederate',
  'federation-group': 'kindFederationGroup',
  grant: 'kindGrant',
} as const;
type Kind = keyof typeof KINDS;

interface Values {
  kind: Kind;
  who?: string;
  agency: 'new' | 'existing';
  existing?: string;
  suffix?: string;
  permissions: 'common' | 'custom';
  policies?: string[];
}

/** The name by which an agency trusts the platform, as on the real service. */
const PLATFORM = 'op_svc_modelarts';
const ofPlatform = (agency: unknown) => textOf(agency, 'trust_domain_name') === PLATFORM;

/** Binds an agency, an existing one or one made for it, to a user or to all. */
export function AddAuthorization({ close }: { close: () => void }) {
  const t = useTexts();
  const { account } = useSession();
  const [form] = Form.useForm<Values>();
  const kind = Form.useWatch('kind', form) ?? 'all-users';
  const agency = Form.useWatch('agency', form) ?? 'new';
  const permissions = Form.useWatch('permissions', form) ?? 'common';
  const agencies = useCall(listAgencies, { query: { domain_id: account.id } }, { live: ['agencies'] });
  const required = { required: true, message: t('required') };

  /** The agency that was made, where what follows failed: it is taken when the same is asked for again. */
  const kept = useRef<{ of: string; name: string }>(undefined);
  async function newAgency(values: Values): Promise<string> {
    const { suffix, permissions: chosen, policies } = values;
    const of = JSON.stringify({ suffix, chosen, policies });
    if (kept.current?.of !== of) kept.current = { of, name: await made(values, account.id) };
    return kept.current.name;
  }

  async function add(values: Values): Promise<void> {
    try {
      const content = values.agency === 'existing' ? values.existing! : await newAgency(values);
      await call(createAuthorization, { body: { type: 'agency', content, ...subjectOf(values) } });
      await changed('authorizations');
    } finally {
      await changed('iam'); // the agency may have been made even where the rest failed
    }
  }

  return (
    <FormDialog<Values>
      width={720}
      title={t('addAuthorization')}
      okText={t('create')}
      form={form}
      initial={{ kind: 'all-users', agency: 'new', permissions: 'common' }}
      run={add}
      close={close}
    >
      <Form.Item name="kind" label={t('userKind')}>
        <Radio.Group
          options={Object.entries(KINDS).map(([value, text]) => ({ value, label: t(text) }))}
          onChange={() => form.setFieldsValue({ who: undefined } as Partial<Values>)}
        />
      </Form.Item>
      {kind !== 'all-users' && (
        <Form.Item name="who" label={t('authorizedTo')} rules={[required]}>
          {kind === 'federate' ? <Input maxLength={128} /> : <Subject kind={kind} agencies={agencies} />}
        </Form.Item>
      )}
      <Form.Item name="agency" label={t('agency')}>
        <Radio.Group
          options={[
            { value: 'new', label: t('newAgency') },
            { value: 'existing', label: t('existingAgency') },
          ]}
        />
      </Form.Item>
      {agency === 'existing' ? (
        <Form.Item name="existing" label={t('existingAgency')} rules={[required]}>
          <Select
            notFoundContent={t('noAgencies')}
            {...untilRead(agencies)}
            options={agencies.data?.agencies.filter(ofPlatform).map(each => ({ value: textOf(each, 'name') }))}
          />
        </Form.Item>
      ) : (
        <>
          <Form.Item
            name="suffix"
            label={t('agencyName')}
            rules={[{ pattern: /^[\w-]{0,50}$/, message: t('agencyNameRule') }]}
          >
            <Input prefix="ma_agency_" maxLength={50} />
          </Form.Item>
          <Form.Item name="permissions" label={t('permissions')} extra={t('permissionsHelp')}>
            <Radio.Group
              options={[
                { value: 'common', label: t('commonUser') },
                { value: 'custom', label: t('customPermissions') },
              ]}
            />
          </Form.Item>
          {permissions === 'custom' && (
            <Form.Item name="policies" rules={[{ ...required, type: 'array', min: 1 }]}>
              <PolicyTable />
            </Form.Item>
          )}
        </>
      )}
    </FormDialog>
  );
}

/** Chooses a user, a group, or an agency. `value` and `onChange` are the form's. */
function Subject(props: {
  kind: Exclude<Kind, 'all-users' | 'federate'>;
  agencies: UseQueryResult<ResponseOf<typeof listAgencies>>;
  id?: string;
  value?: string;
  onChange?: (id: string) => void;
}) {
  const { kind, agencies, id, value, onChange } = props;
  const users = useQuery({ ...queryOf(listUsers, {}, ['users']), enabled: kind === 'iam' });
  const groups = useQuery({ ...queryOf(listGroups, {}, ['user-groups']), enabled: kind === 'federation-group' });
  const read = { iam: users, 'federation-group': groups, grant: agencies }[kind];
  const found: readonly unknown[] | undefined =
    kind === 'iam'
      ? users.data?.users
      : kind === 'federation-group'
        ? groups.data?.groups
        : agencies.data?.agencies.filter(each => !ofPlatform(each));
  return (
    <Select
      {...(id ? { id } : {})}
      {...(value ? { value } : {})}
      {...(onChange ? { onChange } : {})}
      {...untilRead(read)}
      showSearch={{ optionFilterProp: 'label' }}
      options={(found ?? []).map(each => ({ value: textOf(each, 'id'), label: textOf(each, 'name') }))}
    />
  );
}

function subjectOf({ kind, who = '' }: Values) {
  if (kind === 'all-users') return { user_id: 'all', user_type: kind };
  return kind === 'federate' ? { user_name: who, user_type: kind } : { user_id: who, user_type: kind };
}

/** Makes an agency that trusts the platform; resolves with its name. */
async function made({ suffix = '', permissions, policies = [] }: Values, domain_id: string): Promise<string> {
  if (permissions === 'common') return (await call(createAgency, { body: { agency_name_suffix: suffix } })).agency_name;
  const name = suffix === '' ? 'modelarts_agency' : `ma_agency_${suffix}`;
  const { agency } = await call(createOwnAgency, {
    body: { agency: { name, domain_id, trust_domain_name: PLATFORM, duration: 'FOREVER' } },
  });
  for (const role_id of policies) {
    await call(allGrantsOfAgency.grant, { params: { domain_id, agency_id: textOf(agency, 'id'), role_id } });
  }
  return name;
}
