import { Button, Form, InputNumber, Select } from 'antd';
import { listResourceFlavors } from '../../resources/pools/catalog.api.ts';
import { useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { textOf } from './facts.tsx';
import { RemoveRow } from './remove-row.tsx';
import { untilRead } from './until-read.tsx';

/** How many nodes of which flavors, and GiB of disk of each. */
export interface PoolSize {
  resources: { flavor: string; count: number; disk?: number | null }[];
}

/** The same for the server. */
export function resourcesOf({ resources }: PoolSize) {
  return resources.map(({ flavor, count, disk }) => ({
    flavor,
    count,
    ...(disk ? { rootVolume: { volumeType: 'SSD', size: String(disk) } } : {}),
  }));
}

/**
 * Fields of a form with the values of PoolSize. `least`: nodes of a flavor. `present`: disk that nodes of a flavor have, which others get too
 * where nothing else is asked for.
 */
export function PoolFields({ least = 1, present }: { least?: number; present?: Readonly<Record<string, string>> }) {
  const t = useTexts();
  const read = useCall(listResourceFlavors, {}, { live: ['workloads', 'pool-nodes'] });
  const flavors = read.data?.items ?? [];
  const chosen: (Partial<PoolSize['resources'][number]> | undefined)[] = Form.useWatch('resources') ?? [];
  const usualDisk = (flavor = '') =>
    present?.[flavor] ||
    textOf(
      flavors.find(each => textOf(each, 'metadata', 'name') === flavor),
      'spec',
      'rootVolume',
      'size',
    );
  const required = { required: true, message: t('required') };
  return (
    <Form.List name="resources">
      {(fields, { add, remove }) => (
        <>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'flavor']} label={t('flavor')} rules={[required]}>
                <Select
                  {...untilRead(read)}
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
              <Form.Item name={[field.name, 'disk']} label={t('nodeDisk')} tooltip={t('nodeDiskHelp')}>
                <InputNumber
                  min={1}
                  max={99_999}
                  precision={0}
                  style={{ width: '100%' }}
                  placeholder={usualDisk(chosen[field.name]?.flavor)}
                />
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
