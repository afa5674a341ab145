import { Form, type FormInstance } from 'antd';
import { type ReactNode, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
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
  const [failure, setFailure] = useState<unknown>();
  const { acting, act } = useAct(setFailure);
  const busy = acting !== undefined;
  const go = (values: V) =>
    act('send', async () => {
      setFailure(undefined);
      await run(values);
      close();
    });
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
