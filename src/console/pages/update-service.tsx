import { useNavigate, useParams } from '@tanstack/react-router';
import { Form, Input } from 'antd';
import { useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { configOf, Entries, type Entry, sharesAll } from '../services/service-form.tsx';
import { useTexts } from '../texts/index.ts';

interface Values {
  description?: string;
  entries: Entry[];
}

/** Changes a service while it runs: which versions answer, and how much of the traffic each gets. */
export default function UpdateService() {
  const t = useTexts();
  const { serviceId = '' } = useParams({ strict: false });
  const { data: service, error } = useCall(serviceApis.show, { params: { service_id: serviceId } });
  return (
    <Page title={service ? t('updateNamed', { name: service.service_name }) : t('updateService')}>
      {error && !service && <ErrorView error={error} />}
      {service && <UpdateForm service={service} />}
    </Page>
  );
}

function UpdateForm({ service }: { service: ResponseOf<typeof serviceApis.show> }) {
  const t = useTexts();
  const navigate = useNavigate();
  const [form] = Form.useForm<Values>();
  const [outcome, setOutcome] = useState<'busy' | { failure: unknown }>();
  const { service_id } = service;
  const update = async () => {
    const values = await form.validateFields().catch(() => undefined);
    if (!values) return;
    if (!sharesAll(values.entries)) return setOutcome({ failure: new Error(t('trafficRule')) });
    setOutcome('busy');
    try {
      const body = { description: values.description ?? '', config: configOf(values.entries, service.config) };
      await call(serviceApis.update, { params: { service_id }, body });
      await changed('services');
      await navigate({ to: '/services/$serviceId', params: { serviceId: service_id } });
    } catch (failure) {
      setOutcome({ failure });
    }
  };
  return (
    <Form<Values>
      className="card form"
      form={form}
      layout="vertical"
      initialValues={{
        description: service.description,
        entries: service.config.map(entry => ({
          model: entry.model_id,
          weight: entry.weight,
          flavor: entry.specification,
          instances: entry.instance_count,
          variables: Object.entries(entry.envs)
            .map(([name, value]) => `${name}=${value}`)
            .join('\n'),
        })),
      }}
      onValuesChange={() => setOutcome(undefined)}
    >
      <Form.Item
        name="description"
        label={t('description')}
        rules={[{ max: 100, message: t('tooLong', { limit: 100 }) }]}
      >
        <Input.TextArea rows={2} />
      </Form.Item>
      <Entries form={form} />
      <div aria-live="polite" style={{ marginTop: 16 }}>
        {typeof outcome === 'object' && <ErrorView error={outcome.failure} title={t('notUpdated')} />}
      </div>
      <Gated action="modelarts:service:update" type="primary" loading={outcome === 'busy'} onClick={update}>
        {t('update')}
      </Gated>
    </Form>
  );
}
