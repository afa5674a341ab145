import { Form, Input } from 'antd';
import { changeConsoleSession } from '../../resources/console/console.api.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
import { useRules } from '../parts/rules.ts';
import { changeSession } from '../session-calls.ts';
import { useTexts } from '../texts/index.ts';

/** Asks for the account and the agency of the role to take on. */
export default function SwitchRole({ close }: { close: () => void }) {
  const t = useTexts();
  const rules = useRules(changeConsoleSession);
  const [form] = Form.useForm<{ account_name: string; agency_name: string }>();
  return (
    <FormDialog
      title={t('switchRole')}
      help={t('switchRoleHelp')}
      okText={t('switchRole')}
      form={form}
      run={role => changeSession({ role })}
      close={close}
    >
      <Form.Item name="account_name" label={t('account')} rules={rules('role', 'account_name')}>
        <Input autoFocus />
      </Form.Item>
      <Form.Item name="agency_name" label={t('agency')} rules={rules('role', 'agency_name')}>
        <Input />
      </Form.Item>
    </FormDialog>
  );
}
