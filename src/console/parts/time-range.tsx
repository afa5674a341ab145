import { Segmented } from 'antd';
import { type TextKey, useTexts } from '../texts/index.ts';

const TEXTS = { hour: 'lastHour', day: 'lastDay', week: 'lastWeek' } as const satisfies Record<string, TextKey>;
export type TimeRange = keyof typeof TEXTS;

/** How far back, in minutes, and how many seconds each point stands for. */
const RANGES: Record<TimeRange, { minutes: number; period: number }> = {
  hour: { minutes: 60, period: 60 },
  day: { minutes: 1_440, period: 300 },
  week: { minutes: 10_080, period: 3_600 },
};

/** Of a range that stands in an address, where anything may stand. */
export const rangeOf = (range: TimeRange) => RANGES[range] ?? RANGES.hour;

/** Chooses how far back charts go. */
export function ChooseRange({ range, onRange }: { range: TimeRange; onRange(range: TimeRange): void }) {
  const t = useTexts();
  return (
    <p>
      <Segmented
        aria-label={t('timeRange')}
        value={range}
        onChange={onRange}
        options={Object.entries(TEXTS).map(([value, text]) => ({ value: value as TimeRange, label: t(text) }))}
      />
    </p>
  );
}
