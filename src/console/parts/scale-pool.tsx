import { Form, Modal } from 'antd';
import { useState } from 'react';
import { patchPool, type showPool } from '../../resources/pools/pool.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';
import { textOf } from './facts.tsx';
import { PoolFields, type PoolSize } from './pool-fields.tsx';
import { displayName } from './resources.ts';

/** Grows or shrinks a pool; one change does one of them. */
export function ScalePool({ pool, close }: { pool: ResponseOf<typeof showPool>; close: () => void }) {
  const t = useTexts();
  const [form] = Form.useForm<PoolSize>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const present = pool.spec.resources.map(each => ({ flavor: textOf(each, 'flavor'), count: Number(each.count) }));
  const scale = async ({ resources }: PoolSize) => {
    setBusy(true);
    setFailure(undefined);
    try {
      const body = { spec: { resources: resources.map(({ flavor, count }) => ({ flavor, count })) } };
      await call(patchPool, { params: { pool_name: pool.metadata.name }, body });
      await changed('pools');
      close();
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={t('scalePool', { name: displayName(pool) })}
      okText={t('save')}
      cancelText={t('cancel')}
      okButtonProps={{ loading: busy }}
      onOk={form.submit}
      onCancel={close}
    >
      <p>{t('scaleHelp')}</p>
      <Form<PoolSize>
        form={form}
        layout="vertical"
        initialValues={{ resources: present }}
        onFinish={values => void scale(values)}
      >
        <PoolFields least={0} />
      </Form>
      {failure !== undefined && <ErrorView error={failure} />}
    </Modal>
  );
}
