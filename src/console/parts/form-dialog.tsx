import { Form, type FormInstance } from 'antd';
import { type ReactNode, useRef, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { Dialog } from './dialog.tsx';
import { ErrorView } from './error-view.tsx';

/** A form in a dialog. `run` does what was asked for and the dialog closes; what it throws is shown in it. */
export function FormDialog<V extends object>(props: {
  title: string;
  okText: string;
  help?: string;
  width?: number;
  initial?: object;
  /** Where the caller looks at fields, too. */
  form?: FormInstance<V>;
  run: (values: V) => Promise<unknown>;
  close: () => void;
  children: ReactNode;
}) {
  const { title, okText, help, width, initial = {}, run, close, children } = props;
  const t = useTexts();
  const [own] = Form.useForm<V>();
  const form = props.form ?? own;
  const [busy, setBusy] = useState(false);
  const sent = useRef(false);
  const [failure, setFailure] = useState<unknown>();
  const go = (values: V) => {
    if (sent.current) return; // Enter was pressed twice
    sent.current = true;
    setBusy(true);
    setFailure(undefined);
    run(values).then(close, error => {
      sent.current = false;
      setBusy(false);
      setFailure(error);
    });
  };
  return (
    <Dialog
      title={title}
      okText={okText}
      cancelText={t('cancel')}
      okButtonProps={{ loading: busy }}
      onOk={form.submit}
      busy={busy}
      onCancel={close}
      {...(width === undefined ? {} : { width })}
    >
      {help && <p className="soft">{help}</p>}
      <Form<V> form={form} layout="vertical" initialValues={initial} onFinish={go}>
        {children}
      </Form>
      {failure !== undefined && <ErrorView error={failure} />}
    </Dialog>
  );
}
