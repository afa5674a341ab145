import { useNavigate, useSearch } from '@tanstack/react-router';
import { Button, Input, Select } from 'antd';
import { useEffect, useState } from 'react';
import { listTraces } from '../../resources/audit/audit.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { queryOf, useCall } from '../call.ts';
import { allActions } from '../iam/policy-document.ts';
import { type Column, DataTable } from '../parts/data-table.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Empty } from '../parts/empty.tsx';
import { Facts, textOf } from '../parts/facts.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/words.tsx';
import { type TextKey, useTexts } from '../texts/index.ts';

type Trace = ResponseOf<typeof listTraces>['traces'][number];
type Verdict = 'allow' | 'deny' | 'none';
interface Search {
  user?: string | undefined;
  action?: string | undefined;
  resource?: string | undefined;
  request?: string | undefined;
  verdict?: string | undefined;
  /** Milliseconds since the epoch. */
  from?: number | undefined;
  to?: number | undefined;
  /** The marker of a page; the newest without it. */
  next?: string | undefined;
}

const PAGE = 100;
const VERDICTS: Record<Verdict, { text: TextKey; tone: string }> = {
  allow: { text: 'isAllowed', tone: 'good' },
  deny: { text: 'isDenied', tone: 'bad' },
  none: { text: 'notDecided', tone: '' },
};
/** A verdict of the trail with its tone. */
function Judged({ trace: { verdict } }: { trace: Trace }) {
  const t = useTexts();
  const { text, tone } = VERDICTS[verdict as Verdict];
  return <span className={`state ${tone}`}>{t(text)}</span>;
}

const TEXTS = ['user', 'action', 'resource', 'request'] as const;
const LABELS = { user: 'auditUser', action: 'action', resource: 'auditResource', request: 'auditRequest' } as const;

/** Who did what, when, and whether it was allowed; newest first. The search stands in the address. */
export default function Audit() {
  const t = useTexts();
  const navigate = useNavigate();
  const search: Search = useSearch({ strict: false });
  const [showing, setShowing] = useState<Trace>();
  const verdict = (Object.keys(VERDICTS) as Verdict[]).find(each => each === search.verdict);
  const query = {
    limit: PAGE,
    ...(search.user ? { user: String(search.user) } : {}),
    ...(search.action ? { action: String(search.action) } : {}),
    ...(search.resource ? { resource_id: String(search.resource) } : {}),
    ...(search.request ? { request_id: String(search.request) } : {}),
    ...(verdict ? { verdict } : {}),
    ...(search.from ? { from: search.from } : {}),
    ...(search.to ? { to: search.to } : {}),
    ...(search.next ? { next: String(search.next) } : {}),
  };
  const { data } = useCall(listTraces, { query });
  const go = (change: Search, replace = true) =>
    void navigate({ to: '.', search: { ...search, next: undefined, ...change } as object, replace });
  const columns: Column<Trace>[] = [
    { title: t('time'), width: '175px', show: ({ time }) => <Time at={time} /> },
    { title: t('auditUser'), width: 'minmax(90px, 1fr)', show: ({ user }) => user?.name ?? '–' },
    {
      title: t('operation'),
      width: 'minmax(150px, 2fr)',
      show: trace => (
        <Button type="link" style={{ padding: 0 }} onClick={() => setShowing(trace)}>
          {trace.trace_name}
        </Button>
      ),
    },
    { title: t('action'), width: 'minmax(160px, 2fr)', show: ({ action }) => action ?? '–' },
    {
      title: t('resource'),
      width: 'minmax(110px, 2fr)',
      show: ({ resource_type = '', resource_id = '' }) => [resource_type, resource_id].filter(Boolean).join(' ') || '–',
    },
    {
      title: t('verdict'),
      width: '110px',
      show: trace => <Judged trace={trace} />,
    },
    { title: t('code'), width: '50px', show: ({ code }) => code },
  ];
  return (
    <Page title={t('audit')}>
      <div className="filters">
        {TEXTS.map(name => (
          <Text
            key={name}
            label={t(LABELS[name])}
            value={String(search[name] ?? '')}
            list={name === 'action' ? allActions : []}
            change={text => go({ [name]: text || undefined })}
          />
        ))}
        <Select
          aria-label={t('verdict')}
          style={{ width: 150 }}
          value={verdict ?? ''}
          options={[
            { value: '', label: t('allVerdicts') },
            ...Object.entries(VERDICTS).map(([value, { text }]) => ({ value, label: t(text) })),
          ]}
          onChange={value => go({ verdict: value || undefined })}
        />
        {(['from', 'to'] as const).map(end => (
          <label key={end} htmlFor={`audit-${end}`}>
            {t(end)}{' '}
            <Input
              id={`audit-${end}`}
              type="datetime-local"
              style={{ width: 200 }}
              value={localTime(search[end])}
              onChange={event => go({ [end]: event.target.value ? new Date(event.target.value).getTime() : undefined })}
            />
          </label>
        ))}
      </div>
      <DataTable
        key={JSON.stringify(query)}
        label={t('audit')}
        columns={columns}
        pageSize={PAGE}
        page={() => queryOf(listTraces, { query })}
        read={({ traces }) => ({ items: traces, count: traces.length })}
        empty={<Empty title={t('noTraces')} help={t('noTracesHelp')} />}
      />
      <div className="filters">
        <Button disabled={!search.next} onClick={() => go({})}>
          {t('newest')}
        </Button>
        <Button
          disabled={!data?.meta_data.marker}
          onClick={() => go({ next: data?.meta_data.marker ?? undefined }, false)}
        >
          {t('older')}
        </Button>
      </div>
      {showing && <Details trace={showing} close={() => setShowing(undefined)} />}
    </Page>
  );
}

/** A time as fields for times have it: here, to the minute. */
function localTime(at: number | undefined): string {
  if (at === undefined) return '';
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A text that is searched for when it is finished: the trail is long, and each search reads it. */
function Text(props: { label: string; value: string; list: readonly string[]; change: (text: string) => void }) {
  const { label, value, list, change } = props;
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const done = () => typed.trim() !== value && change(typed.trim());
  return (
    <>
      <Input
        allowClear
        aria-label={label}
        placeholder={label}
        style={{ width: 190 }}
        value={typed}
        {...(list.length > 0 ? { list: 'audit-actions' } : {})}
        onChange={event => setTyped(event.target.value)}
        onClear={() => change('')}
        onPressEnter={done}
        onBlur={done}
      />
      {list.length > 0 && (
        <datalist id="audit-actions">
          {list.map(each => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}

function Details({ trace, close }: { trace: Trace; close: () => void }) {
  const t = useTexts();
  const behind = textOf(trace.user?.assumed_by, 'user', 'name');
  return (
    <Dialog width={720} title={trace.trace_name} footer={null} onCancel={close}>
      <Facts
        facts={[
          [t('time'), <Time key="time" at={trace.time} />],
          [t('auditUser'), [trace.user?.name, behind && t('onBehalfOf', { name: behind })].filter(Boolean).join(' ')],
          [t('type'), trace.user?.type],
          [t('action'), trace.action],
          [t('verdict'), <Judged key="verdict" trace={trace} />],
          [t('resource'), [trace.resource_type, trace.resource_id].filter(Boolean).join(' ')],
          [t('code'), [trace.code, trace.message].filter(Boolean).join(' ')],
          [t('call'), <code key="call">{`${trace.method} ${trace.path}`}</code>],
          [t('sourceAddress'), trace.source_ip],
          [t('credential'), trace.credential],
          [t('workspace'), trace.workspace_id],
          [t('duration'), `${trace.duration_ms} ms`],
          [t('auditRequest'), trace.request_id],
        ]}
      />
    </Dialog>
  );
}
