import { Button } from 'antd';
import { useState } from 'react';
import { useTell } from '../parts/error-view.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { useTransfers } from './transfers.ts';
import { discard, type Unfinished, unfinished } from './upload-file.ts';

/** Uploads of this browser that were interrupted by a reload: they go on when the same file is chosen again. */
export function UnfinishedList({ bucket }: { bucket: string }) {
  const t = useTexts();
  const tell = useTell();
  const [, again] = useState(0);
  const busy = new Set(useTransfers().map(({ title, state }) => (state === 'done' ? '' : title)));
  const left = unfinished().filter(each => each.bucket === bucket && !busy.has(each.key));
  if (left.length === 0) return null;
  const drop = (each: Unfinished) => void discard(each).then(() => again(count => count + 1), tell);
  return (
    <section className="card" aria-label={t('unfinishedUploads')}>
      <h2>{t('unfinishedUploads')}</h2>
      <p className="soft">{t('unfinishedHelp')}</p>
      <ul className="plain">
        {left.map(each => (
          <li key={each.uploadId}>
            <span className="grow">{each.key}</span>
            <span className="soft">{sizeText(each.size)}</span>
            <Button size="small" onClick={() => drop(each)} aria-label={t('discardNamed', { name: each.key })}>
              {t('discard')}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
