import { Link } from '@tanstack/react-router';
import { Checkbox, Form, Input, Select } from 'antd';
import { listNetworks } from '../../resources/networks/network.api.ts';
import { createPool } from '../../resources/pools/pool.api.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { CreateForm } from '../parts/create-form.tsx';
import { Page } from '../parts/page.tsx';
import { PoolFields, type PoolSize, resourcesOf } from '../parts/pool-fields.tsx';
import { displayName, NAME, WORKSPACE } from '../parts/resources.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

interface Values extends PoolSize {
  name: string;
  description?: string;
  scope: string[];
  network: string;
}

/** A dedicated resource pool: nodes of its own, on a network of its own. */
export default function CreatePool() {
  const t = useTexts();
  const goOn = useGoOn();
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const { data, error, refetch } = useCall(listNetworks, { query: { workspaceId: workspace } });
  const awaited = !data && <Awaited error={error} refetch={refetch} />;
  const required = { required: true, message: t('required') };

  async function create({ name, description, scope, network, ...size }: Values): Promise<void> {
    const pool = await call(createPool, {
      body: {
        apiVersion: 'v2',
        kind: 'Pool',
        metadata: {
          labels: { [NAME]: name, [WORKSPACE]: workspace },
          ...(description ? { annotations: { 'os.modelarts/description': description } } : {}),
        },
        spec: { type: 'Dedicate', scope, resources: resourcesOf(size), network: { name: network } },
      },
    });
    await changed('pools');
    await goOn({ to: '/pools/$poolId', params: { poolId: pool.metadata.name } });
  }

  return (
    <Page title={t('createPool')}>
      <CreateForm<Values>
        form={form}
        initialValues={{ scope: ['Train', 'Infer', 'Notebook'], resources: [{ count: 1 }] }}
        send={create}
        action="modelarts:pool:create"
        submit={t('create')}
      >
        <Form.Item
          name="name"
          label={t('name')}
          rules={[required, { pattern: /^[a-z][a-z0-9-]{2,23}[a-z0-9]$/, message: t('poolNameRule') }]}
        >
          <Input autoFocus maxLength={25} />
        </Form.Item>
        <Form.Item
          name="description"
          label={t('description')}
          rules={[{ pattern: /^[^!<>=&"'.]{0,256}$/, message: t('poolTextRule') }]}
        >
          <Input.TextArea rows={2} maxLength={256} />
        </Form.Item>
        <Form.Item name="scope" label={t('jobTypes')} rules={[{ type: 'array', min: 1, message: t('required') }]}>
          <Checkbox.Group options={['Train', 'Infer', 'Notebook']} />
        </Form.Item>
        <Form.Item
          name="network"
          label={t('network')}
          rules={[required]}
          extra={<Link to="/networks">{t('networkFirst')}</Link>}
        >
          <Select
            loading={!data && !error}
            notFoundContent={awaited || t('noNetworks')}
            options={(data?.items ?? []).map(network => ({
              value: network.metadata.name,
              label: `${displayName(network)} ${network.spec.cidr}`,
            }))}
          />
        </Form.Item>
        {error && awaited}
        <PoolFields />
      </CreateForm>
    </Page>
  );
}
