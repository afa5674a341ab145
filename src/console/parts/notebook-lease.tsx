import { Select } from 'antd';
import { useState } from 'react';
import { renewLease } from '../../resources/notebooks/notebook.api.ts';
import { call, changed } from '../call.ts';
import { useTexts } from '../texts/index.ts';
import { useAct } from './act.ts';
import { Gated } from './gated.tsx';
import { HOUR_MS, leaseEnd, type Notebook } from './notebook.tsx';
import { durationText, Time } from './words.tsx';

const HOURS = [1, 2, 4, 6, 12, 24];
/** Requests take time, and an instance may not run for more than a day from when the server gets it. */
const MARGIN_MS = 1000;

/** When a running instance stops by itself, and another time for it, counted from now. */
export function Lease({ notebook }: { notebook: Notebook }) {
  const t = useTexts();
  const { acting, act } = useAct();
  const [hours, setHours] = useState(1);
  const { id, lease } = notebook;
  const idle = lease.type === 'IDLE';
  const extend = async () => {
    // The wire counts from the start of the instance; what stops when idle counts from its last use.
    const since = idle ? 0 : Math.max(Date.now() - Number(lease.create_at) - MARGIN_MS, 0);
    await call(renewLease, { params: { id }, body: { duration: since + hours * HOUR_MS } });
    await changed('notebooks');
  };
  return (
    <span className="filters">
      {idle ? t('stopsWhenIdle', { duration: durationText(Number(lease.duration)) }) : <Time at={leaseEnd(lease)} />}
      <Select
        aria-label={t('extendBy')}
        size="small"
        style={{ width: 90 }}
        value={hours}
        onChange={setHours}
        options={HOURS.map(value => ({ value, label: `${value} h` }))}
      />
      <Gated
        action="modelarts:notebook:updateStopPolicy"
        size="small"
        loading={acting === 'extend'}
        onClick={() => act('extend', extend)}
      >
        {t('extend')}
      </Gated>
    </span>
  );
}
