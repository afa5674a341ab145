import { App, Button, Drawer, Form, Input, Select, Tabs } from 'antd';
import { useRef, useState } from 'react';
import { openDownload, shareObject } from '../../resources/console/console.api.ts';
import { call, changed } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { useFocusBack } from '../parts/dialog.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { Facts } from '../parts/facts.tsx';
import { RemoveRow } from '../parts/remove-row.tsx';
import { sizeText, Time } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { copyObject, deleteBatch, type Entry, listPage, nameOf } from './listing.ts';
import { OBJECTS, obs, useObs } from './obs.ts';
import { Preview } from './preview.tsx';
import { xml } from './xml.ts';

/** Lives of links that are offered, in minutes. */
const LIVES = [5, 60, 6 * 60, 18 * 60] as const;
const META = 'x-obs-meta-';

/** Lets the browser save an object as a file. Throws Failure where it may not be read. */
export async function download(bucket: string, key: string, versionId?: string): Promise<void> {
  const body = { bucket, key, ...(versionId ? { version_id: versionId } : {}) };
  const { path } = await call(openDownload, { body });
  const link = document.createElement('a');
  link.href = path;
  link.download = nameOf(key);
  link.click();
}

/** One object: what it holds, what is known of it, its versions, and links to it. */
export function ObjectDrawer({ bucket, objectKey, close }: { bucket: string; objectKey: string; close: () => void }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const key = objectKey;
  const { data, error, refetch } = useObs(['head', bucket, key], signal => headOf(bucket, key, signal), [OBJECTS]);
  const first = useRef<HTMLButtonElement>(null);
  useFocusBack();
  return (
    <Drawer
      open
      size={640}
      title={nameOf(key)}
      onClose={close}
      // The drawer itself puts the focus beside what is read out as a dialog.
      afterOpenChange={open => open && first.current?.focus()}
      extra={
        <Button ref={first} loading={acting !== undefined} onClick={() => act('download', () => download(bucket, key))}>
          {t('download')}
        </Button>
      }
    >
      {error && <ErrorView error={error} retry={() => void refetch()} />}
      {!data && !error && <span className="bone" title={t('loading')} />}
      {data?.storageClass === 'COLD' && <Restore bucket={bucket} objectKey={key} />}
      {data && (
        <Tabs
          items={[
            {
              key: 'preview',
              label: t('preview'),
              children: <Preview bucket={bucket} objectKey={key} size={data.size} versionId={data.versionId} />,
            },
            { key: 'facts', label: t('metadata'), children: <Metadata bucket={bucket} objectKey={key} head={data} /> },
            { key: 'versions', label: t('versions'), children: <Versions bucket={bucket} objectKey={key} /> },
            { key: 'share', label: t('share'), children: <Share bucket={bucket} objectKey={key} /> },
          ]}
        />
      )}
    </Drawer>
  );
}

type Head = Awaited<ReturnType<typeof headOf>>;

async function headOf(bucket: string, key: string, signal: AbortSignal) {
  const { headers } = await obs('HEAD', { bucket, key }, { signal });
  const text = (name: string) => headers.get(name) ?? '';
  return {
    size: Number(text('content-length')),
    contentType: text('content-type'),
    modified: text('last-modified'),
    etag: text('etag').replaceAll('"', ''),
    storageClass: text('x-obs-storage-class') || 'STANDARD',
    versionId: headers.get('x-obs-version-id') ?? undefined,
    encryption: text('x-obs-server-side-encryption'),
    metadata: [...headers]
      .filter(([name]) => name.startsWith(META))
      .map(([name, value]) => [name.slice(META.length), value] as const),
  };
}

function Metadata({ bucket, objectKey: key, head }: { bucket: string; objectKey: string; head: Head }) {
  const t = useTexts();
  const { message } = App.useApp();
  const { acting, act } = useAct();
  const [failure, setFailure] = useState<unknown>();
  const save = async ({
    contentType,
    metadata,
  }: {
    contentType: string;
    metadata?: { name: string; value: string }[];
  }) => {
    setFailure(undefined);
    try {
      const headers: Record<string, string> = { 'content-type': contentType, 'x-obs-metadata-directive': 'REPLACE' };
      for (const { name, value } of metadata ?? []) headers[META + name.toLowerCase()] = value;
      await obs('PUT', { bucket, key }, { query: { metadata: '' }, headers });
      await changed(OBJECTS);
      void message.success(t('saved'));
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  return (
    <>
      <Facts
        facts={[
          [t('address'), <span key="address" className="mono">{`obs://${bucket}/${key}`}</span>],
          [t('size'), sizeText(head.size)],
          [t('modified'), <Time key="time" at={head.modified} />],
          [
            'ETag',
            <span key="etag" className="mono">
              {head.etag}
            </span>,
          ],
          [t('storageClass'), head.storageClass],
          [t('encryption'), head.encryption],
          [t('version'), head.versionId],
        ]}
      />
      <Form
        key={JSON.stringify(head)}
        layout="vertical"
        style={{ marginTop: 20 }}
        initialValues={{
          contentType: head.contentType,
          metadata: head.metadata.map(([name, value]) => ({ name, value })),
        }}
        // It begins anew once this is saved: what would be typed until then would be gone.
        disabled={acting !== undefined}
        onFinish={values => act('save', () => save(values))}
      >
        <Form.Item name="contentType" label={t('contentType')} rules={[{ required: true, message: t('required') }]}>
          <Input />
        </Form.Item>
        <Form.List name="metadata">
          {(fields, { add, remove }) => (
            <fieldset className="bare">
              <legend>{t('ownMetadata')}</legend>
              {fields.map(field => (
                <div key={field.key} className="row">
                  <Form.Item
                    name={[field.name, 'name']}
                    rules={[{ required: true, pattern: /^[A-Za-z0-9-]+$/, message: t('metadataNameRule') }]}
                  >
                    <Input aria-label={t('name')} placeholder={t('name')} />
                  </Form.Item>
                  <Form.Item
                    name={[field.name, 'value']}
                    rules={[{ pattern: /^[\x20-\x7e]*$/, message: t('metadataValueRule') }]}
                  >
                    <Input aria-label={t('value')} placeholder={t('value')} />
                  </Form.Item>
                  <RemoveRow at={field.name} remove={remove} />
                </div>
              ))}
              <Button type="dashed" onClick={() => add()}>
                + {t('addMetadata')}
              </Button>
            </fieldset>
          )}
        </Form.List>
        {failure !== undefined && <ErrorView error={failure} />}
        <Button type="primary" htmlType="submit" disabled={false} loading={acting !== undefined}>
          {t('save')}
        </Button>
      </Form>
    </>
  );
}

function Versions({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const { data, error, refetch } = useObs(
    ['versions', bucket, key],
    async signal => (await listPage({ bucket, prefix: key, versions: true, deep: true, limit: 1000, signal })).entries,
    [OBJECTS],
  );
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  if (!data) return <span className="bone" title={t('loading')} />;
  const versions = data.filter(entry => entry.key === key);
  const remove = async (versionId: string | undefined) => {
    const [left] = await deleteBatch(bucket, [{ key, ...(versionId ? { versionId } : {}) }]);
    if (left) throw new Error(left.message);
    await changed(OBJECTS);
  };
  const restore = async (from: Pick<Entry, 'versionId' | 'storageClass'>) => {
    await copyObject(bucket, { ...from, key }, key);
    await changed(OBJECTS);
  };
  return (
    <div className="card">
      <ul className="plain">
        {versions.map(({ versionId, kind, latest, modified, size, storageClass }) => (
          <li key={versionId}>
            <Time at={modified} />
            <span className="soft">{kind === 'marker' ? t('deletedThen') : sizeText(size)}</span>
            {latest && <span className="state good">{t('latest')}</span>}
            <span className="spring" />
            {kind === 'object' && (
              <Button
                size="small"
                loading={acting === `download ${versionId}`}
                onClick={() => act(`download ${versionId}`, () => download(bucket, key, versionId))}
              >
                {t('download')}
              </Button>
            )}
            {!latest && kind === 'object' && (
              <Button
                size="small"
                loading={acting === `restore ${versionId}`}
                onClick={() =>
                  act(`restore ${versionId}`, () => restore({ storageClass, ...(versionId ? { versionId } : {}) }))
                }
              >
                {t('restoreVersion')}
              </Button>
            )}
            {!latest && (
              <Button
                size="small"
                danger
                loading={acting === `delete ${versionId}`}
                onClick={() => act(`delete ${versionId}`, () => remove(versionId))}
              >
                {t('deleteForGood')}
              </Button>
            )}
            <span className="note soft mono">{versionId}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Share({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const t = useTexts();
  const { message } = App.useApp();
  const [minutes, setMinutes] = useState<number>(LIVES[1]);
  const [outcome, setOutcome] = useState<{ url: string; expires_at: number } | { failure: unknown }>();
  const { acting, act } = useAct();
  const make = () => {
    setOutcome(undefined);
    return call(shareObject, { body: { bucket, key, minutes } }).then(setOutcome, failure => setOutcome({ failure }));
  };
  const label = (life: number) => (life < 60 ? t('minutesOf', { count: life }) : t('hoursOf', { count: life / 60 }));
  return (
    <>
      <p>{t('shareHelp')}</p>
      <div className="filters">
        <Select
          aria-label={t('goodFor')}
          value={minutes}
          disabled={acting !== undefined}
          onChange={setMinutes}
          style={{ width: 160 }}
          options={LIVES.map(value => ({ value, label: label(value) }))}
        />
        <Button type="primary" loading={acting !== undefined} onClick={() => act('link', make)}>
          {t('makeLink')}
        </Button>
      </div>
      {outcome && 'failure' in outcome && <ErrorView error={outcome.failure} />}
      {outcome && 'url' in outcome && (
        <>
          <div className="row" style={{ marginTop: 16 }}>
            <Input.TextArea readOnly rows={4} className="mono" aria-label={t('link')} value={outcome.url} />
            <Button
              className="narrow"
              onClick={() => void navigator.clipboard.writeText(outcome.url).then(() => message.success(t('copied')))}
            >
              {t('copy')}
            </Button>
          </div>
          <p className="soft">
            {t('goodUntil')} <Time at={outcome.expires_at} />
          </p>
        </>
      )}
    </>
  );
}

/** Of an archived object, which cannot be read before. */
function Restore({ bucket, objectKey: key }: { bucket: string; objectKey: string }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const restore = async () => {
    await obs('POST', { bucket, key }, { query: { restore: '' }, body: String(xml('RestoreRequest', xml('Days', 7))) });
    await changed(OBJECTS);
  };
  return (
    <p>
      {t('archivedHelp')}{' '}
      <Button size="small" loading={acting !== undefined} onClick={() => act('restore', restore)}>
        {t('restoreArchived')}
      </Button>
    </p>
  );
}
