import type { UseQueryOptions } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import { type Column, DataTable } from './data-table.tsx';
import { Empty } from './empty.tsx';
import { NameFilter } from './filters.tsx';

/** More than any list that comes as a whole has. */
const ALL = 10_000;

/** A list that the server answers as a whole, narrowed here to what `textOf` says of a row; what was typed stands in the address. */
export function WholeList<R, A>(props: {
  label: string;
  columns: readonly Column<R>[];
  // biome-ignore lint/suspicious/noExplicitAny: the key of a query is of no interest here
  query: UseQueryOptions<A, Error, A, any>;
  read: (answer: A) => readonly R[];
  textOf: (row: R) => string;
  /** Further filters, beside the one of names. */
  filters?: ReactNode;
  empty: ReactNode;
}) {
  const { label, columns, query, read, textOf, filters, empty } = props;
  const t = useTexts();
  const navigate = useNavigate();
  const search: { name?: string } = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const wanted = useDeferredValue(typed).trim().toLowerCase();
  return (
    <>
      <div className="filters">
        <NameFilter
          value={typed}
          onChange={text => {
            setTyped(text);
            void navigate({ to: '.', search: { ...search, name: text || undefined } as object, replace: true });
          }}
        />
        {filters}
      </div>
      <DataTable
        label={label}
        columns={columns}
        pageSize={ALL}
        page={() => query}
        read={answer => {
          const items = read(answer).filter(row => textOf(row).toLowerCase().includes(wanted));
          return { items, count: items.length };
        }}
        empty={wanted ? <Empty title={t('noMatch')} /> : empty}
      />
    </>
  );
}
