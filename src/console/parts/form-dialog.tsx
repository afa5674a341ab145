import { Form, type FormInstance, Modal } from 'antd';
import { type ReactNode, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';

/** A dialog with a form. `send` does what it is for; the dialog then closes, or shows what was thrown. */
export function FormDialog<V extends object>(props: {
  title: string;
  help?: string;
  ok: string;
  width?: number;
  form: FormInstance<V>;
  initialValues?: Record<string, unknown>;
  send: (values: V) => Promise<unknown>;
  close: () => void;
  children: ReactNode;
}) {
  const { title, help, ok, width = 520, form, initialValues = {}, send, close, children } = props;
  const t = useTexts();
  const [outcome, setOutcome] = useState<'busy' | { failure: unknown }>();
  const go = (values: V) => {
    if (outcome === 'busy') return;
    setOutcome('busy');
    send(values).then(close, failure => setOutcome({ failure }));
  };
  return (
    <Modal
      open
      title={title}
      width={width}
      okText={ok}
      cancelText={t('cancel')}
      okButtonProps={{ loading: outcome === 'busy' }}
      onOk={form.submit}
      onCancel={close}
    >
      {help && <p>{help}</p>}
      <Form<V> form={form} layout="vertical" initialValues={initialValues} onFinish={go}>
        {children}
      </Form>
      {typeof outcome === 'object' && <ErrorView error={outcome.failure} />}
    </Modal>
  );
}
