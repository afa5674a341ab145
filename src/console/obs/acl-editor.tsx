import { App, Button, Input, Select } from 'antd';
import { useState } from 'react';
import { changed } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { LIVE_BUCKETS, obs, obsXml, useObs } from './obs.ts';
import { textAt, within, xml } from './xml.ts';

const PERMISSIONS = ['READ', 'WRITE', 'READ_ACP', 'WRITE_ACP', 'FULL_CONTROL'] as const;
const GROUPS = ['Everyone', 'AuthenticatedUsers', 'LogDelivery'] as const;

interface Grant {
  /** A group, or ''. */
  group: string;
  account: string;
  permission: string;
  delivered: boolean;
}

interface Acl {
  owner: string;
  grants: Grant[];
}

/** The access control list of a bucket: whole accounts and groups, and what each may do. */
export function AclEditor({ bucket }: { bucket: string }) {
  const t = useTexts();
  const { message } = App.useApp();
  const { data, error, refetch } = useObs(['acl', bucket], signal => aclOf(bucket, signal));
  const [changedGrants, setGrants] = useState<Grant[]>();
  const { acting, act } = useAct();
  const [failure, setFailure] = useState<unknown>();
  const grants = changedGrants ?? data?.grants ?? [];
  const change = (at: number, part: Partial<Grant>) =>
    setGrants(grants.map((grant, index) => (index === at ? { ...grant, ...part } : grant)));
  const incomplete = grants.some(({ group, account }) => group === '' && account.trim() === '');
  const save = async () => {
    setFailure(undefined);
    try {
      await obs('PUT', { bucket }, { query: { acl: '' }, body: aclXml(data!.owner, grants) });
      await changed(...LIVE_BUCKETS);
      // What was changed meanwhile is not saved yet.
      setGrants(now => (now === changedGrants ? undefined : now));
      void message.success(t('saved'));
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  return (
    <section className="card" aria-label={t('acl')}>
      <h2>{t('acl')}</h2>
      <p className="soft">{t('aclHelp')}</p>
      {error && <ErrorView error={error} retry={() => void refetch()} />}
      {!data && !error && <span className="bone" title={t('loading')} />}
      {data && (
        <>
          {grants.map((grant, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: grants have no other identity
            <div key={at} className="row grant">
              <Select
                aria-label={t('grantee')}
                value={grant.group}
                onChange={group => change(at, { group })}
                options={[
                  { value: '', label: t('account') },
                  ...GROUPS.map(value => ({ value, label: t(`group${value}`) })),
                ]}
              />
              <Input
                aria-label={t('accountId')}
                placeholder={t('accountId')}
                disabled={grant.group !== ''}
                value={grant.group === '' ? grant.account : ''}
                suffix={grant.group === '' && grant.account === data.owner ? t('bucketOwner') : undefined}
                onChange={event => change(at, { account: event.target.value })}
              />
              <Select
                aria-label={t('permission')}
                value={grant.permission}
                onChange={permission => change(at, { permission })}
                options={PERMISSIONS.map(value => ({ value, label: t(`acl${value}`) }))}
              />
              <Button
                className="narrow"
                type="text"
                aria-label={t('remove', { name: at + 1 })}
                onClick={() => setGrants(grants.filter((_, index) => index !== at))}
              >
                ×
              </Button>
            </div>
          ))}
          <p>
            <Button
              type="dashed"
              onClick={() => setGrants([...grants, { group: '', account: '', permission: 'READ', delivered: false }])}
            >
              + {t('addGrant')}
            </Button>
          </p>
          {failure !== undefined && <ErrorView error={failure} />}
          <div className="filters">
            <Button
              type="primary"
              loading={acting === 'save'}
              disabled={changedGrants === undefined || incomplete}
              onClick={() => act('save', save)}
            >
              {t('save')}
            </Button>
            <Button disabled={changedGrants === undefined} onClick={() => setGrants(undefined)}>
              {t('undo')}
            </Button>
          </div>
        </>
      )}
    </section>
  );
}

async function aclOf(bucket: string, signal: AbortSignal): Promise<Acl> {
  const tree = await obsXml('GET', { bucket }, { query: { acl: '' }, signal });
  const list = within(tree, 'AccessControlList')[0];
  return {
    owner: textAt(tree, 'Owner', 'ID'),
    grants: (list ? within(list, 'Grant') : []).map(grant => ({
      group: textAt(grant, 'Grantee', 'Canned'),
      account: textAt(grant, 'Grantee', 'ID'),
      permission: textAt(grant, 'Permission'),
      delivered: textAt(grant, 'Delivered') === 'true',
    })),
  };
}

function aclXml(owner: string, grants: readonly Grant[]): string {
  const list = grants.map(({ group, account, permission, delivered }) =>
    xml(
      'Grant',
      xml('Grantee', group === '' ? xml('ID', account.trim()) : xml('Canned', group)),
      xml('Permission', permission),
      xml('Delivered', String(delivered)),
    ),
  );
  return String(xml('AccessControlPolicy', xml('Owner', xml('ID', owner)), xml('AccessControlList', ...list)));
}
