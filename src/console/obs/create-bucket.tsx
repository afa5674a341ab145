import { Form, Input, Select, Switch } from 'antd';
import { changed } from '../call.ts';
import { useGoOn } from '../parts/act.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { STORAGE_CLASSES } from './buckets.ts';
import { LIVE_BUCKETS, obs } from './obs.ts';
import { encryptionXml, versioningXml } from './settings.ts';
import { xml } from './xml.ts';

interface Values {
  name: string;
  location: string;
  storageClass: string;
  kind: 'OBJECT' | 'POSIX';
  versioning: boolean;
  encryption: boolean;
}

/** Makes a bucket; its settings follow, and what of them was refused is told while the bucket is there. */
export function CreateBucket({ close }: { close: () => void }) {
  const t = useTexts();
  const goOn = useGoOn();
  const { region } = useSession();
  const [form] = Form.useForm<Values>();
  const kind = Form.useWatch('kind', form);
  const create = async (values: Values) => {
    const bucket = values.name;
    await obs(
      'PUT',
      { bucket },
      {
        headers: {
          'x-obs-storage-class': values.storageClass,
          ...(values.kind === 'POSIX' ? { 'x-obs-fs-file-interface': 'Enabled' } : {}),
        },
        body: String(xml('CreateBucketConfiguration', xml('Location', values.location))),
      },
    );
    if (values.versioning && values.kind === 'OBJECT') {
      await obs('PUT', { bucket }, { query: { versioning: '' }, body: versioningXml('Enabled') });
    }
    if (values.encryption) await obs('PUT', { bucket }, { query: { encryption: '' }, body: encryptionXml() });
    await changed(...LIVE_BUCKETS);
    await goOn({ to: '/buckets/$bucketName', params: { bucketName: bucket } });
  };
  return (
    <FormDialog<Values>
      title={t('createBucket')}
      okText={t('create')}
      form={form}
      initial={{ location: region, storageClass: 'STANDARD', kind: 'OBJECT', versioning: false, encryption: false }}
      run={create}
      close={close}
    >
      <Form.Item
        name="name"
        label={t('name')}
        extra={t('bucketNameHelp')}
        rules={[
          { required: true, message: t('required') },
          {
            pattern: /^(?!.*(\.\.|\.-|-\.))(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
            message: t('bucketNameRule'),
          },
        ]}
      >
        <Input autoFocus maxLength={63} />
      </Form.Item>
      <div className="row">
        <Form.Item name="location" label={t('location')} rules={[{ required: true, message: t('required') }]}>
          <Input />
        </Form.Item>
        <Form.Item name="storageClass" label={t('storageClass')}>
          <Select options={STORAGE_CLASSES.map(value => ({ value, label: value }))} />
        </Form.Item>
        <Form.Item name="kind" label={t('bucketKind')}>
          <Select
            options={[
              { value: 'OBJECT', label: t('objectBucket') },
              { value: 'POSIX', label: t('fileSystem') },
            ]}
          />
        </Form.Item>
      </div>
      <div className="row">
        <Form.Item name="versioning" label={t('versioning')} extra={t('versioningHelp')} valuePropName="checked">
          <Switch disabled={kind === 'POSIX'} />
        </Form.Item>
        <Form.Item name="encryption" label={t('encryption')} extra={t('encryptionHelp')} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
    </FormDialog>
  );
}
