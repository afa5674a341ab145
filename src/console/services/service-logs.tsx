import { useQuery } from '@tanstack/react-query';
import { Input, Select } from 'antd';
import { useState } from 'react';
import { serviceApis } from '../../resources/services/service.api.ts';
import { queryOf } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { useTexts } from '../texts/index.ts';

/** Output is no row of the database, so nothing tells of it: it is asked for while the tab is open. */
const EVERY_MS = 3_000;
const LINES = 1_000;

/** What the instances of a service wrote last, with search. */
export function ServiceLogs({ serviceId }: { serviceId: string }) {
  const t = useTexts();
  const [wanted, setWanted] = useState('');
  const [instance, setInstance] = useState('');
  const { data, error, refetch } = useQuery({
    ...queryOf(serviceApis.runtimeLogs, { params: { service_id: serviceId }, query: { tail_lines: LINES } }, [
      'service-instances',
    ]),
    refetchInterval: EVERY_MS,
  });
  if (!data) return <Awaited error={error} refetch={refetch} />;
  const shown = data.instances.filter(each => instance === '' || each.instance_id === instance);
  const lines = shown
    .flatMap(each => each.lines)
    .filter(line => line.text.toLowerCase().includes(wanted.toLowerCase()))
    .sort((a, b) => a.time.length - b.time.length || (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return (
    <>
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t('searchLog')}
          placeholder={t('searchLog')}
          style={{ width: 280 }}
          onChange={event => setWanted(event.target.value)}
        />
        <Select
          aria-label={t('instance')}
          style={{ minWidth: 260 }}
          value={instance}
          onChange={setInstance}
          options={[
            { value: '', label: t('allInstances') },
            ...data.instances.map(each => ({
              value: each.instance_id,
              label: `${each.model_name} ${each.model_version} · ${each.instance_id} · ${each.status}`,
            })),
          ]}
        />
      </div>
      <div className="log" role="log" aria-label={t('log')} aria-live="off" tabIndex={0}>
        {lines.length === 0 ? (
          <span className="soft">{t(wanted === '' ? 'noServiceLog' : 'noMatch')}</span>
        ) : (
          lines.map(line => line.text).join('\n')
        )}
      </div>
    </>
  );
}
