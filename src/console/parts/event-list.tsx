import { useTexts } from '../texts/index.ts';
import { Time } from './words.tsx';

/** Events of models and services, as their operations list them. */
export function EventList(props: {
  events: readonly { event_type: unknown; event_info: string; occur_time: number }[] | undefined;
}) {
  const t = useTexts();
  if (props.events?.length === 0) return <p className="soft">{t('noEvents')}</p>;
  return (
    <ul className="plain">
      {props.events?.map((event, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity on the wire
        <li key={at}>
          <span className="soft">
            <Time at={event.occur_time} />
          </span>
          <span className={`state ${event.event_type === 'abnormal' ? 'bad' : ''}`}>{String(event.event_type)}</span>
          <span>{event.event_info}</span>
        </li>
      ))}
    </ul>
  );
}
