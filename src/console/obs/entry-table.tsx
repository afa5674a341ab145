import { useInfiniteQuery } from '@tanstack/react-query';
import { Checkbox } from 'antd';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { ErrorView } from '../parts/error-view.tsx';
import { sizeText, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { type Entry, folderQuery, nameOf } from './listing.ts';

const ROW = 44;
/** Rows beyond the edges that are there before one scrolls to them. */
const BEYOND = 12;

/** What tells entries apart: versions of an object have its key. */
export const idOf = ({ key, versionId }: Pick<Entry, 'key' | 'versionId'>) => `${versionId ?? ''} ${key}`;

/**
 * A folder of a bucket. More is read as one scrolls to the end, so a million keys cost what is looked at. `find`: what names begin with.
 */
export function EntryTable(props: {
  bucket: string;
  prefix: string;
  find: string;
  versions: boolean;
  chosen: ReadonlyMap<string, Entry>;
  choose(chosen: ReadonlyMap<string, Entry>): void;
  open(entry: Entry): void;
  empty: ReactNode;
}) {
  const { bucket, prefix, find, versions, chosen, choose, open, empty } = props;
  const t = useTexts();
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const { data, error, isFetching, hasNextPage, isFetchNextPageError, fetchNextPage, refetch } = useInfiniteQuery(
    folderQuery(bucket, prefix + find, versions),
  );
  const retry = () => void (isFetchNextPageError ? fetchNextPage() : refetch());
  // The folder itself is an object too where somebody made it.
  const rows = data?.pages
    .flatMap(({ entries }) => entries)
    .filter(({ key, size, kind }) => versions || key !== prefix || size > 0 || kind === 'folder');
  const shown = rows !== undefined && rows.length > 0;
  useLayoutEffect(() => {
    const element = shown && box.current;
    if (!element) return;
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [shown]);
  const from = Math.max(Math.floor(view.top / ROW) - BEYOND, 0);
  const to = Math.ceil((view.top + view.height) / ROW) + BEYOND;
  const atEnd = rows !== undefined && to >= rows.length;
  useEffect(() => {
    // What failed is asked for again by who reads that it did.
    if (atEnd && hasNextPage && !isFetching && !error) void fetchNextPage();
  }, [atEnd, hasNextPage, isFetching, error, fetchNextPage]);

  if (error && !data) return <ErrorView error={error} retry={retry} />;
  if (rows?.length === 0 && !hasNextPage) return <div className="card">{empty}</div>;
  const columns = ['36px', 'minmax(180px, 3fr)', '100px', '110px', '195px', ...(versions ? ['150px'] : [])];
  const grid = { gridTemplateColumns: columns.join(' ') };
  const every = shown && rows.every(entry => chosen.has(idOf(entry)));
  const toggle = (entry: Entry, on: boolean) => {
    const next = new Map(chosen);
    if (on) next.set(idOf(entry), entry);
    else next.delete(idOf(entry));
    choose(next);
  };
  return (
    <>
      <div
        ref={box}
        className="table objects"
        role="table"
        aria-label={t('objects')}
        aria-rowcount={hasNextPage || !rows ? -1 : rows.length + 1}
        aria-busy={isFetching}
        tabIndex={0}
      >
        <div role="rowgroup" className="head">
          <div role="row" style={grid}>
            <span role="columnheader">
              <Checkbox
                aria-label={t('chooseAll')}
                checked={every}
                indeterminate={!every && chosen.size > 0}
                onChange={({ target }) =>
                  choose(new Map(target.checked ? rows?.map(entry => [idOf(entry), entry]) : []))
                }
              />
            </span>
            <span role="columnheader">{t('name')}</span>
            <span role="columnheader">{t('size')}</span>
            <span role="columnheader">{t('storageClass')}</span>
            <span role="columnheader">{t('modified')}</span>
            {versions && <span role="columnheader">{t('version')}</span>}
          </div>
        </div>
        <div role="rowgroup" className="body" style={{ height: ((rows?.length ?? 10) + (hasNextPage ? 1 : 0)) * ROW }}>
          {(rows ?? []).slice(from, to).map((entry, offset) => (
            <div
              key={idOf(entry)}
              role="row"
              aria-rowindex={from + offset + 2}
              style={{ ...grid, top: (from + offset) * ROW }}
            >
              <span role="cell">
                <Checkbox
                  aria-label={t('chooseNamed', { name: nameOf(entry.key) })}
                  checked={chosen.has(idOf(entry))}
                  onChange={({ target }) => toggle(entry, target.checked)}
                />
              </span>
              <span role="cell" title={nameOf(entry.key)}>
                <button
                  type="button"
                  className={`link ${entry.kind}`}
                  onClick={() => open(entry)}
                  disabled={entry.kind === 'marker'}
                >
                  {nameOf(entry.key)}
                </button>
              </span>
              <span role="cell">{entry.kind === 'object' && sizeText(entry.size)}</span>
              <span role="cell">{entry.kind === 'marker' ? t('deletedThen') : entry.storageClass}</span>
              <span role="cell">{entry.modified && <Time at={entry.modified} />}</span>
              {versions && (
                <span role="cell" title={entry.versionId}>
                  {entry.latest && <span className="state good">{t('latest')}</span>}{' '}
                  <span className="mono">{entry.versionId?.slice(-8)}</span>
                </span>
              )}
            </div>
          ))}
          {!rows &&
            Array.from({ length: 6 }, (_, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: they stand for rows that are not known
              <div key={at} role="row" style={{ ...grid, top: at * ROW }}>
                <span role="cell" />
                <span role="cell">
                  <span className="bone" title={t('loading')} />
                </span>
              </div>
            ))}
        </div>
      </div>
      {error && <ErrorView error={error} retry={retry} />}
    </>
  );
}
