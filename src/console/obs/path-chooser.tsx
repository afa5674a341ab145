import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Input } from 'antd';
import { useDeferredValue, useState } from 'react';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { bucketsOf } from './buckets.ts';
import { folderQuery, nameOf } from './listing.ts';
import { useObs } from './obs.ts';
import { Trail } from './trail.tsx';

/** Looks into the buckets and chooses a folder or a file; `choose` is told `bucket/key`. `at`: the path that was there before. */
export function PathChooser(props: {
  wants: 'folder' | 'file';
  at: string;
  choose(path: string): void;
  close: () => void;
}) {
  const { wants, at, choose, close } = props;
  const t = useTexts();
  const [, before = '', key = ''] = /^(?:obs:\/\/|\/)([^/]+)\/(.*)$/s.exec(at) ?? [];
  const [place, setPlace] = useState({ bucket: before, prefix: key.slice(0, key.lastIndexOf('/') + 1) });
  const [find, setFind] = useState('');
  const { bucket, prefix } = place;
  const enter = (next: typeof place) => {
    setPlace(next);
    setFind('');
  };
  return (
    <Dialog
      width={640}
      title={t(wants === 'folder' ? 'chooseFolder' : 'chooseFile')}
      cancelText={t('cancel')}
      okText={t('chooseThisFolder')}
      okButtonProps={{ disabled: bucket === '', hidden: wants === 'file' }}
      onOk={() => choose(`${bucket}/${prefix}`)}
      onCancel={close}
    >
      <Trail
        root={t('buckets')}
        bucket={bucket}
        prefix={prefix}
        enter={folder => enter({ bucket, prefix: folder })}
        leave={() => enter({ bucket: '', prefix: '' })}
      />
      <Input.Search
        allowClear
        aria-label={t('beginsWith')}
        placeholder={t('beginsWith')}
        style={{ margin: '12px 0' }}
        value={find}
        onChange={event => setFind(event.target.value)}
      />
      <div className="chooser" tabIndex={0} role="group" aria-label={t('objects')}>
        {bucket === '' ? (
          <Buckets find={find} enter={name => enter({ bucket: name, prefix: '' })} />
        ) : (
          <Folder
            key={`${bucket} ${prefix}`}
            {...place}
            find={find}
            files={wants === 'file'}
            enter={folder => enter({ bucket, prefix: folder })}
            choose={object => choose(`${bucket}/${object}`)}
          />
        )}
      </div>
    </Dialog>
  );
}

function Buckets({ find, enter }: { find: string; enter(name: string): void }) {
  const t = useTexts();
  const { data, error, refetch } = useObs(['buckets'], bucketsOf);
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  if (!data) return <span className="bone" title={t('loading')} />;
  if (data.length === 0) return <Empty title={t('noBuckets')} help={t('noBucketsHelp')} />;
  return (
    <ul className="choices">
      {data
        .filter(({ name }) => name.startsWith(find))
        .map(({ name }) => (
          <li key={name}>
            <button type="button" className="link folder" onClick={() => enter(name)}>
              {name}
            </button>
          </li>
        ))}
    </ul>
  );
}

function Folder(props: {
  bucket: string;
  prefix: string;
  find: string;
  files: boolean;
  enter(folder: string): void;
  choose(key: string): void;
}) {
  const { bucket, prefix, find, files, enter, choose } = props;
  const t = useTexts();
  const wanted = useDeferredValue(find);
  const { data, error, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage, refetch } = useInfiniteQuery(
    folderQuery(bucket, prefix + wanted),
  );
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  if (!data) return <span className="bone" title={t('loading')} />;
  const entries = data.pages.flatMap(page => page.entries).filter(({ key }) => key !== prefix);
  return (
    <>
      {entries.length === 0 && <p className="soft">{t(find ? 'noMatch' : 'emptyFolder')}</p>}
      <ul className="choices">
        {entries.map(({ key, kind, size }) => (
          <li key={key}>
            {kind === 'folder' || files ? (
              <button
                type="button"
                className={`link ${kind}`}
                onClick={() => (kind === 'folder' ? enter(key) : choose(key))}
              >
                {nameOf(key)}
              </button>
            ) : (
              <span className="soft object">{nameOf(key)}</span>
            )}
            {kind === 'object' && <span className="soft">{sizeText(size)}</span>}
          </li>
        ))}
      </ul>
      {isFetchNextPageError && <ErrorView error={error} />}
      {hasNextPage && (
        <Button loading={isFetching} onClick={() => void fetchNextPage()}>
          {t(isFetchNextPageError ? 'retry' : 'showMore')}
        </Button>
      )}
    </>
  );
}
