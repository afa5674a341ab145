import { allGrantsOfAgency } from '../../resources/iam/grant.api.ts';
import { listAgencies } from '../../resources/iam/policy.api.ts';
import { useCall } from '../call.ts';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { Dialog } from './dialog.tsx';
import { ErrorView } from './error-view.tsx';
import { textOf } from './facts.tsx';

/** What an agency may do: the policies that it was granted on all resources. */
export function AgencyPermissions({ agency, close }: { agency: string; close: () => void }) {
  const t = useTexts();
  const { account } = useSession();
  const agencies = useCall(listAgencies, { query: { domain_id: account.id, name: agency } });
  const agency_id = textOf(
    agencies.data?.agencies.find(each => each.name === agency),
    'id',
  );
  const grants = useCall(
    allGrantsOfAgency.list,
    { params: { domain_id: account.id, agency_id } },
    { enabled: agency_id !== '', live: ['grants'] },
  );
  const { data } = grants;
  const asking = agencies.data ? grants : agencies;
  return (
    <Dialog title={t('permissionsOf', { name: agency })} footer={null} onCancel={close}>
      {asking.error && !asking.data && <ErrorView error={asking.error} retry={() => void asking.refetch()} />}
      {asking.isLoading && <span className="bone" title={t('loading')} />}
      {agencies.data && agency_id === '' && <p>{t('agencyGone')}</p>}
      {data?.roles.length === 0 && <p className="soft">{t('none')}</p>}
      <div className="card">
        <ul className="plain">
          {data?.roles.map(role => (
            <li key={textOf(role, 'id')}>
              <span>{textOf(role, 'display_name')}</span>
              <span className="soft note">{textOf(role, 'description')}</span>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
