import { App, Button, Input } from 'antd';
import type { TextAreaRef } from 'antd/es/input/TextArea';
import { useEffect, useRef, useState } from 'react';
import { isFailure } from '../../kernel/failure.ts';
import { changed } from '../call.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { jsonFault, placeOfPath, type TextPlace } from './json-place.ts';
import { LIVE_BUCKETS, obs, useObs } from './obs.ts';

/** The policy of a bucket as JSON. What the server finds wrong is shown where it stands. */
export function PolicyEditor({ bucket }: { bucket: string }) {
  const t = useTexts();
  const { message } = App.useApp();
  const area = useRef<TextAreaRef>(null);
  const { data, error } = useObs(['policy', bucket], signal => policyOf(bucket, signal));
  const [text, setText] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<{ error: unknown; place?: TextPlace | undefined }>();
  // What somebody else saves meanwhile does not take away what was typed.
  const shown = text ?? data ?? '';
  const fault = shown.trim() === '' ? undefined : jsonFault(shown);
  useEffect(() => {
    const place = failure?.place;
    const element = area.current?.resizableTextArea?.textArea;
    if (!place || !element) return;
    element.focus();
    element.setSelectionRange(place.start, place.end);
  }, [failure]);
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await work();
      await changed(...LIVE_BUCKETS);
      setText(undefined);
      void message.success(t('saved'));
    } catch (thrown) {
      const path = isFailure(thrown) ? /\$[\w.[\]":-]+/.exec(thrown.message)?.[0] : undefined;
      setFailure({ error: thrown, place: path ? placeOfPath(shown, path.replace(/[:.]$/, '')) : undefined });
    }
    setBusy(false);
  };
  const save = () => attempt(() => obs('PUT', { bucket }, { query: { policy: '' }, body: shown }));
  const remove = () => attempt(() => obs('DELETE', { bucket }, { query: { policy: '' } }));
  return (
    <section className="card" aria-label={t('bucketPolicy')}>
      <h2>{t('bucketPolicy')}</h2>
      <p className="soft">{t('bucketPolicyHelp')}</p>
      {error ? (
        <ErrorView error={error} />
      ) : (
        <>
          <Input.TextArea
            ref={area}
            className="mono code"
            rows={14}
            aria-label={t('bucketPolicy')}
            spellCheck={false}
            value={shown}
            status={fault ? 'error' : ''}
            onChange={event => setText(event.target.value)}
          />
          <div aria-live="polite" className="after">
            {fault && (
              <p className="state bad wraps">{t('faultAtLine', { line: fault.place.line, reason: fault.message })}</p>
            )}
            {failure && (
              <ErrorView
                error={failure.error}
                {...(failure.place ? { title: t('wrongInLine', { line: failure.place.line }) } : {})}
              />
            )}
          </div>
          <div className="filters">
            <Button
              type="primary"
              loading={busy}
              disabled={shown.trim() === '' || fault !== undefined || shown === data}
              onClick={() => void save()}
            >
              {t('save')}
            </Button>
            <Button disabled={text === undefined} onClick={() => setText(undefined)}>
              {t('undo')}
            </Button>
            <Button danger disabled={!data} onClick={() => void remove()}>
              {t('removePolicy')}
            </Button>
            <span className="spring" />
            <Button onClick={() => setText(example(bucket))}>{t('examplePublicRead')}</Button>
          </div>
        </>
      )}
    </section>
  );
}

/** The policy with its lines laid out; '' where there is none. */
async function policyOf(bucket: string, signal: AbortSignal): Promise<string> {
  try {
    const text = await (await obs('GET', { bucket }, { query: { policy: '' }, signal })).text();
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (error) {
    if (isFailure(error) && error.code === 'NoSuchBucketPolicy') return '';
    throw error;
  }
}

/** Everybody may read what lies in one folder. */
function example(bucket: string): string {
  const statement = {
    Sid: 'public-read',
    Effect: 'Allow',
    Principal: { ID: ['*'] },
    Action: ['GetObject'],
    Resource: [`${bucket}/public/*`],
  };
  return JSON.stringify({ Statement: [statement] }, null, 2);
}
