import { Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { changeConsoleSession } from '../../resources/console/console.api.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { useRules } from '../parts/rules.ts';
import { changeSession } from '../session-calls.ts';
import { useTexts } from '../texts/index.ts';

/** Asks for the account and the agency of the role to take on. */
export default function SwitchRole({ close }: { close: () => void }) {
  const t = useTexts();
  const rules = useRules(changeConsoleSession);
  const [form] = Form.useForm<{ account_name: string; agency_name: string }>();
  const [failure, setFailure] = useState<unknown>();
  return (
    <Modal
      open
      title={t('switchRole')}
      okText={t('switchRole')}
      cancelText={t('cancel')}
      onCancel={close}
      onOk={form.submit}
    >
      <p className="soft">{t('switchRoleHelp')}</p>
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        onFinish={role => changeSession({ role }).then(close, setFailure)}
      >
        <Form.Item name="account_name" label={t('account')} rules={rules('role', 'account_name')}>
          <Input autoFocus />
        </Form.Item>
        <Form.Item name="agency_name" label={t('agency')} rules={rules('role', 'agency_name')}>
          <Input />
        </Form.Item>
      </Form>
      {failure !== undefined && <ErrorView error={failure} />}
    </Modal>
  );
}
