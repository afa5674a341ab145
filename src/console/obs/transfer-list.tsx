import { Button, Progress } from 'antd';
import { useEffect } from 'react';
import { ErrorView } from '../parts/error-view.tsx';
import { sizeText } from '../parts/words.tsx';
import { useSession } from '../session.ts';
import { type TextKey, useTexts } from '../texts/index.ts';
import { clearDone, mayGoOn, ownedBy, type Transfer, useTransfers } from './transfers.ts';

/** Of thousands, so many are shown one by one. */
const SHOWN = 6;
const ORDER: readonly Transfer['state'][] = ['failed', 'offline', 'running', 'queued', 'done'];
const STATES: Record<Transfer['state'], TextKey> = {
  queued: 'transferQueued',
  running: 'transferRunning',
  offline: 'transferOffline',
  failed: 'transferFailed',
  done: 'transferDone',
};

/** What is being uploaded, deleted and moved; nothing where nothing is. */
export function TransferList() {
  const t = useTexts();
  const { user } = useSession();
  const transfers = useTransfers();
  useEffect(() => ownedBy(user.id), [user.id]);
  if (transfers.length === 0) return null;
  const done = transfers.filter(({ state }) => state === 'done').length;
  const shown = transfers
    .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.id - a.id)
    .slice(0, SHOWN);
  return (
    <section className="card transfers" aria-label={t('transfers')}>
      <div className="filters">
        <h2>{t('transfers')}</h2>
        <span className="soft" role="status">
          {t('transfersOf', { done, total: transfers.length })}
        </span>
        <span className="spring" />
        <Button size="small" disabled={done === 0} onClick={clearDone}>
          {t('clearDone')}
        </Button>
      </div>
      <ul className="plain">
        {shown.map(transfer => (
          <Line key={transfer.id} transfer={transfer} />
        ))}
      </ul>
      {transfers.length > SHOWN && <p className="soft">{t('andMore', { count: transfers.length - SHOWN })}</p>}
    </section>
  );
}

function Line({ transfer }: { transfer: Transfer }) {
  const t = useTexts();
  const { title, unit, done, total, state, failure } = transfer;
  const percent = state === 'done' ? 100 : total ? Math.floor((done / total) * 100) : 0;
  const amount = unit === 'bytes' ? `${sizeText(done)} / ${sizeText(total ?? 0)}` : t('objectsDone', { count: done });
  return (
    <li>
      <span className="grow">{title}</span>
      <span className="soft">{amount}</span>
      <span
        className={`state ${state === 'failed' ? 'bad' : state === 'done' ? 'good' : state === 'offline' ? 'wait' : 'busy'}`}
      >
        {t(STATES[state])}
      </span>
      {state === 'failed' && mayGoOn(transfer) && (
        <Button size="small" onClick={transfer.again} aria-label={t('goOnNamed', { name: title })}>
          {t('goOn')}
        </Button>
      )}
      <Button size="small" type="text" onClick={transfer.cancel} aria-label={t('cancelNamed', { name: title })}>
        ×
      </Button>
      {unit === 'bytes' && state !== 'done' && state !== 'failed' && (
        <Progress className="note" percent={percent} size="small" aria-label={title} />
      )}
      {failure !== undefined && (
        <div className="note">
          <ErrorView error={failure} />
        </div>
      )}
    </li>
  );
}
