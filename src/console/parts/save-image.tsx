import { Form, Input } from 'antd';
import { createImage } from '../../resources/notebooks/image-saving.api.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { FormDialog } from './form-dialog.tsx';
import type { Notebook } from './notebook.tsx';

interface Values {
  namespace: string;
  name: string;
  tag: string;
  description?: string;
}

/** Saves a running instance, with what was installed in it, as an image. */
export function SaveImage({ notebook, close }: { notebook: Notebook; close: () => void }) {
  const t = useTexts();
  const [form] = Form.useForm<Values>();
  const save = async ({ namespace, name, tag, description = '' }: Values) => {
    const body = { namespace, name, tag, description, workspace_id: notebook.workspace_id };
    await call(createImage, { params: { id: notebook.id }, body });
    await changed('notebooks', 'images');
  };
  const part = { pattern: /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, message: t('imageNameRule') };
  const required = { required: true, message: t('required') };
  return (
    <FormDialog<Values>
      title={t('saveImageOf', { name: notebook.name })}
      help={t('saveImageHelp')}
      okText={t('saveImage')}
      form={form}
      initial={{ tag: '1.0' }}
      run={save}
      close={close}
    >
      <Form.Item name="namespace" label={t('organization')} rules={[required, part]}>
        <Input autoFocus />
      </Form.Item>
      <Form.Item name="name" label={t('imageName')} rules={[required, part]}>
        <Input />
      </Form.Item>
      <Form.Item
        name="tag"
        label={t('imageTag')}
        rules={[required, { pattern: /^[\w][\w.-]{0,127}$/, message: t('invalid') }]}
      >
        <Input />
      </Form.Item>
      <Form.Item name="description" label={t('description')}>
        <Input.TextArea rows={2} maxLength={512} />
      </Form.Item>
    </FormDialog>
  );
}
