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

/** A task's log as it is written, with search. */
export function LogView({ jobId, task }: { jobId: string; task: string }) {
  const t = useTexts();
  const { text, failure } = useLog(jobId, task);
  const [wanted, setWanted] = useState('');
  const [follow, setFollow] = useState(true);
  const end = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => {
    if (wanted === '') return text;
    return text
      .split('\n')
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
        {wanted !== '' && (
          <span className="soft" role="status">
            {t('linesFound', { count: shown === '' ? 0 : shown.split('\n').length })}
          </span>
        )}
        <span className="spring" />
        <Switch checked={follow} onChange={setFollow} aria-label={t('followEnd')} size="small" />
        <span aria-hidden="true">{t('followEnd')}</span>
      </div>
      {failure !== undefined && <ErrorView error={failure} />}
      <div ref={end} className="log" role="log" aria-label={t('log')} aria-live="off" tabIndex={0}>
        {shown === '' ? (
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

/** The text so far; it goes on by itself until the job has ended. */
function useLog(jobId: string, task: string): { text: string; failure: unknown } {
  const [text, setText] = useState('');
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    setText('');
    setFailure(undefined);
    const params = { training_job_id: jobId, task_id: task };
    (async () => {
      const { full_size } = await call(followTrainingJobLog, { params, query: { lines: 1, order: 'desc' }, signal });
      const offset = Math.max(full_size - SHOWN_BYTES, 0);
      const path = pathOf(followTrainingJobLog, { params }, currentProject());
      const response = await send('GET', path, { query: { offset, follow: true }, signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        setText(before => (before + value).slice(-SHOWN_BYTES));
      }
    })().catch(error => {
      if (!signal.aborted) setFailure(error);
    });
    return () => controller.abort();
  }, [jobId, task]);
  return { text, failure };
}
