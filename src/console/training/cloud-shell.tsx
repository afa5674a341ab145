import { Alert, Button, Select, Tabs } from 'antd';
import { lazy, Suspense, useState } from 'react';
import type { showTrainingJob } from '../../resources/training-jobs/job.api.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { textOf } from '../parts/facts.tsx';
import { Gated, useDenial, useMay } from '../parts/gated.tsx';
import { useTexts } from '../texts/index.ts';

const Terminal = lazy(() => import('./terminal.tsx'));
const EXEC = 'modelarts:trainJob:exec';

/** Terminals in the tasks of a job, each on a tab of its own; where there can be none, why. Those that have ended stay until they are closed. */
export function CloudShell({ job }: { job: ResponseOf<typeof showTrainingJob> }) {
  const t = useTexts();
  const denial = useDenial(EXEC);
  const may = useMay(EXEC);
  const { tasks, phase } = job.status;
  const [task, setTask] = useState(tasks[0] ?? 'worker-0');
  const [open, setOpen] = useState<readonly { key: string; task: string }[]>([]);
  const [shown, setShown] = useState('');
  const [next, setNext] = useState(1);
  const why =
    textOf(job.spec, 'resource', 'pool_id') === ''
      ? t('shellPoolsOnly')
      : denial !== undefined
        ? `${t('deniedBecause', { reason: denial })} ${t('askAdministrator', { action: EXEC })}`
        : phase === 'Running'
          ? undefined
          : t('shellNotRunning', { phase });
  const add = () => {
    const key = String(next);
    setOpen([...open, { key, task }]);
    setShown(key);
    setNext(next + 1);
  };
  const close = (key: string) => {
    const left = open.filter(each => each.key !== key);
    setOpen(left);
    if (shown === key) setShown(left.at(-1)?.key ?? '');
  };
  const labelOf = ({ key, task }: { key: string; task: string }) => t('shellNumber', { task, number: key });
  return (
    <>
      {why && <Alert type="info" showIcon title={why} />}
      {!why && !may && <span className="bone" title={t('loading')} />}
      {!why && may && (
        <div className="filters">
          {tasks.length > 1 && (
            <Select
              aria-label={t('task')}
              value={task}
              onChange={setTask}
              options={tasks.map(value => ({ value, label: value }))}
            />
          )}
          <Gated action={EXEC} type="primary" onClick={add}>
            {t('openShell')}
          </Gated>
          <span className="soft">{t('shellHelp')}</span>
        </div>
      )}
      {open.length > 0 && (
        <Tabs
          style={{ marginTop: 12 }}
          type="card"
          activeKey={shown}
          onChange={setShown}
          items={open.map(each => ({
            key: each.key,
            label: labelOf(each),
            children: (
              <>
                <Suspense fallback={<div className="shell" />}>
                  <Terminal jobId={job.metadata.id} task={each.task} label={labelOf(each)} />
                </Suspense>
                {/* A list of tabs holds nothing but tabs. */}
                <p>
                  <Button onClick={() => close(each.key)}>{t('closeNamed', { name: labelOf(each) })}</Button>
                </p>
              </>
            ),
          }))}
        />
      )}
    </>
  );
}
