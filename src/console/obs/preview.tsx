import { useEffect, useState } from 'react';
import { ErrorView } from '../parts/error-view.tsx';
import { sizeText } from '../parts/words.tsx';
import { useTexts } from '../texts/index.ts';
import { shownAs } from './file-types.ts';
import { nameOf } from './listing.ts';
import { obs, useObs } from './obs.ts';

/** Of text and tables, so much of the beginning is read; images up to the second. */
const TEXT_BYTES = 256 * 1024;
const IMAGE_BYTES = 20 * 1024 ** 2;
const MOST_ROWS = 200;
const MOST_COLUMNS = 50;

interface Shown {
  bucket: string;
  objectKey: string;
  size: number;
  versionId?: string | undefined;
}

/** What an object holds, as an image, a table or text. It is never a document: HTML and SVG are shown as text. */
export function Preview(object: Shown) {
  const t = useTexts();
  const as = shownAs(object.objectKey);
  if (object.size === 0) return <p className="soft">{t('emptyObject')}</p>;
  if (as.kind !== 'image') return <Text {...object} separator={as.kind === 'table' ? as.separator : undefined} />;
  if (object.size > IMAGE_BYTES) return <p className="soft">{t('tooLargeToShow', { limit: sizeText(IMAGE_BYTES) })}</p>;
  return <Picture {...object} type={as.type} />;
}

function useBytes({ bucket, objectKey: key, size, versionId }: Shown, most: number) {
  return useObs(
    ['bytes', bucket, key, versionId, most],
    async signal => {
      const headers = size > most ? { range: `bytes=0-${most - 1}` } : undefined;
      const response = await obs(
        'GET',
        { bucket, key },
        { query: { versionId }, signal, ...(headers ? { headers } : {}) },
      );
      return new Uint8Array(await response.arrayBuffer());
    },
    ['objects'],
  );
}

function Picture(props: Shown & { type: string }) {
  const { type, ...object } = props;
  const t = useTexts();
  const { data, error, refetch } = useBytes(object, IMAGE_BYTES);
  const [url, setUrl] = useState<string>();
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!data) return;
    const made = URL.createObjectURL(new Blob([data], { type }));
    setUrl(made);
    setBroken(false);
    return () => URL.revokeObjectURL(made);
  }, [data, type]);
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  if (!data) return <span className="bone" title={t('loading')} />;
  if (broken) return <p className="soft">{t('noImageHere')}</p>;
  return (
    <div className="picture">
      {url && (
        <img src={url} alt={t('previewOf', { name: nameOf(object.objectKey) })} onError={() => setBroken(true)} />
      )}
    </div>
  );
}

function Text({ separator, ...object }: Shown & { separator: string | undefined }) {
  const t = useTexts();
  const { data, error, refetch } = useBytes(object, TEXT_BYTES);
  if (error && !data) return <ErrorView error={error} retry={() => void refetch()} />;
  if (!data) return <span className="bone" title={t('loading')} />;
  if (data.includes(0)) return <p className="soft">{t('noPreview')}</p>;
  const text = new TextDecoder().decode(data);
  return (
    <>
      {object.size > TEXT_BYTES && <p className="soft">{t('onlyBeginning', { limit: sizeText(TEXT_BYTES) })}</p>}
      {separator === undefined ? (
        <section className="log short" aria-label={t('preview')} tabIndex={0}>
          {text}
        </section>
      ) : (
        <Table rows={tableOf(text, separator)} />
      )}
    </>
  );
}

function Table({ rows }: { rows: readonly (readonly string[])[] }) {
  const t = useTexts();
  const [head = [], ...body] = rows;
  return (
    <section className="cells" aria-label={t('preview')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((cell, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns have no other identity
              <th key={at}>{cell}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity
            <tr key={at}>
              {row.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells have no other identity
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The first rows of a CSV file (RFC 4180): cells in quotes may hold separators, lines and doubled quotes. */
function tableOf(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    if (row.length < MOST_COLUMNS) row.push(cell);
    cell = '';
  };
  const endRow = () => {
    endCell();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (let at = 0; at < text.length && rows.length < MOST_ROWS; at++) {
    const character = text[at]!;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') {
        cell += '"';
        at++;
      } else quoted = false;
    } else if (character === '"' && cell === '') quoted = true;
    else if (character === separator) endCell();
    else if (character === '\n') endRow();
    else if (character !== '\r') cell += character;
  }
  if (cell !== '' || row.length > 0) endRow();
  return rows;
}
