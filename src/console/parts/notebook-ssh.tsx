import { Form, Typography } from 'antd';
import { useState } from 'react';
import { updateNotebook } from '../../resources/notebooks/notebook.api.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
import { ErrorView } from './error-view.tsx';
import { textOf } from './facts.tsx';
import { Gated } from './gated.tsx';
import type { Notebook } from './notebook.tsx';
import { type SshAccess, SshFields, sshEndpoint } from './ssh-fields.tsx';

/** How to come in by SSH, and who may. */
export function SshHelp({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const [failure, setFailure] = useState<unknown>();
  const { acting, act } = useAct(setFailure);
  const endpoint = notebook.endpoints.find(each => each.service === 'SSH');
  const address = /^ssh:\/\/(?<user>[^@]+)@(?<host>.+):(?<port>\d+)$/.exec(textOf(endpoint, 'uri'))?.groups;
  const keyPairs = textsOf(endpoint?.key_pair_names);
  const addresses = textsOf(endpoint?.allowed_access_ips);
  const save = async (values: SshAccess) => {
    setFailure(undefined);
    await call(updateNotebook, { params: { id: notebook.id }, body: { endpoints: [], ...sshEndpoint(values) } });
    await changed('notebooks');
  };
  return (
    <>
      {address && notebook.status === 'RUNNING' ? (
        <>
          <p>{t('sshCommandHelp')}</p>
          <Command text={`ssh -i ${keyPairs[0]}.pem -p ${address.port} ${address.user}@${address.host}`} />
          <p>{t('sshEditorHelp')}</p>
          <Command
            text={[
              `Host ${notebook.name}`,
              `  HostName ${address.host}`,
              `  Port ${address.port}`,
              `  User ${address.user}`,
              `  IdentityFile ~/.ssh/${keyPairs[0]}.pem`,
            ].join('\n')}
          />
        </>
      ) : (
        <p className="soft">{t(endpoint ? 'sshWhenRunning' : 'sshOff')}</p>
      )}
      <Form<SshAccess>
        // Where the instance answers changes with each start, and is none of the form's.
        key={JSON.stringify([keyPairs, addresses])}
        layout="vertical"
        initialValues={{ keyPairs, addresses }}
        onFinish={values => act('save', () => save(values))}
      >
        <SshFields />
        {failure !== undefined && <ErrorView error={failure} />}
        <p className="soft">{t('sshChangeHelp')}</p>
        <Gated
          action="modelarts:notebook:update"
          htmlType="submit"
          loading={acting === 'save'}
          onClick={() => undefined}
        >
          {t('save')}
        </Gated>
      </Form>
    </>
  );
}

function Command({ text }: { text: string }) {
  const t = useTexts();
  return (
    <Typography.Paragraph
      code
      copyable={{ text, tooltips: [t('copy'), t('copied')] }}
      style={{ whiteSpace: 'pre-wrap' }}
    >
      {text}
    </Typography.Paragraph>
  );
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : [];
}
