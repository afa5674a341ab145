import { Form, Input, InputNumber, Select } from 'antd';
import { listImage } from '../../resources/images/image.api.ts';
import { createNotebook, listNotebookFlavors } from '../../resources/notebooks/notebook.api.ts';
import type { BodyOf } from '../../wire/operation.ts';
import { call, changed, useCall } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { CreateForm } from '../parts/create-form.tsx';
import { HOUR_MS } from '../parts/notebook.tsx';
import { Page } from '../parts/page.tsx';
import { PoolField, usePoolsFor } from '../parts/pool-field.tsx';
import { diskOf } from '../parts/resources.ts';
import { useRules } from '../parts/rules.ts';
import { type SshAccess, SshFields, sshEndpoint } from '../parts/ssh-fields.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

interface Values extends SshAccess {
  name: string;
  description?: string;
  image: string;
  pool: string;
  flavor: string;
  category: 'EVS' | 'EFS';
  capacity: number;
  stop: 'timing' | 'idle';
  hours: number;
}

const CREATE = 'modelarts:notebook:create';
const HOURS = [1, 2, 4, 6, 12, 24];

/** A notebook instance: image, place, size, storage, when it stops by itself, and SSH. */
export default function CreateNotebook() {
  const t = useTexts();
  const goOn = useGoOn();
  const rules = useRules(createNotebook);
  const { workspace } = useSettings();
  const [form] = Form.useForm<Values>();
  const images = useCall(listImage, { query: { workspace_id: workspace, limit: 500 } });
  const flavors = useCall(listNotebookFlavors, { query: { limit: 1000 } });
  const inPool = Form.useWatch('pool', form);
  const disk = diskOf(usePoolsFor('Notebook')?.find(pool => pool.metadata.name === inPool));
  const usable = (images.data?.data ?? []).filter(image => image.dev_services.length > 0 && image.status === 'ACTIVE');
  const required = { required: true, message: t('required') };

  async function create(values: Values): Promise<void> {
    const { id } = await call(createNotebook, { body: bodyOf(values, workspace) });
    await changed('notebooks');
    await goOn({ to: '/notebooks/$notebookId', params: { notebookId: id } });
  }

  return (
    <Page title={t('createNotebook')}>
      <CreateForm<Values>
        form={form}
        initialValues={{ pool: '', category: 'EVS', capacity: 5, stop: 'timing', hours: 1 }}
        send={create}
        action={CREATE}
        submit={t('create')}
      >
        <Form.Item
          name="name"
          label={t('name')}
          rules={[required, { pattern: /^[\w-]{1,64}$/, message: t('notebookNameRule') }]}
        >
          <Input autoFocus maxLength={64} />
        </Form.Item>
        <Form.Item
          name="description"
          label={t('description')}
          rules={[{ pattern: /^[^&<>"'/]{0,512}$/, message: t('plainTextRule') }]}
        >
          <Input.TextArea rows={2} maxLength={512} />
        </Form.Item>
        <Form.Item name="image" label={t('image')} rules={[required]}>
          <Select
            {...untilRead(images)}
            options={usable.map(({ id, name, tag, type }) => ({
              value: id,
              label: `${name}:${tag}${type === 'BUILD_IN' ? '' : ` (${t('ownImage')})`}`,
            }))}
          />
        </Form.Item>
        <div className="row">
          <PoolField type="Notebook" action={CREATE} help="poolHelp" />
          <Form.Item name="flavor" label={t('flavor')} rules={[required]}>
            <Select
              {...untilRead(flavors)}
              options={(flavors.data?.flavors ?? []).map(({ id, vcpus, memory }) => ({
                value: id,
                label: t('flavorIs', { id, vcpus, memory: Math.round(memory / 1024 ** 2) }),
              }))}
            />
          </Form.Item>
        </div>
        <div className="row">
          <Form.Item name="category" label={t('storage')} extra={t('storageHelp')}>
            <Select
              options={[
                { value: 'EVS', label: t('storageEvs') },
                { value: 'EFS', label: t('storageEfs') },
              ]}
              onChange={category => form.setFieldsValue({ capacity: category === 'EFS' ? 50 : 5 })}
            />
          </Form.Item>
          <Form.Item
            name="capacity"
            label={t('capacityGb')}
            rules={[required, ...rules('volume', 'capacity')]}
            {...(disk ? { extra: t('poolDiskFree', disk) } : {})}
          >
            <InputNumber min={5} max={4096} precision={0} style={{ width: '100%' }} />
          </Form.Item>
        </div>
        <div className="row">
          <Form.Item name="stop" label={t('autoStopKind')} extra={t('autoStopHelp')}>
            <Select
              options={[
                { value: 'timing', label: t('stopAfterTime') },
                { value: 'idle', label: t('stopWhenIdle') },
              ]}
            />
          </Form.Item>
          <Form.Item name="hours" label={t('hours')}>
            <Select options={HOURS.map(value => ({ value, label: String(value) }))} />
          </Form.Item>
        </div>
        <SshFields />
      </CreateForm>
    </Page>
  );
}

function bodyOf(values: Values, workspace: string): BodyOf<typeof createNotebook> {
  const { name, description = '', image, pool, flavor, category, capacity, stop, hours } = values;
  return {
    name,
    description,
    feature: 'NOTEBOOK',
    image_id: image,
    flavor,
    workspace_id: workspace,
    ...(pool ? { pool_id: pool } : {}),
    volume: { category, ownership: 'MANAGED', capacity },
    lease: { type: stop, duration: hours * HOUR_MS },
    ...sshEndpoint(values),
  };
}
