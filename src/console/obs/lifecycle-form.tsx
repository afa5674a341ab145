import { Alert, Button, Form, Input, InputNumber, Switch } from 'antd';
import { type TextKey, useTexts } from '../texts/index.ts';
import type { LifecycleRule } from './settings.ts';

const STEPS: readonly [keyof LifecycleRule, TextKey][] = [
  ['warm', 'daysToWarm'],
  ['cold', 'daysToCold'],
  ['expire', 'daysToExpire'],
  ['expireVersions', 'daysOfVersions'],
  ['abortUploads', 'daysOfUploads'],
];

/** The rules of a bucket's life cycle, in the form's field `rules`. `more`: some say what this form does not show, and would lose it. */
export function LifecycleForm({ more }: { more: boolean }) {
  const t = useTexts();
  return (
    <>
      <p className="soft">{t('lifecycleHelp')}</p>
      {more && <Alert type="warning" showIcon title={t('lifecycleMore')} style={{ marginBottom: 16 }} />}
      <Form.List name="rules">
        {(fields, { add, remove }) => (
          <>
            {fields.map(field => (
              <fieldset key={field.key} className="entry">
                <legend>{t('ruleNumber', { number: field.name + 1 })}</legend>
                <div className="row">
                  <Form.Item
                    name={[field.name, 'id']}
                    label={t('name')}
                    rules={[{ required: true, message: t('required') }]}
                  >
                    <Input maxLength={255} />
                  </Form.Item>
                  <Form.Item name={[field.name, 'prefix']} label={t('beginsWith')}>
                    <Input maxLength={1024} />
                  </Form.Item>
                  <Form.Item
                    className="narrow"
                    name={[field.name, 'enabled']}
                    label={t('inForce')}
                    valuePropName="checked"
                  >
                    <Switch />
                  </Form.Item>
                </div>
                <div className="row" style={{ alignItems: 'flex-end' }}>
                  {STEPS.map(([name, label]) => (
                    <Form.Item key={name} name={[field.name, name]} label={t(label)} getValueFromEvent={present}>
                      <InputNumber min={1} precision={0} style={{ width: '100%' }} />
                    </Form.Item>
                  ))}
                </div>
                <Button size="small" onClick={() => remove(field.name)}>
                  {t('remove', { name: field.name + 1 })}
                </Button>
              </fieldset>
            ))}
            <Button type="dashed" onClick={() => add({ id: `rule-${fields.length + 1}`, prefix: '', enabled: true })}>
              + {t('addRule')}
            </Button>
          </>
        )}
      </Form.List>
    </>
  );
}

/** Fields that are emptied say null. */
const present = (days: number | null) => days ?? undefined;
