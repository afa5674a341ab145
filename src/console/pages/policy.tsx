import { Link, useParams } from '@tanstack/react-router';
import { App } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { listAssignments } from '../../resources/iam/assignment.api.ts';
import { showRole, updateCustomPolicy } from '../../resources/iam/policy.api.ts';
import { call, changed, useCall } from '../call.ts';
import { DeletePolicy } from '../iam/delete-policy.tsx';
import { nameOf, type Role, roleOf, useAgencies, useGroups, useUsers } from '../iam/names.ts';
import { draftsOf, readOfSystem } from '../iam/policy-document.ts';
import { PolicyForm } from '../iam/policy-form.tsx';
import { PolicyWords } from '../iam/policy-words.tsx';
import { useGoOn } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';
import '../iam/iam.css';

const JsonEditor = lazy(() => import('../parts/json-editor.tsx'));

/** One policy: what it does, who holds it; a custom one can be changed. */
export default function PolicyPage() {
  const t = useTexts();
  const goOn = useGoOn();
  const { message } = App.useApp();
  const { policyId = '' } = useParams({ strict: false });
  const [deleting, setDeleting] = useState(false);
  const { data, error, refetch } = useCall(showRole, { params: { role_id: policyId } }, { live: ['custom-policies'] });
  if (!data)
    return <Page title={t('policy')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
  const role = roleOf(data.role);
  const text = JSON.stringify(role.document, null, 2);
  if (!role.custom) return <SystemPolicy role={role} text={text} />;
  return (
    <Page
      title={role.name}
      actions={
        <Gated action="iam:roles:deleteRole" danger onClick={() => setDeleting(true)}>
          {t('delete')}
        </Gated>
      }
    >
      <Holders role={role} />
      <PolicyForm
        key={role.id}
        initial={{ name: role.name, description: role.description }}
        text={text}
        action="iam:roles:updateRole"
        saveText={t('save')}
        save={async body => {
          await call(updateCustomPolicy, { params: { role_id: role.id }, body });
          await changed('iam');
          void message.success(t('saved'));
        }}
      />
      {deleting && (
        <DeletePolicy role={role} close={() => setDeleting(false)} after={() => goOn({ to: '/iam/policies' })} />
      )}
    </Page>
  );
}

function SystemPolicy({ role, text }: { role: Role; text: string }) {
  const t = useTexts();
  const drafts = draftsOf(readOfSystem(text)) ?? [];
  return (
    <Page title={role.name} help={`${t(role.isRole ? 'systemRole' : 'systemPolicy')}. ${role.description}`}>
      <Holders role={role} />
      {drafts.length > 0 && (
        <section className="card">
          <h2>{t('inWords')}</h2>
          <PolicyWords drafts={drafts} />
        </section>
      )}
      <div className="card">
        <Suspense fallback={<span className="bone" title={t('loading')} />}>
          <JsonEditor label={t('policyDocument')} text={text} readOnly />
        </Suspense>
      </div>
    </Page>
  );
}

const PLACES = { group: '/iam/groups/', user: '/iam/users/', agency: '/iam/agencies/' } as const;

/** Who holds the policy, each once. */
function Holders({ role }: { role: Role }) {
  const t = useTexts();
  const query = { role_id: role.id, per_page: 50 };
  const { data, error, refetch } = useCall(listAssignments, { query }, { live: ['grants'] });
  const names = { group: useGroups(), user: useUsers(), agency: useAgencies() };
  const found = new Map<string, { place: string; name: string }>();
  for (const grant of data?.role_assignments ?? []) {
    for (const kind of ['group', 'user', 'agency'] as const) {
      const id = textOf(grant, kind, 'id');
      if (id) found.set(id, { place: PLACES[kind] + id, name: nameOf(names[kind].data, id) });
    }
  }
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  const waits = !data || (found.size > 0 && Object.values(names).some(({ isLoading }) => isLoading));
  return (
    <p className="card">
      {t('heldBy')}{' '}
      {waits ? (
        <span className="bone" title={t('loading')} />
      ) : found.size === 0 ? (
        t('nobody')
      ) : (
        [...found].map(([id, { place, name }], at) => (
          <span key={id}>
            {at > 0 && ', '}
            <Link to={place}>{name}</Link>
          </span>
        ))
      )}
    </p>
  );
}
