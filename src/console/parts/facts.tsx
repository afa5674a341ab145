import type { ReactNode } from 'react';
import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';
import { Time } from './words.tsx';

/** Names and values of a thing; a dash where there is no value. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="fact">
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value || '–'}</dd>
        </div>
      ))}
    </dl>
  );
}

const TONES: Record<string, string> = { Error: 'bad', Warning: 'wait', abnormal: 'bad' };

/** An event of a model or service, in the form of the others. */
export const eventOf = (event: { event_type: unknown; event_info: string; occur_time: number }) => ({
  time: event.occur_time,
  level: String(event.event_type),
  message: event.event_info,
});

/** What happened, in the order of the list; undefined while it is not known. */
export function EventList(props: {
  events: readonly { time: number | string; level: string; message: string }[] | undefined;
  error?: unknown;
}) {
  const { events, error } = props;
  const t = useTexts();
  if (error) return <ErrorView error={error} />;
  if (events?.length === 0) return <p className="soft">{t('noEvents')}</p>;
  return (
    <ul className="plain">
      {events?.map((event, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity on the wire
        <li key={at}>
          <span className="soft">
            <Time at={event.time} />
          </span>
          <span className={`state ${TONES[event.level] ?? ''}`}>{event.level}</span>
          <span>{event.message}</span>
        </li>
      ))}
    </ul>
  );
}

/** The text at a path into an answer that is open. */
export function textOf(value: unknown, ...path: string[]): string {
  let found = value;
  for (const step of path) found = (found as Record<string, unknown> | null | undefined)?.[step];
  return typeof found === 'string' || typeof found === 'number' ? String(found) : '';
}
