import { allGrantsOfAgency } from '../../resources/iam/grant.api.ts';
import { listAgencies } from '../../resources/iam/policy.api.ts';
import { useCall } from '../call.ts';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { Awaited } from './awaited.tsx';
import { Dialog } from './dialog.tsx';
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
  const gone = agencies.data !== undefined && agency_id === '';
  const asking = agencies.data ? grants : agencies;
  return (
    <Dialog title={t('permissionsOf', { name: agency })} footer={null} onCancel={close}>
      {gone && <p>{t('agencyGone')}</p>}
      {!gone && !data && <Awaited error={asking.error} refetch={asking.refetch} />}
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
