import { useNavigate, useSearch } from '@tanstack/react-router';
import { Form, Input, InputNumber } from 'antd';
import { useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import { call, changed } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { useRules } from '../parts/rules.ts';
import { configOf, Entries, type Entry, sharesAll } from '../services/service-form.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

interface Values {
  name: string;
  description?: string;
  entries: Entry[];
  autoStop?: number;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Deploys AI applications as a real-time service. `?model=` chooses the first one. */
export default function DeployService() {
  const t = useTexts();
  const navigate = useNavigate();
  const rules = useRules(serviceApis.create);
  const { workspace } = useSettings();
  const { model }: { model?: string } = useSearch({ strict: false });
  const [form] = Form.useForm<Values>();
  const [outcome, setOutcome] = useState<'busy' | { failure: unknown }>();
  const deploy = async () => {
    const values = await form.validateFields().catch(() => undefined);
    if (!values) return;
    if (!sharesAll(values.entries)) return setOutcome({ failure: new Error(t('trafficRule')) });
    setOutcome('busy');
    try {
      const { service_id } = await call(serviceApis.create, {
        body: {
          service_name: values.name,
          description: values.description ?? '',
          infer_type: 'real-time',
          workspace_id: workspace,
          config: configOf(values.entries),
          ...(values.autoStop ? { schedule: [{ type: 'stop', time_unit: 'HOURS', duration: values.autoStop }] } : {}),
        },
      });
      await changed('services');
      await navigate({ to: '/services/$serviceId', params: { serviceId: service_id } });
    } catch (failure) {
      setOutcome({ failure });
    }
  };
  return (
    <Page title={t('deployService')}>
      <Form<Values>
        className="card form"
        form={form}
        layout="vertical"
        initialValues={{ entries: [{ weight: 100, instances: 1, ...(model ? { model } : {}) }] }}
        onValuesChange={() => setOutcome(undefined)}
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
        <Entries form={form} />
        <Form.Item name="autoStop" label={t('autoStop')} style={{ marginTop: 16 }}>
          <InputNumber min={1} precision={0} />
        </Form.Item>
        <div aria-live="polite">
          {typeof outcome === 'object' && <ErrorView error={outcome.failure} title={t('notDeployed')} />}
        </div>
        <Gated action="modelarts:service:create" type="primary" loading={outcome === 'busy'} onClick={deploy}>
          {t('deploy')}
        </Gated>
      </Form>
    </Page>
  );
}
