import { Input, Switch } from 'antd';
import { Fragment, useEffect, useMemo, useRef, useState } from 'react';
import { pathOf } from '../../client/call.ts';
import { followTrainingJobLog } from '../../resources/training-jobs/log.api.ts';
import { call, send } from '../call.ts';
import { currentProject } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { ErrorView } from './error-view.tsx';

/** Of a long log, this much of the end is shown. */
const SHOWN_BYTES = 1024 * 1024;
const AGAIN_MS = 2_000;

/** A task's log as it is written, with search. A log begins anew with each `attempt`. */
export function LogView({ jobId, task, attempt }: { jobId: string; task: string; attempt: number }) {
  const t = useTexts();
  const { text, failure } = useLog(jobId, task, attempt);
  const [wanted, setWanted] = useState('');
  const [follow, setFollow] = useState(true);
  const end = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    if (wanted === '') return text;
    return text
      ?.split('\n')
      .filter(line => line.toLowerCase().includes(wanted.toLowerCase()))
      .join('\n');
  }, [text, wanted]);
  useEffect(() => {
    const box = end.current;
    if (follow && box && shown) box.scrollTop = box.scrollHeight;
  }, [shown, follow]);
  return (
    <>
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t('searchLog')}
          placeholder={t('searchLog')}
          style={{ width: 280 }}
          onChange={event => setWanted(event.target.value)}
        />
        {wanted !== '' && shown !== undefined && (
          <span className="soft" role="status">
            {t('linesFound', { count: shown === '' ? 0 : shown.split('\n').length })}
          </span>
        )}
        <span className="spring" />
        <Switch checked={follow} onChange={setFollow} aria-label={t('followEnd')} size="small" />
        <span aria-hidden="true">{t('followEnd')}</span>
      </div>
      {failure && <ErrorView error={failure.error} retry={failure.retry} />}
      <div ref={end} className="log" role="log" aria-label={t('log')} aria-live="off" tabIndex={0}>
        {shown === undefined ? (
          !failure && <span className="bone" title={t('loading')} />
        ) : shown === '' ? (
          <span className="soft">{t(wanted === '' ? 'noLog' : 'noMatch')}</span>
        ) : (
          <Marked text={shown} part={wanted} />
        )}
      </div>
    </>
  );
}

function Marked({ text, part }: { text: string; part: string }) {
  if (part === '') return text;
  const pieces = text.split(new RegExp(`(${part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`, 'i'));
  // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other identity
  return pieces.map((piece, at) => <Fragment key={at}>{at % 2 ? <mark>{piece}</mark> : piece}</Fragment>);
}

/**
 * The text so far, undefined until that is known; it goes on by itself until the job has ended. Where reading failed, `retry` goes on from there.
 */
function useLog(jobId: string, task: string, attempt: number) {
  const [text, setText] = useState<string>();
  const [failure, setFailure] = useState<{ error: unknown; retry: () => void }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt has a log of its own
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const params = { training_job_id: jobId, task_id: task };
    const path = pathOf(followTrainingJobLog, { params }, currentProject());
    const decoder = new TextDecoder();
    let offset: number | undefined;
    const read = async () => {
      for (;;) {
        const query = { lines: 1, order: 'desc' } as const;
        const { full_size, finished } = await call(followTrainingJobLog, { params, query, signal });
        if (full_size === 0) setText('');
        offset ??= Math.max(full_size - SHOWN_BYTES, 0);
        const response = await send('GET', path, { query: { offset, follow: true }, signal });
        const reader = response.body!.getReader();
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          offset += value.length;
          const more = decoder.decode(value, { stream: true });
          setText((before = '') => (before + more).slice(-SHOWN_BYTES));
        }
        if (finished && offset >= full_size) return;
        // It has ended meanwhile, or the connection alone has.
        await new Promise(resolve => setTimeout(resolve, AGAIN_MS));
      }
    };
    const go = () => {
      setFailure(undefined);
      read().catch(error => {
        if (!signal.aborted) setFailure({ error, retry: go });
      });
    };
    setText(undefined);
    go();
    return () => controller.abort();
  }, [jobId, task, attempt]);
  return { text, failure };
}
