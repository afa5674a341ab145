import { useSearch } from '@tanstack/react-router';
import { createCustomPolicy } from '../../resources/iam/policy.api.ts';
import { call, changed } from '../call.ts';
import { newDraft, write } from '../iam/policy-document.ts';
import { PolicyForm } from '../iam/policy-form.tsx';
import { useGoOn } from '../parts/act.ts';
import { textOf } from '../parts/facts.tsx';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';

/** A new custom policy; the address may name the action that it is wanted for. */
export default function CreatePolicy() {
  const t = useTexts();
  const goOn = useGoOn();
  const { action }: { action?: string } = useSearch({ strict: false });
  return (
    <Page title={t('createPolicy')}>
      <PolicyForm
        initial={{ name: '', description: '' }}
        text={write([newDraft(action ? [action] : [])])}
        action="iam:roles:createRole"
        saveText={t('create')}
        save={async body => {
          const { role } = await call(createCustomPolicy, { body });
          await changed('iam');
          await goOn({ to: '/iam/policies/$policyId', params: { policyId: textOf(role, 'id') } });
        }}
      />
    </Page>
  );
}
