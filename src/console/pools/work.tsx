import { listScheduledEvents } from '../../resources/pools/maintenance.api.ts';
import { useCall } from '../call.ts';
import { Awaited } from '../parts/awaited.tsx';
import { textOf } from '../parts/facts.tsx';
import { State, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

/** What was and is done to the nodes of a pool, the latest first. */
export function NodeWork({ poolId }: { poolId: string }) {
  const t = useTexts();
  const { data, error, refetch } = useCall(
    listScheduledEvents,
    { query: { poolName: poolId, limit: 200 } },
    { live: ['pool-nodes', 'node-maintenance', 'pool-events'] },
  );
  if (!data) return <Awaited error={error} refetch={refetch} />;
  if (data.events.length === 0) return <p className="soft">{t('noWork')}</p>;
  const events = data.events.toSorted((a, b) => textOf(b, 'startTime').localeCompare(textOf(a, 'startTime')));
  return (
    <ul className="plain" aria-label={t('scheduledEvents')}>
      {events.map(event => (
        <li key={textOf(event, 'id')}>
          <span className="soft">
            <Time at={textOf(event, 'startTime')} />
          </span>
          <State value={textOf(event, 'state')} />
          <code>{textOf(event, 'nodeName')}</code>
          <span>{textOf(event, 'description')}</span>
        </li>
      ))}
    </ul>
  );
}
