import { lazy, Suspense } from 'react';
import { useTexts } from '../texts/index.ts';
import type { Line } from './chart-plot.tsx';

export type { Line } from './chart-plot.tsx';

const Plot = lazy(() => import('./chart-plot.tsx'));
/** As many as there are colours that can be told from each other. */
const COLOURS = 6;

/**
 * Lines over time. `times`: milliseconds since the epoch, in order, one for each value of each line; `write` puts a value into words, with its
 * unit; `top`: the least that the scale reaches. Beside the picture, which takes its place before it is loaded, a table tells each line's
 * latest, average and greatest value.
 */
export function Chart(props: {
  title: string;
  times: readonly number[];
  lines: readonly Line[];
  write: (value: number) => string;
  top?: number;
  /** Values are sizes, whose scale has steps of powers of two. */
  binary?: boolean;
  /** Values are being read: whether there are any is not said. */
  loading?: boolean;
}) {
  const { title, times, lines, write, top = 0, binary = false, loading = false } = props;
  const t = useTexts();
  const known = lines.filter(line => line.values.some(value => value !== null)).slice(0, COLOURS);
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <div className="plot">
        {known.length === 0 ? (
          <p className="soft">{loading ? <span className="bone" title={t('loading')} /> : t('noSamples')}</p>
        ) : (
          <Suspense>
            <Plot title={title} times={times} lines={known} write={write} top={top} binary={binary} />
          </Suspense>
        )}
      </div>
      {known.length > 0 && (
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">{t('latest')}</th>
              <th scope="col">{t('average')}</th>
              <th scope="col">{t('greatest')}</th>
            </tr>
          </thead>
          <tbody>
            {known.map(({ name, values }, at) => {
              const numbers = values.filter(value => value !== null);
              const total = numbers.reduce((sum, value) => sum + value, 0);
              return (
                <tr key={name}>
                  <th scope="row" className={`series s${at}`}>
                    {name}
                  </th>
                  <td>{write(numbers.at(-1)!)}</td>
                  <td>{write(total / numbers.length)}</td>
                  <td>{write(numbers.reduce((most, value) => Math.max(most, value)))}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </figure>
  );
}

export const percentText = (value: number): string => `${Number(value.toFixed(1))} %`;
