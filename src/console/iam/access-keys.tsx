import { Alert, Button, Form, Input } from 'antd';
import { useState } from 'react';
import { createKey, deleteKey, listKeys, updateKey } from '../../resources/iam/user.api.ts';
import { call, changed, queryOf } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { useRules } from '../parts/rules.ts';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { Enabled } from './enabled.tsx';

type Key = Record<string, unknown>;

/** The permanent access keys of a user; `own`: of whoever looks, who needs no grant for them. */
export function AccessKeys({ userId, name, own }: { userId: string; name: string; own: boolean }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Key>();
  const [deleting, setDeleting] = useState<string>();
  const create = () => setCreating(true);
  const turn = (key: Key) =>
    act(textOf(key, 'access'), async () => {
      await call(updateKey, {
        params: { access_key: textOf(key, 'access') },
        body: { credential: { status: key.status === 'active' ? 'inactive' : 'active' } },
      });
      await changed('iam');
    });
  const columns: Column<Key>[] = [
    {
      title: t('accessKeyId'),
      width: 'minmax(210px, 2fr)',
      show: key => <span className="mono">{textOf(key, 'access')}</span>,
    },
    { title: t('state'), width: '110px', show: key => <Enabled value={key.status === 'active'} /> },
    { title: t('description'), width: 'minmax(100px, 2fr)', show: key => textOf(key, 'description') },
    { title: t('created'), width: '175px', show: key => <Time at={textOf(key, 'create_time')} /> },
    {
      title: t('actions'),
      width: '170px',
      show: key => (
        <span className="filters">
          <Act
            own={own}
            action="iam:credentials:updateCredential"
            size="small"
            loading={acting === textOf(key, 'access')}
            onClick={() => turn(key)}
          >
            {t(key.status === 'active' ? 'disable' : 'enable')}
          </Act>
          <Act
            own={own}
            action="iam:credentials:deleteCredential"
            size="small"
            danger
            onClick={() => setDeleting(textOf(key, 'access'))}
          >
            {t('delete')}
          </Act>
        </span>
      ),
    },
  ];
  return (
    <>
      <div className="filters" style={{ marginBottom: 12 }}>
        <Act own={own} action="iam:credentials:createCredential" onClick={create}>
          {t('createAccessKey')}
        </Act>
        <span className="soft">{t('accessKeysHelp')}</span>
      </div>
      <DataTable
        label={t('accessKeys')}
        columns={columns}
        pageSize={100}
        page={() => queryOf(listKeys, { query: { user_id: userId } }, ['users'])}
        read={({ credentials }) => ({ items: credentials, count: credentials.length })}
        empty={<Empty title={t('noAccessKeys')} help={t('noAccessKeysHelp')} />}
      />
      {creating && <Create userId={userId} name={name} made={setMade} close={() => setCreating(false)} />}
      {made && <Secret made={made} name={name} close={() => setMade(undefined)} />}
      {deleting && (
        <ConfirmByName
          title={t('deleteAccessKey', { name: deleting })}
          help={t('deleteAccessKeyHelp')}
          name={deleting}
          close={() => setDeleting(undefined)}
          run={async () => {
            await call(deleteKey, { params: { access_key: deleting } });
            await changed('iam');
          }}
        />
      )}
    </>
  );
}

function Act({ own, action, ...rest }: Parameters<typeof Gated>[0] & { own: boolean }) {
  return own ? <Button {...rest} /> : <Gated action={action} {...rest} />;
}

function Create(props: { userId: string; name: string; made: (key: Key) => void; close: () => void }) {
  const { userId, name, made, close } = props;
  const t = useTexts();
  const rules = useRules(createKey);
  return (
    <FormDialog<{ description?: string }>
      title={t('createAccessKeyFor', { name })}
      okText={t('create')}
      run={async ({ description = '' }) => {
        const { credential } = await call(createKey, { body: { credential: { user_id: userId, description } } });
        // Shown before anything else is waited for: nobody can be told it again.
        made(credential);
        void changed('iam');
      }}
      close={close}
    >
      <Form.Item name="description" label={t('description')} rules={rules('credential', 'description')}>
        <Input autoFocus maxLength={255} />
      </Form.Item>
    </FormDialog>
  );
}

/** The one time that a secret is seen. It stays in this dialog: nothing keeps it. */
function Secret({ made, name, close }: { made: Key; name: string; close: () => void }) {
  const t = useTexts();
  const access = textOf(made, 'access');
  const secret = textOf(made, 'secret');
  const download = () => {
    // As the real console's file has it.
    const text = `User Name,Access Key Id,Secret Access Key\n${name},${access},${secret}\n`;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
    link.download = 'credentials.csv';
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <Dialog
      title={t('accessKeyMade')}
      maskClosable={false}
      onCancel={close}
      footer={
        <>
          <Button onClick={close}>{t('close')}</Button>
          <Button type="primary" onClick={download}>
            {t('downloadCredentials')}
          </Button>
        </>
      }
    >
      <Alert type="warning" showIcon title={t('secretOnce')} style={{ marginBottom: 16 }} />
      <Facts
        facts={[
          [t('accessKeyId'), <code key="access">{access}</code>],
          [t('secretAccessKey'), <code key="secret">{secret}</code>],
        ]}
      />
    </Dialog>
  );
}
