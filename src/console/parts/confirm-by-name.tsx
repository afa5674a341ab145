import { Input } from 'antd';
import { useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
import { Dialog } from './dialog.tsx';
import { ErrorView } from './error-view.tsx';

/** Asks to type the name of what is to be destroyed. `run` does it; what it throws is shown here. */
export function ConfirmByName(props: {
  title: string;
  help: string;
  name: string;
  /** On the button; `Delete` when absent. */
  ok?: string;
  run: () => Promise<unknown>;
  close: () => void;
}) {
  const { title, help, name, run, close } = props;
  const t = useTexts();
  const [typed, setTyped] = useState('');
  const [failure, setFailure] = useState<unknown>();
  const { acting, act } = useAct(setFailure);
  const busy = acting !== undefined;
  const go = () =>
    act('run', async () => {
      setFailure(undefined);
      await run();
      close();
    });
  return (
    <Dialog
      title={title}
      okText={props.ok ?? t('delete')}
      cancelText={t('cancel')}
      okButtonProps={{ danger: true, disabled: typed !== name, loading: busy }}
      onOk={go}
      busy={busy}
      onCancel={close}
    >
      <p>{help}</p>
      <label htmlFor="typed-name">
        {t('confirmName', { name })}
        <Input
          id="typed-name"
          autoFocus
          value={typed}
          onChange={event => setTyped(event.target.value)}
          onPressEnter={() => typed === name && go()}
        />
      </label>
      {failure !== undefined && <ErrorView error={failure} />}
    </Dialog>
  );
}
