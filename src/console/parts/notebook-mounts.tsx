import { Form, Input } from 'antd';
import { useState } from 'react';
import {
  attachDynamicStorage,
  detachDynamicStorage,
  listDynamicStorages,
} from '../../resources/notebooks/storage.api.ts';
import { call, changed, useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
import { Awaited } from './awaited.tsx';
import { ErrorView } from './error-view.tsx';
import { Gated } from './gated.tsx';
import type { Notebook } from './notebook.tsx';
import { PathPicker } from './path-picker.tsx';
import { State } from './words.tsx';

interface Values {
  uri: string;
  directory: string;
}

/** Folders of buckets in a running instance. */
export function Mounts({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const mounting = useAct();
  const unmounting = useAct();
  const [form] = Form.useForm<Values>();
  const [failure, setFailure] = useState<unknown>();
  const params = { instance_id: notebook.id };
  const { data, error, refetch } = useCall(listDynamicStorages, { params }, { live: ['notebook-storage'] });
  const mount = async ({ uri, directory }: Values) => {
    setFailure(undefined);
    try {
      const body = { category: 'OBS', uri, mount_path: `/data/${directory}/` };
      await call(attachDynamicStorage, { params, body });
      form.resetFields();
      await changed('notebooks');
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  const unmount = async (storage_id: string) => {
    await call(detachDynamicStorage, { params: { ...params, storage_id } });
    await changed('notebooks');
  };
  return (
    <>
      <p className="soft">{t('mountsHelp')}</p>
      {!data && <Awaited error={error} refetch={refetch} />}
      {data?.data.length === 0 && <p className="soft">{t('noMounts')}</p>}
      <ul className="plain">
        {data?.data.map(({ id, uri, mount_path, status, failure_reason }) => (
          <li key={id}>
            <State value={status} />
            <span>{mount_path}</span>
            <span className="soft">{uri}</span>
            <span className="spring" />
            <Gated
              action="modelarts:notebook:umountStorage"
              size="small"
              disabled={unmounting.acting !== undefined && unmounting.acting !== id}
              loading={unmounting.acting === id}
              onClick={() => unmounting.act(id, () => unmount(id))}
            >
              {t('unmount')}
            </Gated>
            {failure_reason && <span className="soft note">{failure_reason}</span>}
          </li>
        ))}
      </ul>
      {notebook.status === 'RUNNING' && (
        <Form<Values>
          form={form}
          layout="vertical"
          style={{ marginTop: 16 }}
          onFinish={values => mounting.act('mount', () => mount(values))}
        >
          <div className="row">
            <Form.Item
              name="uri"
              label={t('pathInBucket')}
              rules={[
                { required: true, message: t('required') },
                { pattern: /^obs:\/\/[^/]+\/.+/, message: t('obsUriRule') },
              ]}
            >
              <PathPicker wants="folder" scheme="obs://" placeholder="obs://my-bucket/folder/" />
            </Form.Item>
            <Form.Item
              name="directory"
              label={t('directoryBelowData')}
              rules={[
                { required: true, message: t('required') },
                { pattern: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/, message: t('directoryRule') },
              ]}
            >
              <Input prefix="/data/" />
            </Form.Item>
          </div>
          {failure !== undefined && <ErrorView error={failure} />}
          <Gated
            action="modelarts:notebook:mountStorage"
            htmlType="submit"
            loading={mounting.acting !== undefined}
            onClick={() => undefined}
          >
            {t('mount')}
          </Gated>
        </Form>
      )}
    </>
  );
}
