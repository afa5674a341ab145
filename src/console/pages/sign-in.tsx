import { Button, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { createConsoleSession, listSignInProviders } from '../../resources/console/console.api.ts';
import { changePassword } from '../../resources/iam/user.api.ts';
import { call, useCall } from '../call.ts';
import { Preferences } from '../frame/preferences.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { useRules } from '../parts/rules.ts';
import { type Session, useSessionState } from '../session.ts';
import { leaveForProvider, returnFromProvider, signIn, signOut } from '../session-calls.ts';
import { useTexts } from '../texts/index.ts';

interface Login {
  account: string;
  user: string;
  password: string;
}

/** Signing in, and choosing a password where an administrator gave the first one. */
export default function SignIn() {
  const t = useTexts();
  const session = useSessionState();
  /** Known right after signing in, so that the first password need not be typed again. */
  const [given, setGiven] = useState('');
  useEffect(() => {
    document.title = `${t('signIn')} · Atelier`;
  }, [t]);
  return (
    <main className="sign-in">
      <div className="sign-in-tools">
        <Preferences />
      </div>
      <div className="card">
        <h1>
          <img src="/mark.svg" alt="" width="30" height="30" />
          {session?.must_change_password ? t('choosePassword') : t('signInTitle')}
        </h1>
        {session?.must_change_password ? (
          <ChoosePassword session={session} given={given} />
        ) : (
          <Password signedIn={setGiven} />
        )}
      </div>
    </main>
  );
}

function Password({ signedIn }: { signedIn: (password: string) => void }) {
  const t = useTexts();
  const rules = useRules(createConsoleSession);
  const { busy, failure, run } = useRun();
  const [account, setAccount] = useState('');
  const submit = (login: Login) => run(() => signIn(login).then(() => signedIn(login.password)));
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is opened
  useEffect(() => {
    void run(returnFromProvider);
  }, []);
  return (
    <Form<Login> layout="vertical" requiredMark={false} onFinish={submit} validateTrigger="onBlur">
      <Form.Item name="account" label={t('account')} rules={rules('account')}>
        <Input autoFocus autoComplete="organization" onBlur={event => setAccount(event.target.value.trim())} />
      </Form.Item>
      <Form.Item name="user" label={t('iamUser')} rules={rules('user')}>
        <Input autoComplete="username" />
      </Form.Item>
      <Form.Item name="password" label={t('password')} rules={rules('password')}>
        <Input type="password" autoComplete="current-password" />
      </Form.Item>
      {failure !== undefined && <ErrorView error={failure} />}
      <p className="soft">{t('rootHint')}</p>
      <Button type="primary" htmlType="submit" block loading={busy}>
        {t('signIn')}
      </Button>
      <Providers account={account} run={run} />
    </Form>
  );
}

/** A button for each identity provider of the account, once it is known which account. */
function Providers(props: { account: string; run: (work: () => Promise<unknown>) => Promise<unknown> }) {
  const { account, run } = props;
  const t = useTexts();
  const { data, error, refetch } = useCall(listSignInProviders, { query: { account } }, { enabled: account !== '' });
  return (
    <section aria-label={t('federatedSignIn')} style={{ marginTop: 16 }}>
      {error && !data ? (
        <ErrorView error={error} retry={() => void refetch()} />
      ) : (
        !data?.providers.length && <p className="soft">{t('federatedHint')}</p>
      )}
      {data?.providers.map(({ id, description }) => (
        <Button key={id} block style={{ marginBottom: 8 }} onClick={() => void run(() => leaveForProvider(id))}>
          {t('signInBy', { name: description || id })}
        </Button>
      ))}
    </section>
  );
}

function ChoosePassword({ session, given }: { session: Session; given: string }) {
  const t = useTexts();
  const { busy, failure, run } = useRun();
  const submit = ({ old, password }: { old?: string; password: string }) =>
    run(async () => {
      const user = { original_password: old ?? given, password };
      await call(changePassword, { params: { user_id: session.user.id }, body: { user } });
      // It ended the session.
      await signIn({ account: session.account.name, user: session.user.name, password });
    });
  return (
    <Form layout="vertical" requiredMark={false} onFinish={submit} validateTrigger="onBlur">
      <p className="soft">{t('choosePasswordWhy')}</p>
      {given === '' && (
        <Form.Item name="old" label={t('password')} rules={[{ required: true, message: t('required') }]}>
          <Input type="password" autoComplete="current-password" />
        </Form.Item>
      )}
      <Form.Item
        name="password"
        label={t('newPassword')}
        extra={t('passwordRule')}
        rules={[{ required: true, message: t('required') }]}
      >
        <Input type="password" autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={t('repeatPassword')}
        dependencies={['password']}
        rules={[
          ({ getFieldValue }) => ({
            validator: async (_, value) => {
              if (value !== getFieldValue('password')) throw new Error(t('passwordsDiffer'));
            },
          }),
        ]}
      >
        <Input type="password" autoComplete="new-password" />
      </Form.Item>
      {failure !== undefined && <ErrorView error={failure} />}
      <Button type="primary" htmlType="submit" block loading={busy}>
        {t('setPassword')}
      </Button>
      <Button type="link" block onClick={() => run(signOut)}>
        {t('signOut')}
      </Button>
    </Form>
  );
}

/** Runs one thing at a time and keeps what it threw. */
function useRun() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  return {
    busy,
    failure,
    run: (work: () => Promise<unknown>) => {
      setBusy(true);
      setFailure(undefined);
      return work()
        .catch(setFailure)
        .finally(() => setBusy(false));
    },
  };
}
