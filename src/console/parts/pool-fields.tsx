import { Button, Form, InputNumber, Select } from 'antd';
import { listResourceFlavors } from '../../resources/pools/catalog.api.ts';
import { useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { textOf } from './facts.tsx';
import { RemoveRow } from './remove-row.tsx';

/** How many nodes of which flavors. */
export interface PoolSize {
  resources: { flavor: string; count: number }[];
}

/** Fields of a form with the values of PoolSize. `least`: nodes of a flavor. */
export function PoolFields({ least = 1 }: { least?: number }) {
  const t = useTexts();
  const flavors = useCall(listResourceFlavors, {}, { live: ['workloads', 'pool-nodes'] }).data?.items ?? [];
  const required = { required: true, message: t('required') };
  return (
    <Form.List name="resources">
      {(fields, { add, remove }) => (
        <>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'flavor']} label={t('flavor')} rules={[required]}>
                <Select
                  options={flavors.map(flavor => {
                    const id = textOf(flavor, 'metadata', 'name');
                    const size = t('flavorIs', {
                      id,
                      vcpus: textOf(flavor, 'spec', 'cpu'),
                      memory: Number.parseInt(textOf(flavor, 'spec', 'memory'), 10),
                    });
                    const none = textOf(flavor, 'status', 'phase', 'local') === 'soldout';
                    return { value: id, label: none ? `${size} (${t('noRoom')})` : size };
                  })}
                />
              </Form.Item>
              <Form.Item name={[field.name, 'count']} label={t('nodes')} rules={[required]}>
                <InputNumber min={least} max={200} precision={0} style={{ width: '100%' }} />
              </Form.Item>
              {fields.length > 1 && <RemoveRow at={field.name} remove={remove} />}
            </div>
          ))}
          {fields.length < 10 && (
            <Button type="dashed" onClick={() => add({ count: 1 })}>
              + {t('addFlavor')}
            </Button>
          )}
        </>
      )}
    </Form.List>
  );
}
