import { keepPreviousData, type UseQueryOptions, useQueries, useQuery } from '@tanstack/react-query';
import { type ReactNode, useCallback, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { useColumns } from './columns.tsx';
import { ErrorView } from './error-view.tsx';

const ROW = 44;
/** Rows beyond the edges that are there before one scrolls to them. */
const BEYOND = 10;

export interface Column<R> {
  title: string;
  /** By which it is known where columns are chosen; the title when absent. */
  key?: string;
  /** As in CSS grids: `2fr`, `120px`. */
  width: string;
  show: (row: R) => ReactNode;
}

export interface Window<R> {
  items: readonly R[];
  /** How many match. */
  count: number;
}

/**
 * A list that the server pages: rows are fetched as one scrolls to them, so that a hundred thousand scroll like ten. `page` is the query of the
 * page with that index, of `pageSize` rows. `empty` stands in the place of a list without rows. `saved`: the name under which the columns that a
 * user chose are kept; without one they cannot be chosen.
 */
export function DataTable<R, A>(props: {
  label: string;
  saved?: string;
  columns: readonly Column<R>[];
  pageSize: number;
  // biome-ignore lint/suspicious/noExplicitAny: the key of a query is of no interest here
  page: (index: number) => UseQueryOptions<A, Error, A, any>;
  read: (answer: A) => Window<R>;
  empty: ReactNode;
}) {
  const { label, saved, pageSize, page, read, empty } = props;
  const t = useTexts();
  const [columns, chooser] = useColumns(saved, props.columns);
  const [view, setView] = useState({ top: 0, height: 600 });
  // The element comes and goes: with an error, with a filter that nothing matches.
  const box = useCallback((element: HTMLDivElement) => {
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);

  const first = useQuery({ ...page(0), placeholderData: keepPreviousData } as UseQueryOptions<A>);
  const count = first.data === undefined ? undefined : read(first.data).count;
  const from = Math.max(Math.floor(view.top / ROW) - BEYOND, 0);
  const to = Math.min(Math.ceil((view.top + view.height) / ROW) + BEYOND, count ?? 12);
  const firstPage = Math.floor(from / pageSize);
  const indexes = Array.from(
    { length: Math.max(Math.floor(Math.max(to - 1, 0) / pageSize) - firstPage + 1, 1) },
    (_, at) => firstPage + at,
  );
  const answers = useQueries({
    queries: indexes.map(index => ({ ...page(index), placeholderData: keepPreviousData }) as UseQueryOptions<A>),
  });
  const rowAt = (at: number): R | undefined => {
    const answer = answers[Math.floor(at / pageSize) - firstPage]?.data;
    return answer === undefined ? undefined : read(answer).items[at % pageSize];
  };
  const failed = answers.find(answer => answer.error)?.error ?? first.error;
  const again = () => {
    for (const answer of [first, ...answers]) if (answer.error) void answer.refetch();
  };
  const grid = { gridTemplateColumns: columns.map(column => column.width).join(' ') };

  if (failed && first.data === undefined) return <ErrorView error={failed} retry={again} />;
  if (count === 0) return <div className="card">{empty}</div>;
  return (
    <div className={chooser ? 'table-box chosen' : 'table-box'}>
      {chooser}
      {failed && <ErrorView error={failed} retry={again} />}
      <div
        ref={box}
        className="table"
        role="table"
        aria-label={label}
        aria-rowcount={count ?? -1}
        aria-busy={first.isFetching}
        tabIndex={0}
      >
        <div role="rowgroup" className="head">
          <div role="row" style={grid}>
            {columns.map(column => (
              <span key={column.title} role="columnheader">
                {column.title}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="body" style={{ height: (count ?? 12) * ROW }}>
          {Array.from({ length: Math.max(to - from, 0) }, (_, offset) => from + offset).map(at => {
            const row = rowAt(at);
            return (
              <div key={at} role="row" aria-rowindex={at + 2} style={{ ...grid, top: at * ROW }}>
                {columns.map(column => (
                  <span key={column.title} role="cell">
                    {row === undefined ? <span className="bone" title={t('loading')} /> : column.show(row)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
