import { Form, type FormInstance } from 'antd';
import { type ReactNode, useState } from 'react';
import { useAct } from './act.ts';
import { ErrorView } from './error-view.tsx';
import { Gated } from './gated.tsx';

/**
 * The form of a page that makes or changes something. `send` does it, and goes on to where it can be seen; what it throws is shown above the
 * button, until something is changed. `action`: what the user must be allowed. `beside`: further buttons.
 */
export function CreateForm<V extends object>(props: {
  form: FormInstance<V>;
  /** Those that are known: `{ count: 1 }`. */
  initialValues: Record<string, unknown>;
  send: (values: V) => Promise<unknown>;
  action: string;
  submit: string;
  failed?: string;
  beside?: ReactNode;
  onChange?: () => void;
  children: ReactNode;
}) {
  const { form, initialValues, send, action, submit, failed, beside, onChange, children } = props;
  const [outcome, setOutcome] = useState<{ failure: unknown }>();
  const { acting, act } = useAct(failure => setOutcome({ failure }));
  const go = () =>
    act('send', async () => {
      const values = await form.validateFields().catch(() => undefined);
      if (!values) return;
      setOutcome(undefined);
      await send(values);
    });
  return (
    <Form<V>
      className="card form"
      form={form}
      layout="vertical"
      initialValues={initialValues}
      onValuesChange={() => {
        setOutcome(undefined);
        onChange?.();
      }}
    >
      {children}
      <div aria-live="polite">
        {outcome && <ErrorView error={outcome.failure} {...(failed ? { title: failed } : {})} />}
      </div>
      <div className="filters" style={{ marginTop: 16 }}>
        <Gated action={action} type="primary" loading={acting !== undefined} onClick={go}>
          {submit}
        </Gated>
        {beside}
      </div>
    </Form>
  );
}
