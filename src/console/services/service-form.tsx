import { Button, Form, type FormInstance, Input, InputNumber, Select, Slider } from 'antd';
import { modelApis } from '../../resources/models/model.api.ts';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { BodyOf } from '../../wire/operation.ts';
import { useCall } from '../call.ts';
import { untilRead } from '../parts/until-read.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

/** One version that answers requests, as the form holds it. */
export interface Entry {
  model?: string;
  weight: number;
  flavor?: string;
  instances: number;
  /** `NAME=value`, one a line. */
  variables?: string;
}

export type EntryBody = BodyOf<typeof serviceApis.create>['config'][number];

const VARIABLE = /^[A-Za-z_]\w*=/;

/** The versions of a service: which ones, how much of the traffic each gets, where and how often each runs. */
export function Entries({ form }: { form: FormInstance }) {
  const t = useTexts();
  const { workspace } = useSettings();
  const models = useCall(modelApis.list, { query: { workspace_id: workspace, model_status: 'published' } });
  const flavors = useCall(serviceApis.specifications);
  const entries: (Entry | undefined)[] = Form.useWatch('entries', form) ?? [];
  const total = entries.reduce((sum, entry) => sum + (entry?.weight ?? 0), 0);
  const must = [{ required: true, message: t('required') }];
  return (
    <Form.List name="entries">
      {(fields, { add, remove }) => (
        <>
          {fields.map(field => (
            <fieldset key={field.key} className="entry">
              <legend>{t('versionNumber', { number: field.name + 1 })}</legend>
              <Form.Item name={[field.name, 'model']} label={t('model')} rules={must}>
                <Select
                  showSearch={{ optionFilterProp: 'label' }}
                  {...untilRead(models)}
                  options={models.data?.models.map(model => ({
                    value: model.model_id,
                    label: `${model.model_name} ${model.model_version}`,
                    disabled: entries.some((entry, at) => at !== field.name && entry?.model === model.model_id),
                  }))}
                />
              </Form.Item>
              <div className="row">
                <Form.Item name={[field.name, 'flavor']} label={t('flavor')} rules={must}>
                  <Select
                    {...untilRead(flavors)}
                    options={flavors.data?.specifications.map(flavor => ({
                      value: flavor.specification,
                      label: flavor.display_en,
                    }))}
                  />
                </Form.Item>
                <Form.Item name={[field.name, 'instances']} label={t('instances')} rules={must}>
                  <InputNumber min={1} max={128} precision={0} style={{ width: '100%' }} />
                </Form.Item>
              </div>
              {fields.length > 1 && (
                <Form.Item name={[field.name, 'weight']} label={t('traffic')}>
                  <Weight change={weight => share(form, field.name, weight)} />
                </Form.Item>
              )}
              <Form.Item
                name={[field.name, 'variables']}
                label={t('environmentVariables')}
                extra={t('variablesHelp')}
                rules={[
                  {
                    validator: async (_, text: string | undefined) => {
                      if (linesOf(text).some(line => !VARIABLE.test(line))) throw new Error(t('invalid'));
                    },
                  },
                ]}
              >
                <Input.TextArea rows={2} />
              </Form.Item>
              {fields.length > 1 && (
                <Button onClick={() => remove(field.name)}>{t('remove', { name: field.name + 1 })}</Button>
              )}
            </fieldset>
          ))}
          <div className="filters">
            <Button
              type="dashed"
              onClick={() => add({ weight: Math.max(100 - total, 0), instances: 1, flavor: entries[0]?.flavor })}
            >
              + {t('addVersion')}
            </Button>
            {fields.length > 1 && (
              <span role="status" className={total === 100 ? 'soft' : 'state bad'}>
                {t('trafficTotal', { total })}
              </span>
            )}
          </div>
        </>
      )}
    </Form.List>
  );
}

/** A share of the traffic, in percent: by slider or by number. Ant Design's form gives `value` and `onChange`. */
function Weight(props: {
  id?: string;
  value?: number;
  onChange?: (value: number) => void;
  change: (value: number) => void;
}) {
  const { id, value = 0, onChange, change } = props;
  const t = useTexts();
  const set = (next: number | null) => {
    onChange?.(next ?? 0);
    change(next ?? 0);
  };
  return (
    <div className="row">
      <Slider ariaLabelForHandle={t('traffic')} min={0} max={100} value={value} onChange={set} />
      <InputNumber className="narrow" id={id} min={0} max={100} precision={0} suffix="%" value={value} onChange={set} />
    </div>
  );
}

/** Of two versions, the other one gets the rest. */
function share(form: FormInstance, at: number, weight: number): void {
  const entries: Entry[] = form.getFieldValue('entries');
  if (entries.length === 2) form.setFieldValue(['entries', 1 - at, 'weight'], 100 - weight);
}

/** Members of `config[]` for the server. What the form does not show (pools, timeouts) stays as it was in `before`. */
export function configOf(entries: readonly Entry[], before: readonly object[] = []): EntryBody[] {
  return entries.map(({ model = '', weight, flavor = '', instances, variables }) => {
    const old = (before as readonly Record<string, unknown>[]).find(entry => entry.model_id === model) ?? {};
    const kept = ['deploy_timeout_in_seconds', 'pool_name', 'cluster_id', 'additional_properties'].concat(
      flavor === 'custom' ? ['custom_spec'] : [],
    );
    return {
      ...Object.fromEntries(kept.flatMap(name => (old[name] === undefined ? [] : [[name, old[name]]]))),
      model_id: model,
      weight: entries.length === 1 ? 100 : weight,
      specification: flavor,
      instance_count: instances,
      envs: Object.fromEntries(
        linesOf(variables).map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
      ),
    };
  });
}

/** Whether the versions get all of the traffic, no more and no less. */
export function sharesAll(entries: readonly Entry[]): boolean {
  return entries.length === 1 || entries.reduce((sum, { weight }) => sum + weight, 0) === 100;
}

function linesOf(text = ''): string[] {
  return text.split('\n').filter(line => line.trim() !== '');
}
