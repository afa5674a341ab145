import { Link, useParams } from '@tanstack/react-router';
import { Alert } from 'antd';
import { useState } from 'react';
import { deleteNetwork, showNetwork, showNetworkAvailableIp } from '../../resources/networks/network.api.ts';
import { listPools } from '../../resources/pools/pool.api.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { displayName, WORKSPACE } from '../parts/resources.ts';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

/** One network: its addresses, and the pools that are on it. */
export default function NetworkPage() {
  const t = useTexts();
  const goOn = useGoOn();
  const { networkId = '' } = useParams({ strict: false });
  const [deleting, setDeleting] = useState(false);
  const params = { network_name: networkId };
  const { data: network, error, refetch } = useCall(showNetwork, { params });
  const available = useCall(showNetworkAvailableIp, { params }, { live: ['workloads'] });
  const addresses = available.data?.subnetIpAvailability[0];
  const workspaceId = textOf(network, 'metadata', 'labels', WORKSPACE);
  const pools = useCall(listPools, { query: { workspaceId } }, { enabled: network !== undefined });
  const on = (pools.data?.items ?? []).filter(pool => textOf(pool.spec, 'network', 'name') === networkId);
  if (!network) {
    return (
      <Page title={t('network')}>
        <Awaited error={error} refetch={refetch} />
      </Page>
    );
  }
  const name = displayName(network);
  const message = textOf(network.status, 'message');
  return (
    <Page
      title={name}
      actions={
        <Gated action="modelarts:network:delete" danger onClick={() => setDeleting(true)}>
          {t('delete')}
        </Gated>
      }
    >
      {message && <Alert type="warning" showIcon title={message} />}
      <div className="card">
        <Facts
          facts={[
            [t('state'), <State key="state" value={network.status.phase} />],
            [t('cidr'), network.spec.cidr],
            [
              t('addresses'),
              available.data ? (
                addresses && `${addresses.usedIps} / ${addresses.totalIps}`
              ) : (
                <Awaited key="addresses" error={available.error} refetch={available.refetch} />
              ),
            ],
            [
              t('pools'),
              !pools.data ? (
                <Awaited key="pools" error={pools.error} refetch={pools.refetch} />
              ) : (
                on.length > 0 && (
                  <span key="pools" className="filters">
                    {on.map(pool => (
                      <Link key={pool.metadata.name} to="/pools/$poolId" params={{ poolId: pool.metadata.name }}>
                        {displayName(pool)}
                      </Link>
                    ))}
                  </span>
                )
              ),
            ],
            [t('created'), <Time key="time" at={network.metadata.creationTimestamp} />],
          ]}
        />
      </div>
      {deleting && (
        <ConfirmByName
          title={t('deleteNetwork', { name })}
          help={t('deleteNetworkHelp')}
          name={name}
          close={() => setDeleting(false)}
          run={async () => {
            await call(deleteNetwork, { params });
            await goOn({ to: '/networks' });
            await changed('networks');
          }}
        />
      )}
    </Page>
  );
}
