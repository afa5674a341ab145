import { Form } from 'antd';
import { patchPool, type showPool } from '../../resources/pools/pool.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { textOf } from './facts.tsx';
import { FormDialog } from './form-dialog.tsx';
import { PoolFields, type PoolSize, resourcesOf } from './pool-fields.tsx';
import { displayName } from './resources.ts';

/** Grows or shrinks a pool; one change does one of them. */
export function ScalePool({ pool, close }: { pool: ResponseOf<typeof showPool>; close: () => void }) {
  const t = useTexts();
  const [form] = Form.useForm<PoolSize>();
  const present = pool.spec.resources.map(each => ({ flavor: textOf(each, 'flavor'), count: Number(each.count) }));
  const disks = Object.fromEntries(
    pool.spec.resources.map(each => [textOf(each, 'flavor'), textOf(each, 'rootVolume', 'size')]),
  );
  const scale = async (size: PoolSize) => {
    const body = { spec: { resources: resourcesOf(size) } };
    await call(patchPool, { params: { pool_name: pool.metadata.name }, body });
    await changed('pools');
  };
  return (
    <FormDialog<PoolSize>
      title={t('scalePool', { name: displayName(pool) })}
      help={t('scaleHelp')}
      okText={t('save')}
      form={form}
      initial={{ resources: present }}
      run={scale}
      close={close}
    >
      <PoolFields least={0} present={disks} />
    </FormDialog>
  );
}
