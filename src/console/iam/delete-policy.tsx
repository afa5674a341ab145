import { deleteCustomPolicy } from '../../resources/iam/policy.api.ts';
import { call, changed } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { useTexts } from '../texts/index.ts';
import type { Named } from './names.ts';

/** Deletes a custom policy, which nobody may hold. */
export function DeletePolicy(props: { role: Named; close: () => void; after?: () => Promise<void> }) {
  const { role, close, after } = props;
  const t = useTexts();
  return (
    <ConfirmByName
      title={t('deletePolicy', { name: role.name })}
      help={t('deletePolicyHelp')}
      name={role.name}
      close={close}
      run={async () => {
        await call(deleteCustomPolicy, { params: { role_id: role.id } });
        await after?.(); // first, as the page of what is gone would ask for it
        await changed('iam');
      }}
    />
  );
}
