import { Input, Select } from 'antd';
import { useTexts } from '../texts/index.ts';
import { useStateText } from './words.tsx';

/** Narrows a list to names. */
export function NameFilter(props: { value: string; onChange(typed: string): void }) {
  const t = useTexts();
  return (
    <Input.Search
      allowClear
      aria-label={t('searchByName')}
      placeholder={t('searchByName')}
      style={{ width: 280 }}
      value={props.value}
      onChange={event => props.onChange(event.target.value)}
    />
  );
}

/** Narrows a list to one of `states`, in ModelArts' own words; `onChange` is told undefined for all of them. */
export function StateFilter<S extends string>(props: {
  value: S | undefined;
  states: readonly S[];
  onChange(state: S | undefined): void;
}) {
  const t = useTexts();
  const stateText = useStateText();
  return (
    <Select<S | ''>
      aria-label={t('state')}
      style={{ width: 170 }}
      value={props.value ?? ''}
      options={[
        { value: '', label: t('allStates') },
        ...props.states.map(value => ({ value, label: stateText(value) })),
      ]}
      onChange={value => props.onChange(value || undefined)}
    />
  );
}
