import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import { listAlgorithms } from '../../resources/algorithms/algorithm.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { textOf } from '../parts/facts.tsx';
import { NameFilter } from '../parts/filters.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Algorithm = ResponseOf<typeof listAlgorithms>['items'][number];

const PAGE = 50;
const CREATE = 'modelarts:aiAlgorithm:create';

/** The workspace's algorithms. The filter stands in the address. */
export default function Algorithms() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: { name?: string } = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const name = useDeferredValue(typed);
  const create = () => void navigate({ to: '/training/algorithms/create' });
  const columns: Column<Algorithm>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(160px, 2fr)',
      show: ({ metadata }) => (
        <Link to="/training/algorithms/$algorithmId" params={{ algorithmId: metadata.id }}>
          {metadata.name}
        </Link>
      ),
    },
    {
      title: t('engine'),
      key: 'engine',
      width: 'minmax(180px, 3fr)',
      show: ({ job_config }) => engineText(job_config),
    },
    {
      title: t('description'),
      key: 'description',
      width: 'minmax(100px, 2fr)',
      show: ({ metadata }) => metadata.description,
    },
    { title: t('created'), key: 'created', width: '175px', show: ({ metadata }) => <Time at={metadata.create_time} /> },
    { title: t('owner'), key: 'owner', width: '90px', show: ({ metadata }) => metadata.user_name },
  ];
  return (
    <Page
      title={t('algorithms')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createAlgorithm')}
        </Gated>
      }
    >
      <div className="filters">
        <NameFilter
          value={typed}
          onChange={text => {
            setTyped(text);
            void navigate({ to: '/training/algorithms', search: text ? { name: text } : {}, replace: true });
          }}
        />
      </div>
      <DataTable
        key={`${workspace} ${name}`}
        label={t('algorithms')}
        saved="algorithms"
        columns={columns}
        pageSize={PAGE}
        page={offset =>
          queryOf(listAlgorithms, {
            query: {
              workspace_id: workspace,
              offset,
              limit: PAGE,
              sort_by: 'create_time',
              order: 'desc',
              ...(name ? { searches: `name:${name}` } : {}),
            },
          })
        }
        read={({ items, total }) => ({ items, count: total })}
        empty={
          name ? (
            <Empty title={t('noMatch')} />
          ) : (
            <Empty
              title={t('noAlgorithms')}
              help={t('noAlgorithmsHelp')}
              action={{ text: t('createAlgorithm'), run: create, needs: CREATE }}
            />
          )
        }
      />
    </Page>
  );
}

function engineText(config: unknown): string {
  return textOf(config, 'engine', 'image_url') || textOf(config, 'engine', 'engine_id');
}
