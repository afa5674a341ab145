import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { createAgency, listAgencies } from '../../resources/iam/policy.api.ts';
import { call, changed, queryOf } from '../call.ts';
import {
  AgencyFields,
  type AgencyValues,
  agencyBody,
  DeleteAgency,
  durationText,
  trustText,
} from '../iam/agency-fields.tsx';
import type { Column } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { WholeList } from '../parts/whole-list.tsx';
import { Time } from '../parts/words.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';

type Agency = Record<string, unknown>;
const CREATE = 'iam:agencies:createAgency';

/** Delegations: what others, ModelArts or another account, may do here. */
export default function Agencies() {
  const t = useTexts();
  const { account } = useSession();
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<Agency>();
  const create = () => setCreating(true);
  const columns: Column<Agency>[] = [
    {
      title: t('name'),
      width: 'minmax(160px, 2fr)',
      show: agency => (
        <Link to="/iam/agencies/$agencyId" params={{ agencyId: textOf(agency, 'id') }}>
          {textOf(agency, 'name')}
        </Link>
      ),
    },
    { title: t('trusted'), width: 'minmax(120px, 1fr)', show: agency => trustText(agency) },
    { title: t('validity'), width: '120px', show: agency => durationText(t, agency) },
    { title: t('description'), width: 'minmax(120px, 2fr)', show: agency => textOf(agency, 'description') },
    { title: t('created'), width: '175px', show: agency => <Time at={textOf(agency, 'create_time')} /> },
    {
      title: t('actions'),
      width: '100px',
      show: agency => (
        <Gated
          action="iam:agencies:deleteAgency"
          size="small"
          danger
          aria-label={t('deleteNamed', { name: textOf(agency, 'name') })}
          onClick={() => setDeleting(agency)}
        >
          {t('delete')}
        </Gated>
      ),
    },
  ];
  return (
    <Page
      title={t('agencies')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createAgency')}
        </Gated>
      }
    >
      <WholeList
        label={t('agencies')}
        columns={columns}
        query={queryOf(listAgencies, {}, ['agencies'])}
        read={({ agencies }) => agencies}
        textOf={agency => `${textOf(agency, 'name')} ${textOf(agency, 'description')}`}
        empty={
          <Empty
            title={t('noAgenciesYet')}
            help={t('noAgenciesHelp')}
            action={{ text: t('createAgency'), run: create, needs: CREATE }}
          />
        }
      />
      {creating && (
        <FormDialog<AgencyValues>
          title={t('createAgency')}
          okText={t('create')}
          initial={{ trust: 'service', life: 'FOREVER' }}
          run={async ({ name = '', ...values }) => {
            await call(createAgency, { body: { agency: { name, domain_id: account.id, ...agencyBody(values) } } });
            await changed('iam');
          }}
          close={() => setCreating(false)}
        >
          <AgencyFields isNew />
        </FormDialog>
      )}
      {deleting && <DeleteAgency agency={deleting} close={() => setDeleting(undefined)} />}
    </Page>
  );
}
