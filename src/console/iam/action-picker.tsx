import { Button, Checkbox, Input, Select, Tag } from 'antd';
import { useDeferredValue, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { actionsFitting, allActions, services } from './policy-document.ts';

/** Most rows that are shown at once; searching narrows them. */
const SHOWN = 200;

/** Chooses actions by searching, by service, or by a pattern. */
export function ActionPicker(props: {
  label: string;
  value: readonly string[];
  onChange: (actions: string[]) => void;
}) {
  const { label, value, onChange } = props;
  const t = useTexts();
  const [service, setService] = useState('modelarts');
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed).trim().toLowerCase();
  const found = allActions.filter(
    action => (service === '' || action.startsWith(`${service}:`)) && action.toLowerCase().includes(wanted),
  );
  const toggle = (action: string, chosen: boolean) =>
    onChange(chosen ? [...value, action] : value.filter(each => each !== action));
  const pattern = typed.trim();
  const isPattern = /^[a-z0-9*-]+:[\w.*-]+:[\w.*-]+$/.test(pattern) && !value.includes(pattern);
  const all = service === '' ? undefined : `${service}:*:*`;
  return (
    <fieldset className="entry" aria-label={label}>
      <legend>{label}</legend>
      <div className="filters" aria-live="polite">
        {value.length === 0 && <span className="soft">{t('noActionChosen')}</span>}
        {value.map(action => (
          <Tag key={action}>
            {action}
            {/* A button, as the tag's own mark cannot be reached by keyboard. */}
            <Button
              type="text"
              size="small"
              aria-label={t('remove', { name: action })}
              onClick={() => toggle(action, false)}
            >
              ✕
            </Button>
          </Tag>
        ))}
      </div>
      <div className="filters" style={{ margin: '8px 0' }}>
        <Select
          aria-label={t('service')}
          style={{ width: 150 }}
          value={service}
          options={[{ value: '', label: t('allServices') }, ...services.map(each => ({ value: each, label: each }))]}
          onChange={setService}
        />
        <Input.Search
          allowClear
          aria-label={t('searchActions')}
          placeholder={t('searchActions')}
          style={{ width: 280 }}
          onChange={event => setTyped(event.target.value)}
        />
        {all && !value.includes(all) && (
          <Button size="small" onClick={() => toggle(all, true)}>
            {t('everythingOf', { service })}
          </Button>
        )}
        {isPattern && (
          <Button size="small" onClick={() => toggle(pattern, true)}>
            {t('addPattern', { pattern, count: actionsFitting(pattern).length })}
          </Button>
        )}
      </div>
      <div className="card actions" tabIndex={0} role="group" aria-label={t('actions')}>
        {found.length === 0 && <p className="soft">{t('noMatch')}</p>}
        {found.slice(0, SHOWN).map(action => (
          <Checkbox
            key={action}
            checked={value.includes(action)}
            onChange={event => toggle(action, event.target.checked)}
          >
            {action}
          </Checkbox>
        ))}
        {found.length > SHOWN && <p className="soft">{t('searchForMore', { count: found.length - SHOWN })}</p>}
      </div>
    </fieldset>
  );
}
