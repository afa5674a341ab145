import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useState } from 'react';
import { modelApis } from '../../resources/models/model.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf } from '../call.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { NameFilter, StateFilter } from '../parts/filters.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { State, sizeText, Time } from '../parts/words.tsx';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

type Model = ResponseOf<typeof modelApis.list>['models'][number];
type Status = 'publishing' | 'published' | 'failed' | 'building' | 'building_failed';

const PAGE = 50;
const CREATE = 'modelarts:model:create';
const STATUSES: readonly Status[] = ['publishing', 'published', 'failed', 'building', 'building_failed'];

/** The workspace's AI applications, a row for each version. The filter stands in the address. */
export default function Models() {
  const t = useTexts();
  const navigate = useNavigate();
  const { workspace } = useSettings();
  const search: { name?: string; status?: Status } = useSearch({ strict: false });
  const [typed, setTyped] = useState(search.name ?? '');
  const name = useDeferredValue(typed);
  const { status } = search;
  const filter = (change: { name?: string | undefined; status?: Status | undefined }) =>
    void navigate({ to: '/models', search: { ...search, ...change }, replace: true });
  const page = (index: number) =>
    queryOf(modelApis.list, {
      query: {
        workspace_id: workspace,
        offset: index,
        limit: PAGE,
        ...(name ? { model_name: name } : {}),
        ...(status ? { model_status: status } : {}),
      },
    });
  const create = () => void navigate({ to: '/models/create' });
  const columns: Column<Model>[] = [
    {
      title: t('name'),
      key: 'name',
      width: 'minmax(160px, 2fr)',
      show: model => (
        <Link to="/models/$modelId" params={{ modelId: model.model_id }}>
          {model.model_name}
        </Link>
      ),
    },
    { title: t('version'), key: 'version', width: '90px', show: model => model.model_version },
    { title: t('state'), key: 'state', width: '130px', show: model => <State value={model.model_status} /> },
    { title: t('modelType'), key: 'modelType', width: '110px', show: model => model.model_type },
    { title: t('size'), key: 'size', width: '90px', show: model => sizeText(model.model_size) },
    { title: t('description'), key: 'description', width: 'minmax(100px, 2fr)', show: model => model.description },
    { title: t('created'), key: 'created', width: '175px', show: model => <Time at={model.create_at} /> },
  ];
  return (
    <Page
      title={t('models')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createModel')}
        </Gated>
      }
    >
      <div className="filters">
        <NameFilter
          value={typed}
          onChange={text => {
            setTyped(text);
            filter({ name: text || undefined });
          }}
        />
        <StateFilter value={status} states={STATUSES} onChange={status => filter({ status })} />
      </div>
      <DataTable
        key={`${workspace} ${name} ${status}`}
        label={t('models')}
        saved="models"
        columns={columns}
        pageSize={PAGE}
        page={page}
        read={({ models, total_count }) => ({ items: models, count: total_count })}
        empty={
          name || status ? (
            <Empty title={t('noMatch')} />
          ) : (
            <Empty
              title={t('noModels')}
              help={t('noModelsHelp')}
              action={{ text: t('createModel'), run: create, needs: CREATE }}
            />
          )
        }
      />
    </Page>
  );
}
