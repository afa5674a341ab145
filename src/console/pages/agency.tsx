import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { showAgency, updateAgency } from '../../resources/iam/policy.api.ts';
import { call, changed, useCall } from '../call.ts';
import {
  AgencyFields,
  type AgencyValues,
  agencyBody,
  agencyValues,
  DeleteAgency,
  durationText,
  trustText,
} from '../iam/agency-fields.tsx';
import { Grants } from '../iam/grants.tsx';
import { useGoOn } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

/** One agency: whom it trusts and what it may do. */
export default function AgencyPage() {
  const t = useTexts();
  const goOn = useGoOn();
  const { agencyId = '' } = useParams({ strict: false });
  const [dialog, setDialog] = useState<'edit' | 'delete'>();
  const params = { agency_id: agencyId };
  const { data, error, refetch } = useCall(showAgency, { params }, { live: ['agencies'] });
  if (!data)
    return <Page title={t('agency')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
  const { agency } = data;
  const name = textOf(agency, 'name');
  const close = () => setDialog(undefined);
  return (
    <Page
      title={name}
      actions={
        <>
          <Gated action="iam:agencies:updateAgency" onClick={() => setDialog('edit')}>
            {t('edit')}
          </Gated>
          <Gated action="iam:agencies:deleteAgency" danger onClick={() => setDialog('delete')}>
            {t('delete')}
          </Gated>
        </>
      }
    >
      <div className="card">
        <Facts
          facts={[
            [t('trusted'), trustText(agency)],
            [t('validity'), durationText(t, agency)],
            [t('expires'), textOf(agency, 'expire_time') && <Time key="expires" at={textOf(agency, 'expire_time')} />],
            [t('description'), textOf(agency, 'description')],
            [t('id'), agencyId],
            [t('created'), <Time key="created" at={textOf(agency, 'create_time')} />],
          ]}
        />
        <p style={{ margin: '12px 0 0' }}>
          <Link to="/iam/simulator" search={{ agency: agencyId } as object}>
            {t('simulateFor', { name })}
          </Link>
        </p>
      </div>
      <h2 style={{ margin: 0 }}>{t('permissions')}</h2>
      <Grants kind="agency" id={agencyId} name={name} />
      {dialog === 'edit' && (
        <FormDialog<AgencyValues>
          title={t('editNamed', { name })}
          okText={t('save')}
          initial={agencyValues(agency)}
          run={async values => {
            await call(updateAgency, { params, body: { agency: agencyBody(values) } });
            await changed('iam');
          }}
          close={close}
        >
          <AgencyFields />
        </FormDialog>
      )}
      {dialog === 'delete' && (
        <DeleteAgency agency={agency} close={close} after={() => goOn({ to: '/iam/agencies' })} />
      )}
    </Page>
  );
}
