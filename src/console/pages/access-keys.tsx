import { AccessKeys } from '../iam/access-keys.tsx';
import { Page } from '../parts/page.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';

/** The access keys of whoever is signed in. */
export default function MyAccessKeys() {
  const t = useTexts();
  const { user, switched_by } = useSession();
  return (
    <Page title={t('myAccessKeys')}>
      {switched_by ? (
        <p className="card">{t('noKeysOfRoles')}</p>
      ) : (
        <AccessKeys userId={user.id} name={user.name} own />
      )}
    </Page>
  );
}
