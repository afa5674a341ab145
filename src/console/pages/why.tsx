import { Link, useSearch } from '@tanstack/react-router';
import { Explanation } from '../iam/explanation.tsx';
import { nameOf, useAgencies, useUsers } from '../iam/names.ts';
import { Empty } from '../parts/empty.tsx';
import { Facts } from '../parts/facts.tsx';
import { useMay } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';

interface Search {
  action?: string;
  resource?: string;
  context?: Record<string, string>;
  user?: string;
  agency?: string;
  workspace?: string;
}

/** Why somebody was denied something; the address says who and what, so that it can be sent to an administrator. */
export default function Why() {
  const t = useTexts();
  const { user: me } = useSession();
  const { action, resource, context, user, agency, workspace }: Search = useSearch({ strict: false });
  const own = (user ?? agency ?? me.id) === me.id;
  const users = useUsers(useMay('iam:users:listUsers') && !own && user !== undefined);
  const agencies = useAgencies(useMay('iam:agencies:listAgencies') && !own && agency !== undefined);
  const id = user ?? agency ?? me.id;
  const name = own ? me.name : nameOf((user === undefined ? agencies : users).data, id);
  if (action === undefined) {
    return (
      <Page title={t('whyDenied')}>
        <div className="card">
          <Empty title={t('nothingAsked')} help={t('nothingAskedHelp')} />
        </div>
      </Page>
    );
  }
  return (
    <Page title={t('whyDenied')}>
      <div className="card">
        <Facts
          facts={[
            [t('who'), name],
            [t('action'), <code key="action">{action}</code>],
            [t('resource'), resource ? <code key="resource">{resource}</code> : t('allOfTheType')],
            [
              t('conditions'),
              context && Object.keys(context).length > 0 && (
                <span key="context" className="filters">
                  {Object.entries(context).map(([key, value]) => (
                    <code key={key}>{`${key} = ${value}`}</code>
                  ))}
                </span>
              ),
            ],
          ]}
        />
      </div>
      <Explanation
        question={{
          who: { kind: own ? 'self' : user === undefined ? 'agency' : 'user', id },
          action,
          resource,
          context,
          workspace,
        }}
      />
      <p>
        <Link to="/iam/simulator" search={{ action, resource, context, user, agency } as object}>
          {t('askSimulator')}
        </Link>
      </p>
    </Page>
  );
}
