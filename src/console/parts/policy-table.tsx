import { Checkbox, Input } from 'antd';
import { useDeferredValue, useState } from 'react';
import { listRoles } from '../../resources/iam/policy.api.ts';
import { useCall } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { Awaited } from './awaited.tsx';
import { textOf } from './facts.tsx';

/** The service that the account's own policies are listed under. */
const CUSTOM = 'CUSTOMED';

/** Chooses policies by searching names, services and descriptions. `value` and `onChange` are the form's: ids of policies. */
export function PolicyTable({ value = [], onChange }: { value?: string[]; onChange?: (ids: string[]) => void }) {
  const t = useTexts();
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed).toLowerCase();
  // One list, the account's own first: rows must not move under the pointer when a second one comes.
  const { data, error, refetch } = useCall(listRoles, { query: { per_page: 500 } }, { live: ['custom-policies'] });
  const all = data?.roles.map(role => ({
    id: textOf(role, 'id'),
    name: textOf(role, 'display_name') || textOf(role, 'name'),
    service: textOf(role, 'catalog'),
    text: textOf(role, 'description'),
  }));
  const shown = all
    ?.filter(({ name, service, text }) => `${name} ${service} ${text}`.toLowerCase().includes(wanted))
    .sort((a, b) => Number(b.service === CUSTOM) - Number(a.service === CUSTOM));
  const choose = (id: string, chosen: boolean) =>
    onChange?.(chosen ? [...value, id] : value.filter(each => each !== id));
  return (
    <>
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t('searchPolicies')}
          placeholder={t('searchPolicies')}
          style={{ width: 280 }}
          onChange={event => setTyped(event.target.value)}
        />
        <span className="soft" role="status">
          {shown && t('chosenOf', { count: value.length, total: shown.length })}
        </span>
      </div>
      <div className="card" style={{ maxHeight: 260, overflow: 'auto', marginTop: 8 }} tabIndex={0}>
        {!shown && <Awaited error={error} refetch={refetch} />}
        {shown?.length === 0 && <p className="soft">{t('noMatch')}</p>}
        <ul className="plain">
          {shown?.map(({ id, name, service, text }) => (
            <li key={id}>
              <Checkbox checked={value.includes(id)} onChange={event => choose(id, event.target.checked)}>
                {name}
              </Checkbox>
              <span className="spring" />
              <span className="soft">{service}</span>
              <span className="soft note">{text}</span>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}
