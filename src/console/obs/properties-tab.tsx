import { Button, Form, Input, InputNumber, Select, Switch } from 'antd';
import { type ReactNode, useState } from 'react';
import { isFailure } from '../../kernel/failure.ts';
import { changed } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { FormDialog } from '../parts/form-dialog.tsx';
import { RemoveRow } from '../parts/remove-row.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { STORAGE_CLASSES } from './buckets.ts';
import { LifecycleForm } from './lifecycle-form.tsx';
import { LIVE_BUCKETS, OBJECTS, obs, useObs } from './obs.ts';
import {
  encryptionXml,
  lifecycleXml,
  loggingXml,
  type Pair,
  quotaXml,
  read,
  tagsXml,
  versioningXml,
} from './settings.ts';
import { xml } from './xml.ts';

const GIB = 1024 ** 3;

/** What is set on a bucket, each with how to change it. What one may not read says so in its place. */
export function PropertiesTab({ bucket }: { bucket: string }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const head = useSetting(bucket, 'head', read.head);
  const usage = useSetting(bucket, 'usage', read.usage, [OBJECTS, ...LIVE_BUCKETS]);
  const versioning = useSetting(bucket, 'versioning', read.versioning);
  const lifecycle = useSetting(bucket, 'lifecycle', read.lifecycle);
  const tags = useSetting(bucket, 'tags', read.tags);
  const quota = useSetting(bucket, 'quota', read.quota);
  const encryption = useSetting(bucket, 'encryption', read.encryption);
  const logging = useSetting(bucket, 'logging', read.logging);
  const uploads = useSetting(bucket, 'uploads', read.uploads, [OBJECTS]);
  const put = async (name: string, body: string) => {
    await obs('PUT', { bucket }, { query: { [name]: '' }, body });
    await changed(...LIVE_BUCKETS);
  };
  const unset = async (name: string) => {
    await obs('DELETE', { bucket }, { query: { [name]: '' } });
    await changed(...LIVE_BUCKETS);
  };
  const abortAll = async () => {
    try {
      for (const { key, uploadId } of uploads.data ?? []) {
        await obs('DELETE', { bucket, key }, { query: { uploadId } }).catch(error => {
          if (!isFailure(error) || error.code !== 'NoSuchUpload') throw error; // it has ended meanwhile
        });
      }
    } finally {
      await changed(OBJECTS);
    }
  };
  return (
    <div className="card">
      <dl className="fact settings">
        <Fact name={t('location')} of={head} show={({ location }) => location} />
        <Fact
          name={t('bucketKind')}
          of={head}
          show={({ kind }) => t(kind === 'POSIX' ? 'fileSystem' : 'objectBucket')}
        />
        <Fact
          name={t('storageClass')}
          of={head}
          show={({ storageClass }) => storageClass}
          edit={now => (
            <Edit
              name={t('storageClass')}
              values={{ value: now.storageClass }}
              save={({ value }) => put('storageClass', String(xml('StorageClass', value)))}
            >
              <Form.Item name="value" label={t('storageClass')} extra={t('storageClassHelp')}>
                <Select options={STORAGE_CLASSES.map(value => ({ value, label: value }))} />
              </Form.Item>
            </Edit>
          )}
        />
        <Fact
          name={t('usedStorage')}
          of={usage}
          show={({ size, objects }) => t('usedBy', { size: sizeText(size), objects })}
        />
        <Fact
          name={t('quota')}
          of={quota}
          show={bytes => (bytes === 0 ? t('unlimited') : sizeText(bytes))}
          edit={bytes => (
            <Edit
              name={t('quota')}
              values={{ gib: bytes / GIB }}
              save={({ gib }) => put('quota', quotaXml(Math.round(gib * GIB)))}
            >
              <Form.Item name="gib" label={t('quotaGib')} extra={t('quotaHelp')}>
                <InputNumber min={0} style={{ width: 200 }} />
              </Form.Item>
            </Edit>
          )}
        />
        <Fact
          name={t('versioning')}
          of={versioning}
          show={status => t(status === 'Enabled' ? 'on' : status === 'Suspended' ? 'suspended' : 'off')}
          edit={status => (
            <Edit
              name={t('versioning')}
              values={{ on: status === 'Enabled' }}
              save={({ on }) => put('versioning', versioningXml(on ? 'Enabled' : 'Suspended'))}
            >
              <Form.Item name="on" label={t('versioning')} extra={t('versioningHelp')} valuePropName="checked">
                <Switch />
              </Form.Item>
            </Edit>
          )}
        />
        <Fact
          name={t('encryption')}
          of={encryption}
          show={algorithm => algorithm || t('off')}
          edit={algorithm => (
            <Edit
              name={t('encryption')}
              values={{ on: algorithm !== '' }}
              save={({ on }) => (on ? put('encryption', encryptionXml()) : unset('encryption'))}
            >
              <Form.Item name="on" label={t('encryption')} extra={t('encryptionHelp')} valuePropName="checked">
                <Switch />
              </Form.Item>
            </Edit>
          )}
        />
        <Fact
          name={t('logging')}
          of={logging}
          show={({ target, prefix }) => target && `obs://${target}/${prefix}`}
          edit={now => (
            <Edit
              name={t('logging')}
              values={now}
              save={({ target = '', prefix = '' }) => put('logging', loggingXml(target, prefix))}
            >
              <Form.Item name="target" label={t('targetBucket')} extra={t('loggingHelp')}>
                <Input />
              </Form.Item>
              <Form.Item name="prefix" label={t('prefix')}>
                <Input />
              </Form.Item>
            </Edit>
          )}
        />
        <Fact
          name={t('tags')}
          of={tags}
          show={list => list.map(({ name, value }) => `${name}=${value}`).join(', ')}
          edit={list => (
            <Edit<{ tags: Pair[] }>
              name={t('tags')}
              values={{ tags: list }}
              save={values => (values.tags.length > 0 ? put('tagging', tagsXml(values.tags)) : unset('tagging'))}
            >
              <TagFields />
            </Edit>
          )}
        />
        <Fact
          name={t('lifecycle')}
          of={lifecycle}
          show={rules => rules.length > 0 && t('rulesOf', { count: rules.length })}
          edit={rules => (
            <Edit
              name={t('lifecycle')}
              wide
              values={{ rules }}
              save={values =>
                values.rules.length > 0 ? put('lifecycle', lifecycleXml(values.rules)) : unset('lifecycle')
              }
            >
              <LifecycleForm more={rules.some(rule => rule.more)} />
            </Edit>
          )}
        />
        <Fact
          name={t('unfinishedUploads')}
          of={uploads}
          show={list => (
            <>
              {list.length}{' '}
              {list.length > 0 && (
                <Button size="small" danger loading={acting !== undefined} onClick={() => act('discard', abortAll)}>
                  {t('discardAll')}
                </Button>
              )}
            </>
          )}
        />
      </dl>
    </div>
  );
}

function useSetting<A>(
  bucket: string,
  name: string,
  ask: (bucket: string, signal: AbortSignal) => Promise<A>,
  live = LIVE_BUCKETS,
) {
  return useObs([name, bucket], signal => ask(bucket, signal), live);
}

interface Asked<A> {
  data: A | undefined;
  error: Error | null;
  refetch: () => Promise<unknown>;
}

function Fact<A>(props: { name: string; of: Asked<A>; show: (value: A) => ReactNode; edit?: (value: A) => ReactNode }) {
  const { name, of, show, edit } = props;
  const t = useTexts();
  const { data, error, refetch } = of;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {error && data === undefined ? (
          <span className="state wait wraps">{error.message}</span>
        ) : data === undefined ? (
          <span className="bone" title={t('loading')} />
        ) : (
          show(data) || '–'
        )}
      </dd>
      <dd>
        {data !== undefined
          ? edit?.(data)
          : error && (
              <Button size="small" aria-label={`${t('retry')}: ${name}`} onClick={() => void refetch()}>
                {t('retry')}
              </Button>
            )}
      </dd>
    </div>
  );
}

interface Editing<V> {
  name: string;
  values: V;
  wide?: boolean;
  save: (values: V) => Promise<void>;
  children: ReactNode;
}

/** A button that opens a form for one setting. */
function Edit<V extends object>(props: Editing<V>) {
  const t = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="small" aria-label={t('changeNamed', { name: props.name })} onClick={() => setOpen(true)}>
        {t('change')}
      </Button>
      {open && <EditDialog {...props} close={() => setOpen(false)} />}
    </>
  );
}

function EditDialog<V extends object>(props: Editing<V> & { close: () => void }) {
  const { name, values, wide = false, save, close, children } = props;
  const t = useTexts();
  const [form] = Form.useForm<V>();
  return (
    <FormDialog<V>
      title={name}
      okText={t('save')}
      width={wide ? 860 : 520}
      form={form}
      initial={values}
      run={() => save(form.getFieldsValue(true) as V)}
      close={close}
    >
      {children}
    </FormDialog>
  );
}

function TagFields() {
  const t = useTexts();
  const must = [{ required: true, message: t('required') }];
  return (
    <Form.List name="tags">
      {(fields, { add, remove }) => (
        <>
          {fields.map(field => (
            <div key={field.key} className="row">
              <Form.Item name={[field.name, 'name']} rules={must}>
                <Input aria-label={t('name')} placeholder={t('name')} maxLength={128} />
              </Form.Item>
              <Form.Item name={[field.name, 'value']} rules={must}>
                <Input aria-label={t('value')} placeholder={t('value')} maxLength={256} />
              </Form.Item>
              <RemoveRow at={field.name} remove={remove} />
            </div>
          ))}
          <Button type="dashed" onClick={() => add()}>
            + {t('addTag')}
          </Button>
        </>
      )}
    </Form.List>
  );
}
