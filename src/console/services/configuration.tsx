import { Link } from '@tanstack/react-router';
import { Progress } from 'antd';
import { serviceApis } from '../../resources/services/service.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { PoolName } from '../parts/pool-name.tsx';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

type Service = ResponseOf<typeof serviceApis.show>;

/** The versions that answer, their shares of the traffic and their instances. */
export function Configuration({ service }: { service: Service }) {
  const t = useTexts();
  return service.config.map(entry => (
    <section key={entry.model_id} className="entry" aria-label={`${entry.model_name} ${entry.model_version}`}>
      <p>
        <Link to="/models/$modelId" params={{ modelId: entry.model_id }}>
          {entry.model_name} {entry.model_version}
        </Link>
      </p>
      <Facts
        facts={[
          [t('state'), <State key="state" value={entry.status} />],
          [
            t('traffic'),
            <Progress key="weight" percent={entry.weight} size="small" aria-label={t('traffic')} status="normal" />,
          ],
          [t('pool'), <PoolName key="pool" id={textOf(entry, 'pool_name')} />],
          [t('flavor'), entry.specification],
          [t('instances'), entry.instance_count],
          [
            t('environmentVariables'),
            Object.entries(entry.envs)
              .map(([name, value]) => `${name}=${value}`)
              .join(', '),
          ],
        ]}
      />
      {entry.instances.length === 0 ? (
        <p className="soft">{t('noInstances')}</p>
      ) : (
        <ul className="plain" aria-label={t('instances')}>
          {entry.instances.map(instance => (
            <li key={instance.id}>
              <code>{instance.id}</code>
              <State value={instance.status} />
              {instance.restarts > 0 && <span className="soft">{t('restarts', { count: instance.restarts })}</span>}
            </li>
          ))}
        </ul>
      )}
    </section>
  ));
}

/** The configurations that the service had, the latest first. */
export function History({ serviceId }: { serviceId: string }) {
  const t = useTexts();
  const { data, error, refetch } = useCall(
    serviceApis.updateLogs,
    { params: { service_id: serviceId } },
    { live: ['service-revisions'] },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  return (
    <ul className="plain" aria-label={t('history')}>
      {data.logs.map(log => (
        <li key={log.update_time}>
          <span className="soft">
            <Time at={log.update_time} />
          </span>
          <State value={String(log.result)} />
          <span>
            {log.config
              .map(entry => `${entry.model_name} ${entry.model_version}: ${entry.weight} % × ${entry.instance_count}`)
              .join(', ')}
          </span>
        </li>
      ))}
    </ul>
  );
}
