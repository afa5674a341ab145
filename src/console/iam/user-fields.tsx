import { Checkbox, Form, Input, Radio } from 'antd';
import { createUserByAdmin, deleteUser } from '../../resources/iam/user.api.ts';
import { call, changed } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { textOf } from '../parts/facts.tsx';
import { useRules } from '../parts/rules.ts';
import { useTexts } from '../texts/index.ts';

const ACCESS_KINDS = { default: 'accessBoth', console: 'accessConsole', programmatic: 'accessPrograms' } as const;
export type AccessKind = keyof typeof ACCESS_KINDS;

/** How a user may come in. */
export function AccessField() {
  const t = useTexts();
  return (
    <Form.Item name="access_mode" label={t('accessKind')} extra={t('accessKindHelp')}>
      <Radio.Group options={Object.entries(ACCESS_KINDS).map(([value, text]) => ({ value, label: t(text) }))} />
    </Form.Item>
  );
}

/** What people know a user by. */
export function ContactFields() {
  const t = useTexts();
  const rules = useRules(createUserByAdmin);
  return (
    <>
      <Form.Item name="description" label={t('description')} rules={rules('user', 'description')}>
        <Input maxLength={255} />
      </Form.Item>
      <Form.Item name="email" label={t('email')} rules={[{ type: 'email', message: t('invalid') }]}>
        <Input autoComplete="off" />
      </Form.Item>
    </>
  );
}

/** A password that somebody else gives, and whether it is good for the first sign-in alone. */
export function GivenPassword() {
  const t = useTexts();
  return (
    <>
      <Form.Item
        name="password"
        label={t('password')}
        extra={t('passwordRule')}
        rules={[
          { required: true, message: t('required') },
          { min: 8, message: t('tooShort', { limit: 8 }) },
          { max: 32, message: t('tooLong', { limit: 32 }) },
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item name="pwd_status" valuePropName="checked">
        <Checkbox>{t('changeAtFirstSignIn')}</Checkbox>
      </Form.Item>
    </>
  );
}

/** The name of the text for how a user may come in. */
export function accessText(user: unknown) {
  return ACCESS_KINDS[(textOf(user, 'access_mode') || 'default') as AccessKind];
}

export function DeleteUser({ user, close, after }: { user: unknown; close: () => void; after?: () => Promise<void> }) {
  const t = useTexts();
  const name = textOf(user, 'name');
  return (
    <ConfirmByName
      title={t('deleteUser', { name })}
      help={t('deleteUserHelp')}
      name={name}
      close={close}
      run={async () => {
        await call(deleteUser, { params: { user_id: textOf(user, 'id') } });
        await after?.(); // first, as the page of what is gone would ask for it
        await changed('iam');
      }}
    />
  );
}
