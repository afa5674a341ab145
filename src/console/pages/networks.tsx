import { Link } from '@tanstack/react-router';
import { Form, Input } from 'antd';
import { useState } from 'react';
import { createNetwork, listNetworks } from '../../resources/networks/network.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { displayName, NAME, WORKSPACE } from '../parts/resources.ts';
import { useRules } from '../parts/rules.ts';
import { State, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Network = ResponseOf<typeof listNetworks>['items'][number];

const CREATE = 'modelarts:network:create';
const MOST = 500;

/** The networks on which dedicated pools are. */
export default function Networks() {
  const t = useTexts();
  const { workspace } = useSettings();
  const [creating, setCreating] = useState(false);
  const create = () => setCreating(true);
  const columns: Column<Network>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(140px, 2fr)',
      show: network => (
        <Link to="/networks/$networkId" params={{ networkId: network.metadata.name }}>
          {displayName(network)}
        </Link>
      ),
    },
    { title: t('state'), key: 'state', width: '110px', show: ({ status }) => <State value={status.phase} /> },
    { title: t('cidr'), key: 'cidr', width: '170px', show: ({ spec }) => spec.cidr },
    {
      title: t('message'),
      key: 'message',
      width: 'minmax(100px, 2fr)',
      show: ({ status }) => textOf(status, 'message'),
    },
    {
      title: t('created'),
      key: 'created',
      width: '175px',
      show: ({ metadata }) => <Time at={metadata.creationTimestamp} />,
    },
  ];
  return (
    <Page
      title={t('networks')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createNetwork')}
        </Gated>
      }
    >
      <DataTable
        key={workspace}
        label={t('networks')}
        saved="networks"
        columns={columns}
        pageSize={MOST}
        page={() => queryOf(listNetworks, { query: { workspaceId: workspace, limit: MOST } })}
        read={({ items }) => ({ items, count: items.length })}
        empty={
          <Empty
            title={t('noNetworks')}
            help={t('noNetworksHelp')}
            action={{ text: t('createNetwork'), run: create, needs: CREATE }}
          />
        }
      />
      {creating && <Create workspace={workspace} close={() => setCreating(false)} />}
    </Page>
  );
}

function Create({ workspace, close }: { workspace: string; close: () => void }) {
  const t = useTexts();
  const rules = useRules(createNetwork);
  const [form] = Form.useForm<{ name: string; cidr: string }>();
  const create = async ({ name, cidr }: { name: string; cidr: string }) => {
    const metadata = { labels: { [NAME]: name, [WORKSPACE]: workspace } };
    await call(createNetwork, { body: { apiVersion: 'v1', kind: 'Network', metadata, spec: { cidr } } });
    await changed('networks');
  };
  return (
    <FormDialog
      title={t('createNetwork')}
      okText={t('create')}
      form={form}
      initial={{ cidr: '192.168.128.0/24' }}
      run={create}
      close={close}
    >
      <Form.Item
        name="name"
        label={t('name')}
        rules={[
          { required: true, message: t('required') },
          { pattern: /^[a-z][a-z0-9-]{2,23}[a-z0-9]$/, message: t('poolNameRule') },
        ]}
      >
        <Input autoFocus maxLength={25} />
      </Form.Item>
      <Form.Item name="cidr" label={t('cidr')} extra={t('cidrHelp')} rules={rules('spec', 'cidr')}>
        <Input />
      </Form.Item>
    </FormDialog>
  );
}
