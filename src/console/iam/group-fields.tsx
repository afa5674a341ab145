import { Form, Input } from 'antd';
import { createGroup, deleteGroup } from '../../resources/iam/user.api.ts';
import { call, changed } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { textOf } from '../parts/facts.tsx';
import { useRules } from '../parts/rules.ts';
import { useTexts } from '../texts/index.ts';

export interface GroupValues {
  name: string;
  description?: string;
}

export function GroupFields() {
  const t = useTexts();
  const rules = useRules(createGroup);
  return (
    <>
      <Form.Item name="name" label={t('name')} rules={rules('group', 'name')}>
        <Input autoFocus maxLength={64} />
      </Form.Item>
      <Form.Item name="description" label={t('description')} rules={rules('group', 'description')}>
        <Input maxLength={255} />
      </Form.Item>
    </>
  );
}

export function DeleteGroup({
  group,
  close,
  after,
}: {
  group: unknown;
  close: () => void;
  after?: () => Promise<void>;
}) {
  const t = useTexts();
  const name = textOf(group, 'name');
  return (
    <ConfirmByName
      title={t('deleteGroup', { name })}
      help={t('deleteGroupHelp')}
      name={name}
      close={close}
      run={async () => {
        await call(deleteGroup, { params: { group_id: textOf(group, 'id') } });
        await after?.(); // first, as the page of what is gone would ask for it
        await changed('iam');
      }}
    />
  );
}
