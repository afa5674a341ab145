import { useEffect, useRef } from 'react';
import Plot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useSettings } from '../settings.ts';

export interface Line {
  name: string;
  /** null where nothing was measured. */
  values: readonly (number | null)[];
}

const DAY_MS = 86_400_000;
const HEIGHT = 180;
/** Steps of a scale of sizes. */
const BINARY = Array.from({ length: 40 }, (_, power) => 2 ** power);
const FONT = '12px system-ui, sans-serif';

/** The picture of a chart; see `Chart`. */
export default function ChartPlot(props: {
  title: string;
  times: readonly number[];
  lines: readonly Line[];
  write: (value: number) => string;
  top: number;
  binary: boolean;
}) {
  const { title, times, lines, write, top, binary } = props;
  const { language } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot>(undefined);
  const latest = useRef({ write, top, language });
  latest.current = { write, top, language };
  const names = lines.map(line => line.name).join('\n');

  // biome-ignore lint/correctness/useExhaustiveDependencies: what else changes is drawn into the same picture
  useEffect(() => {
    const element = box.current!;
    const made = new Plot(
      options(element.clientWidth, names.split('\n'), () => latest.current, binary),
      dataOf(times, lines),
      element,
    );
    plot.current = made;
    const sizes = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    sizes.observe(element);
    // Colours are those of the theme.
    const theme = new MutationObserver(() => made.redraw());
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    return () => {
      sizes.disconnect();
      theme.disconnect();
      made.destroy();
    };
  }, [names, language]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
  return <div ref={box} role="img" aria-label={title} />;
}

function dataOf(times: readonly number[], lines: readonly Line[]): Plot.AlignedData {
  return [times.map(time => time / 1000), ...lines.map(line => [...line.values])];
}

function options(
  width: number,
  names: readonly string[],
  now: () => { write: (value: number) => string; top: number; language: string },
  binary: boolean,
): Plot.Options {
  const timeOf = (seconds: number, span: number) =>
    new Date(seconds * 1000).toLocaleString(now().language === 'zh' ? 'zh-CN' : 'en-GB', {
      ...(span > DAY_MS ? { month: 'short', day: 'numeric' } : {}),
      hour: '2-digit',
      minute: '2-digit',
      ...(span < 5 * 60_000 ? { second: '2-digit' } : {}),
    });
  const spanOf = ({ scales }: Plot) => ((scales.x?.max ?? 0) - (scales.x?.min ?? 0)) * 1000;
  const axis = { stroke: () => colour('--soft'), font: FONT, ticks: { show: false } };
  const grid = { stroke: () => colour('--line'), width: 1 };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    padding: [8, 8, 0, 0],
    scales: {
      // Around a single time uPlot would take years.
      x: { time: true, range: (self, from, to) => (self.data[0].length === 1 ? [from - 60, from + 60] : [from, to]) },
      y: { range: (_, __, most) => [0, Math.max(most * 1.1, now().top) || 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 90,
        values: (self, splits) => splits.map(each => timeOf(each, spanOf(self))),
      },
      {
        ...axis,
        grid,
        size: 62,
        ...(binary ? { incrs: BINARY } : {}),
        values: (_, splits) => splits.map(each => now().write(each)),
      },
    ],
    series: [
      {},
      ...names.map((label, at) => ({
        label,
        width: 2,
        stroke: () => colour(`--series-${at}`),
        points: { size: 4 },
      })),
    ],
    hooks: { setCursor: [self => tellUnder(self, timeOf, spanOf, now)] },
  };
}

/** Tells, where the pointer is, the time and the values there. */
function tellUnder(
  self: Plot,
  timeOf: (seconds: number, span: number) => string,
  spanOf: (self: Plot) => number,
  now: () => { write: (value: number) => string },
): void {
  const { idx } = self.cursor;
  const time = idx === null || idx === undefined ? undefined : self.data[0][idx];
  if (time === undefined) {
    self.root.removeAttribute('title');
    return;
  }
  const values = self.series.slice(1).map((series, at) => {
    const value = self.data[at + 1]![idx!];
    return `${String(series.label)}: ${value === null || value === undefined ? '–' : now().write(value)}`;
  });
  self.root.title = [timeOf(time, spanOf(self)), ...values].join('\n');
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
