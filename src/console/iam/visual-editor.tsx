import { AutoComplete, Button, Radio, Select } from 'antd';
import { conditionKeys } from '../../policy/condition-keys.ts';
import { operatorNames } from '../../policy/operators.ts';
import { useTexts } from '../texts/index.ts';
import { ActionPicker } from './action-picker.tsx';
import { type Draft, newDraft } from './policy-document.ts';

/** IAM takes no more in one document. */
const MOST = 8;

/** The statements of a policy as fields. */
export function VisualEditor({ drafts, onChange }: { drafts: readonly Draft[]; onChange: (drafts: Draft[]) => void }) {
  const t = useTexts();
  const set = (at: number, change: Partial<Draft>) =>
    onChange(drafts.map((draft, each) => (each === at ? { ...draft, ...change } : draft)));
  return (
    <>
      {drafts.map((draft, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: statements are known by their place
        <section key={at} className="card" aria-label={t('statementAt', { number: at + 1 })}>
          <div className="filters">
            <h2 style={{ margin: 0 }}>{t('statementAt', { number: at + 1 })}</h2>
            <Radio.Group
              optionType="button"
              aria-label={t('effect')}
              value={draft.effect}
              options={[
                { value: 'Allow', label: t('allow') },
                { value: 'Deny', label: t('deny') },
              ]}
              onChange={event => set(at, { effect: event.target.value as Draft['effect'] })}
            />
            <span className="spring" />
            {drafts.length > 1 && (
              <Button size="small" danger onClick={() => onChange(drafts.filter((_, each) => each !== at))}>
                {t('removeStatement')}
              </Button>
            )}
          </div>
          <ActionPicker label={t('actions')} value={draft.actions} onChange={actions => set(at, { actions })} />
          <Resources value={draft.resources} onChange={resources => set(at, { resources })} />
          <Conditions value={draft.conditions} onChange={conditions => set(at, { conditions })} />
        </section>
      ))}
      <div>
        <Button disabled={drafts.length >= MOST} onClick={() => onChange([...drafts, newDraft()])}>
          {t('addStatement')}
        </Button>
      </div>
    </>
  );
}

function Resources({ value, onChange }: { value: readonly string[]; onChange: (resources: string[]) => void }) {
  const t = useTexts();
  return (
    <fieldset className="entry">
      <legend>{t('resourcesOfStatement')}</legend>
      <Select
        mode="tags"
        aria-label={t('resourcesOfStatement')}
        style={{ width: '100%' }}
        placeholder={t('allResourcesOfType')}
        value={[...value]}
        tokenSeparators={[',', ' ']}
        options={[]}
        open={false}
        suffixIcon={null}
        onChange={onChange}
      />
      <p className="soft">{t('resourcesHelp')}</p>
    </fieldset>
  );
}

function Conditions(props: { value: Draft['conditions']; onChange: (conditions: Draft['conditions']) => void }) {
  const { value, onChange } = props;
  const t = useTexts();
  const set = (at: number, change: Partial<Draft['conditions'][number]>) =>
    onChange(value.map((condition, each) => (each === at ? { ...condition, ...change } : condition)));
  const choices = (items: readonly string[]) => items.map(each => ({ value: each, label: each }));
  return (
    <fieldset className="entry">
      <legend>{t('conditions')}</legend>
      {value.map(({ operator, key, values }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: conditions are known by their place
        <div key={at} className="row">
          <AutoComplete
            aria-label={t('conditionKey')}
            value={key}
            options={choices(conditionKeys)}
            onChange={text => set(at, { key: text })}
          />
          <Select
            aria-label={t('operator')}
            value={operator}
            showSearch
            options={choices(operatorNames)}
            onChange={chosen => set(at, { operator: chosen })}
          />
          <Select
            mode="tags"
            aria-label={t('conditionValues')}
            value={values}
            options={choices(key === 'modelarts:poolType' ? ['public', 'dedicated'] : [])}
            onChange={chosen => set(at, { values: chosen })}
          />
          <Button
            className="narrow"
            aria-label={t('remove', { name: key })}
            onClick={() => onChange(value.filter((_, each) => each !== at))}
          >
            ✕
          </Button>
        </div>
      ))}
      <Button
        size="small"
        onClick={() =>
          onChange([...value, { operator: 'StringEquals', key: 'modelarts:poolType', values: ['public'] }])
        }
      >
        {t('addCondition')}
      </Button>
    </fieldset>
  );
}
