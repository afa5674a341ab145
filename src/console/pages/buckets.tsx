import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useDeferredValue, useState } from 'react';
import { type Bucket, bucketsOf } from '../obs/buckets.ts';
import { CreateBucket } from '../obs/create-bucket.tsx';
import { DeleteBucket } from '../obs/delete-bucket.tsx';
import { obsQuery } from '../obs/obs.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Empty } from '../parts/empty.tsx';
import { NameFilter } from '../parts/filters.tsx';
import { Gated } from '../parts/gated.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';

/** Buckets of an account (at most 100), which the store answers at once. */
const MOST = 1000;
const CREATE = 'obs:bucket:CreateBucket';

/** The buckets of the account. */
export default function Buckets() {
  const t = useTexts();
  const [typed, setTyped] = useState('');
  const name = useDeferredValue(typed);
  const [creating, setCreating] = useState(false);
  const [deleting, setDeleting] = useState<string>();
  const create = () => setCreating(true);
  const columns: Column<Bucket>[] = [
    {
      title: t('name'),
      width: 'minmax(160px, 2fr)',
      show: bucket => (
        <Link to="/buckets/$bucketName" params={{ bucketName: bucket.name }}>
          {bucket.name}
        </Link>
      ),
    },
    { title: t('bucketKind'), width: '160px', show: ({ kind }) => t(kind === 'POSIX' ? 'fileSystem' : 'objectBucket') },
    { title: t('location'), width: '140px', show: bucket => bucket.location },
    { title: t('created'), width: '195px', show: bucket => <Time at={bucket.created} /> },
    {
      title: t('actions'),
      width: '110px',
      show: bucket => (
        <Button
          size="small"
          danger
          aria-label={t('deleteNamed', { name: bucket.name })}
          onClick={() => setDeleting(bucket.name)}
        >
          {t('delete')}
        </Button>
      ),
    },
  ];
  const empty = name ? (
    <Empty title={t('noMatch')} />
  ) : (
    <Empty
      title={t('noBuckets')}
      help={t('noBucketsHelp')}
      action={{ text: t('createBucket'), run: create, needs: CREATE }}
    />
  );
  return (
    <Page
      title={t('buckets')}
      actions={
        <Gated action={CREATE} type="primary" onClick={create}>
          {t('createBucket')}
        </Gated>
      }
    >
      <div className="filters">
        <NameFilter value={typed} onChange={setTyped} />
      </div>
      <DataTable
        key={name}
        label={t('buckets')}
        columns={columns}
        pageSize={MOST}
        page={() => obsQuery(['buckets'], bucketsOf)}
        read={buckets => {
          const items = buckets.filter(bucket => bucket.name.includes(name));
          return { items, count: items.length };
        }}
        empty={empty}
      />
      {creating && <CreateBucket close={() => setCreating(false)} />}
      {deleting !== undefined && <DeleteBucket name={deleting} close={() => setDeleting(undefined)} />}
    </Page>
  );
}
