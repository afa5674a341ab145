import { Form, Input, Radio, Select } from 'antd';
import { createWorkspace } from '../../resources/workspaces/workspace.api.ts';
import { useMay } from '../parts/gated.tsx';
import { useRules } from '../parts/rules.ts';
import { untilRead } from '../parts/until-read.tsx';
import { useTexts } from '../texts/index.ts';
import { type Named, optionsOf, useAgencies, useEnterpriseProjects, useUsers } from './names.ts';

/** Who may enter a workspace. */
export const ENTRIES = { PUBLIC: 'entryPublic', PRIVATE: 'entryPrivate', INTERNAL: 'entryInternal' } as const;
export type Entry = keyof typeof ENTRIES;

export interface WorkspaceValues {
  name: string;
  description?: string;
  auth_type: Entry;
  enterprise_project_id?: string;
  /** Kind and id of each, parted by a blank: `IAM 9ea0…`. */
  members?: string[];
}

/** The fields of a workspace. Its enterprise project is chosen when it is made, and stays. */
export function WorkspaceFields({ isNew = false }: { isNew?: boolean }) {
  const t = useTexts();
  const rules = useRules(createWorkspace);
  const form = Form.useFormInstance<WorkspaceValues>();
  const entry = Form.useWatch('auth_type', form);
  const users = useUsers(useMay('iam:users:listUsers'));
  const agencies = useAgencies(useMay('iam:agencies:listAgencies'));
  const enterpriseProjects = useEnterpriseProjects();
  const choices = (kind: string, all?: readonly Named[]) =>
    optionsOf(all).map(({ value, label }) => ({ value: `${kind} ${value}`, label }));
  return (
    <>
      <Form.Item name="name" label={t('name')} rules={rules('name')}>
        <Input autoFocus maxLength={64} />
      </Form.Item>
      <Form.Item name="description" label={t('description')}>
        <Input maxLength={256} />
      </Form.Item>
      {isNew && (
        <Form.Item name="enterprise_project_id" label={t('enterpriseProject')} extra={t('workspaceProjectHelp')}>
          <Select
            allowClear
            placeholder="default"
            {...untilRead(enterpriseProjects)}
            options={optionsOf(enterpriseProjects.data)}
          />
        </Form.Item>
      )}
      <Form.Item name="auth_type" label={t('entry')}>
        <Radio.Group options={Object.entries(ENTRIES).map(([value, text]) => ({ value, label: t(text) }))} vertical />
      </Form.Item>
      {entry === 'INTERNAL' && (
        <Form.Item name="members" label={t('members')} extra={t('workspaceMembersHelp')}>
          <Select
            mode="multiple"
            showSearch={{ optionFilterProp: 'label' }}
            {...untilRead(users, agencies)}
            options={[
              { label: t('users'), options: choices('IAM', users.data) },
              { label: t('agencies'), options: choices('AGENCY', agencies.data) },
            ].filter(({ options }) => options.length > 0)}
          />
        </Form.Item>
      )}
    </>
  );
}

/** What the form says, as the operations take it. */
export function workspaceBody({ name, description = '', auth_type, members = [] }: WorkspaceValues) {
  return {
    name,
    description,
    auth_type,
    ...(auth_type === 'INTERNAL'
      ? {
          grants: members.map(member => {
            const [user_type = 'IAM', user_id = ''] = member.split(' ');
            // Federated users are known by name alone.
            return user_type === 'FEDERATE' ? { user_type, user_name: user_id } : { user_type, user_id };
          }),
        }
      : {}),
  };
}
