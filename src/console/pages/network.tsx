import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { Alert } from 'antd';
import { useState } from 'react';
import { deleteNetwork, showNetwork, showNetworkAvailableIp } from '../../resources/networks/network.api.ts';
import { listPools } from '../../resources/pools/pool.api.ts';
import { call, changed, useCall } from '../call.ts';
import { ConfirmByName } from '../parts/confirm-by-name.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { displayName, WORKSPACE } from '../parts/resources.ts';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

/** One network: its addresses, and the pools that are on it. */
export default function NetworkPage() {
  const t = useTexts();
  const navigate = useNavigate();
  const { networkId = '' } = useParams({ strict: false });
  const [deleting, setDeleting] = useState(false);
  const params = { network_name: networkId };
  const { data: network, error, refetch } = useCall(showNetwork, { params });
  const addresses = useCall(showNetworkAvailableIp, { params }, { live: ['workloads'] }).data?.subnetIpAvailability[0];
  const workspaceId = textOf(network, 'metadata', 'labels', WORKSPACE);
  const pools = useCall(listPools, { query: { workspaceId } }, { enabled: network !== undefined }).data?.items ?? [];
  const on = pools.filter(pool => textOf(pool.spec, 'network', 'name') === networkId);
  if (!network) {
    return <Page title={t('network')}>{error && <ErrorView error={error} retry={() => void refetch()} />}</Page>;
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
            [t('addresses'), addresses && `${addresses.usedIps} / ${addresses.totalIps}`],
            [
              t('pools'),
              on.length > 0 && (
                <span key="pools" className="filters">
                  {on.map(pool => (
                    <Link key={pool.metadata.name} to="/pools/$poolId" params={{ poolId: pool.metadata.name }}>
                      {displayName(pool)}
                    </Link>
                  ))}
                </span>
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
            await changed('networks');
            await navigate({ to: '/networks' });
          }}
        />
      )}
    </Page>
  );
}
