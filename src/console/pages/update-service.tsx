import { useParams } from '@tanstack/react-router';
import { Form, Input } from 'antd';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { Awaited } from '../parts/awaited.tsx';
import { CreateForm } from '../parts/create-form.tsx';
import { useFresh } from '../parts/fresh.ts';
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
  const { data: service, error, refetch } = useFresh(serviceApis.show, { params: { service_id: serviceId } });
  return (
    <Page title={service ? t('updateNamed', { name: service.service_name }) : t('updateService')}>
      {service ? <UpdateForm service={service} /> : <Awaited error={error} refetch={refetch} />}
    </Page>
  );
}

function UpdateForm({ service }: { service: ResponseOf<typeof serviceApis.show> }) {
  const t = useTexts();
  const goOn = useGoOn();
  const [form] = Form.useForm<Values>();
  const { service_id } = service;
  const update = async (values: Values) => {
    if (!sharesAll(values.entries)) throw new Error(t('trafficRule'));
    const body = { description: values.description ?? '', config: configOf(values.entries, service.config) };
    await call(serviceApis.update, { params: { service_id }, body });
    await changed('services');
    await goOn({ to: '/services/$serviceId', params: { serviceId: service_id } });
  };
  return (
    <CreateForm<Values>
      form={form}
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
      send={update}
      action="modelarts:service:update"
      submit={t('update')}
      failed={t('notUpdated')}
    >
      <Form.Item
        name="description"
        label={t('description')}
        rules={[{ max: 100, message: t('tooLong', { limit: 100 }) }]}
      >
        <Input.TextArea rows={2} />
      </Form.Item>
      <Entries form={form} />
    </CreateForm>
  );
}
