import { useSearch } from '@tanstack/react-router';
import { Form, Input, InputNumber } from 'antd';
import { serviceApis } from '../../resources/services/service.api.ts';
import { call, changed } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { CreateForm } from '../parts/create-form.tsx';
import { Page } from '../parts/page.tsx';
import { PoolField } from '../parts/pool-field.tsx';
import { useRules } from '../parts/rules.ts';
import { configOf, Entries, type Entry, sharesAll } from '../services/service-form.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

interface Values {
  name: string;
  description?: string;
  pool: string;
  entries: Entry[];
  autoStop?: number;
}

const CREATE = 'modelarts:service:create';
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Deploys AI applications as a real-time service. `?model=` chooses the first one. */
export default function DeployService() {
  const t = useTexts();
  const goOn = useGoOn();
  const rules = useRules(serviceApis.create);
  const { workspace } = useSettings();
  const { model }: { model?: string } = useSearch({ strict: false });
  const [form] = Form.useForm<Values>();
  const deploy = async (values: Values) => {
    if (!sharesAll(values.entries)) throw new Error(t('trafficRule'));
    const { service_id } = await call(serviceApis.create, {
      body: {
        service_name: values.name,
        description: values.description ?? '',
        infer_type: 'real-time',
        workspace_id: workspace,
        config: configOf(values.entries),
        ...(values.pool ? { pool_name: values.pool } : {}),
        ...(values.autoStop ? { schedule: [{ type: 'stop', time_unit: 'HOURS', duration: values.autoStop }] } : {}),
      },
    });
    await changed('services');
    await goOn({ to: '/services/$serviceId', params: { serviceId: service_id } });
  };
  return (
    <Page title={t('deployService')}>
      <CreateForm<Values>
        form={form}
        initialValues={{ pool: '', entries: [{ weight: 100, instances: 1, ...(model ? { model } : {}) }] }}
        send={deploy}
        action={CREATE}
        submit={t('deploy')}
        failed={t('notDeployed')}
      >
        <Form.Item
          name="name"
          label={t('name')}
          rules={[...rules('service_name'), { pattern: NAME, message: t('serviceNameRule') }]}
        >
          <Input autoFocus />
        </Form.Item>
        <Form.Item
          name="description"
          label={t('description')}
          rules={[{ max: 100, message: t('tooLong', { limit: 100 }) }]}
        >
          <Input.TextArea rows={2} />
        </Form.Item>
        <PoolField type="Infer" action={CREATE} help="servicePoolHelp" />
        <Entries form={form} />
        <Form.Item name="autoStop" label={t('autoStop')} style={{ marginTop: 16 }}>
          <InputNumber min={1} precision={0} />
        </Form.Item>
      </CreateForm>
    </Page>
  );
}
