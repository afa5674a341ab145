import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Button, Tabs } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { isFailure } from '../../kernel/failure.ts';
import { DeleteBucket } from '../obs/delete-bucket.tsx';
import { ObjectsTab } from '../obs/objects-tab.tsx';
import { useObs } from '../obs/obs.ts';
import { read } from '../obs/settings.ts';
import { TransferList } from '../obs/transfer-list.tsx';
import { useGoOn } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { Page } from '../parts/page.tsx';
import { useTexts } from '../texts/index.ts';

const Properties = lazy(() => import('../obs/properties-tab.tsx').then(file => ({ default: file.PropertiesTab })));
const Permissions = lazy(() => import('../obs/permissions-tab.tsx').then(file => ({ default: file.PermissionsTab })));

/** One bucket: its objects, what is set on it, who may use it. */
export default function BucketPage() {
  const t = useTexts();
  const navigate = useNavigate();
  const goOn = useGoOn();
  const { bucketName = '' } = useParams({ strict: false });
  const search: { tab?: string } = useSearch({ strict: false });
  const [deleting, setDeleting] = useState(false);
  const { error, refetch } = useObs(['head', bucketName], signal => read.head(bucketName, signal));
  const gone = isFailure(error) && error.code === 'NoSuchBucket';
  const choose = (tab: string) =>
    void navigate({
      to: '/buckets/$bucketName',
      params: { bucketName },
      search: { ...search, tab: tab === 'objects' ? undefined : tab },
    });
  return (
    <Page
      title={bucketName}
      actions={
        <Button danger onClick={() => setDeleting(true)}>
          {t('deleteThisBucket')}
        </Button>
      }
    >
      <TransferList />
      {gone && <ErrorView error={error} retry={() => void refetch()} />}
      {!gone && (
        <Tabs
          className="bucket-tabs"
          activeKey={search.tab ?? 'objects'}
          onChange={choose}
          destroyOnHidden
          items={[
            { key: 'objects', label: t('objects'), children: <ObjectsTab key={bucketName} bucket={bucketName} /> },
            {
              key: 'properties',
              label: t('properties'),
              children: (
                <Suspense fallback={<span className="bone" title={t('loading')} />}>
                  <Properties bucket={bucketName} />
                </Suspense>
              ),
            },
            {
              key: 'permissions',
              label: t('permissions'),
              children: (
                <Suspense fallback={<span className="bone" title={t('loading')} />}>
                  <Permissions bucket={bucketName} />
                </Suspense>
              ),
            },
          ]}
        />
      )}
      {deleting && (
        <DeleteBucket name={bucketName} close={() => setDeleting(false)} done={() => goOn({ to: '/buckets' })} />
      )}
    </Page>
  );
}
