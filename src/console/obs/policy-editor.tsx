import { Alert, App, Button } from 'antd';
import { lazy, Suspense, useMemo, useState } from 'react';
import { isFailure } from '../../kernel/failure.ts';
import { changed } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { bucketPolicyLanguage } from './bucket-policy-language.ts';
import { LIVE_BUCKETS, obs, useObs } from './obs.ts';

const JsonEditor = lazy(() => import('../parts/json-editor.tsx'));

/** The policy of a bucket as JSON, with what is wrong with it shown where it stands, as one types. */
export function PolicyEditor({ bucket }: { bucket: string }) {
  const t = useTexts();
  const { message } = App.useApp();
  const language = useMemo(() => bucketPolicyLanguage(bucket), [bucket]);
  const { data, error, refetch } = useObs(['policy', bucket], signal => policyOf(bucket, signal));
  const [text, setText] = useState<string>();
  const { acting, act } = useAct();
  const [failure, setFailure] = useState<unknown>();
  // What somebody else saves meanwhile does not take away what was typed.
  const shown = text ?? data ?? '';
  const fault = shown.trim() === '' ? undefined : language.examine(shown).error;
  const attempt = async (work: () => Promise<unknown>) => {
    setFailure(undefined);
    try {
      await work();
      await changed(...LIVE_BUCKETS);
      // What was typed meanwhile is not saved yet.
      setText(now => (now === text ? undefined : now));
      void message.success(t('saved'));
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  const save = () => attempt(() => obs('PUT', { bucket }, { query: { policy: '' }, body: shown }));
  const remove = () => attempt(() => obs('DELETE', { bucket }, { query: { policy: '' } }));
  return (
    <section className="card" aria-label={t('bucketPolicy')}>
      <h2>{t('bucketPolicy')}</h2>
      <p className="soft">{t('bucketPolicyHelp')}</p>
      {error && <ErrorView error={error} retry={() => void refetch()} />}
      {data === undefined ? (
        !error && <span className="bone" title={t('loading')} />
      ) : (
        <>
          <Suspense fallback={<span className="bone" title={t('loading')} />}>
            <JsonEditor label={t('bucketPolicy')} language={language} text={shown} onChange={setText} />
          </Suspense>
          <div aria-live="polite" className="after">
            {fault && (
              <Alert
                type="error"
                showIcon
                title={t('policyInvalid')}
                description={`${fault.path}: ${fault.problem}. ${t('allowedThere', { what: fault.allowed })}`}
              />
            )}
            {failure !== undefined && <ErrorView error={failure} />}
          </div>
          <div className="filters">
            <Button
              type="primary"
              loading={acting === 'save'}
              disabled={shown.trim() === '' || fault !== undefined || shown === data}
              onClick={() => act('save', save)}
            >
              {t('save')}
            </Button>
            <Button disabled={text === undefined} onClick={() => setText(undefined)}>
              {t('undo')}
            </Button>
            <Button danger disabled={!data} loading={acting === 'remove'} onClick={() => act('remove', remove)}>
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
