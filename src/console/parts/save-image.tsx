import { Form, Input, Modal } from 'antd';
import { useState } from 'react';
import { createImage } from '../../resources/notebooks/image-saving.api.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';
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
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const save = async ({ namespace, name, tag, description = '' }: Values) => {
    setBusy(true);
    setFailure(undefined);
    try {
      const body = { namespace, name, tag, description, workspace_id: notebook.workspace_id };
      await call(createImage, { params: { id: notebook.id }, body });
      await changed('notebooks', 'images');
      close();
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  const part = { pattern: /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, message: t('imageNameRule') };
  const required = { required: true, message: t('required') };
  return (
    <Modal
      open
      title={t('saveImageOf', { name: notebook.name })}
      okText={t('saveImage')}
      cancelText={t('cancel')}
      okButtonProps={{ loading: busy }}
      onOk={form.submit}
      onCancel={close}
    >
      <p>{t('saveImageHelp')}</p>
      <Form<Values> form={form} layout="vertical" initialValues={{ tag: '1.0' }} onFinish={values => void save(values)}>
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
      </Form>
      {failure !== undefined && <ErrorView error={failure} />}
    </Modal>
  );
}
