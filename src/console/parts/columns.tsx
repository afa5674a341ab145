import { Button, Checkbox } from 'antd';
import { type ReactNode, useState } from 'react';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';
import { Dialog } from './dialog.tsx';

interface Named {
  title: string;
  key?: string;
}

const PREFIX = 'atelier-columns';
const keyOf = ({ key, title }: Named): string => key ?? title;

/**
 * Which of a list's columns are shown, and in which order, as the user chose for this browser; and the button by which one chooses. `name` is the
 * list's, none when nothing can be chosen. The first column, which tells what a row is, always stays.
 */
export function useColumns<C extends Named>(
  name: string | undefined,
  columns: readonly C[],
): [readonly C[], ReactNode] {
  const t = useTexts();
  const { user } = useSession();
  const place = `${PREFIX}:${user.id}:${name}`;
  const [chosen, setChosen] = useState(() => (name ? read(place) : undefined));
  const [choosing, setChoosing] = useState(false);
  if (!name) return [columns, null];
  const [first, ...rest] = columns;
  const found = (chosen ?? []).flatMap(key => rest.find(column => keyOf(column) === key) ?? []);
  const shown = chosen === undefined ? columns : [first!, ...found];
  const choose = (keys: string[] | undefined) => {
    setChosen(keys);
    write(place, keys);
  };
  const chooser = (
    <>
      <Button
        className="choose-columns"
        type="text"
        size="small"
        aria-label={t('columns')}
        title={t('columns')}
        onClick={() => setChoosing(true)}
      >
        <span aria-hidden="true">⋮</span>
      </Button>
      {choosing && <Chooser columns={rest} shown={shown.slice(1)} choose={choose} close={() => setChoosing(false)} />}
    </>
  );
  return [shown, chooser];
}

/** Those that are shown come first, in their order. */
function Chooser(props: {
  columns: readonly Named[];
  shown: readonly Named[];
  choose: (keys: string[] | undefined) => void;
  close: () => void;
}) {
  const { columns, shown, choose, close } = props;
  const t = useTexts();
  const keys = shown.map(keyOf);
  const hidden = columns.filter(column => !keys.includes(keyOf(column)));
  const swap = (at: number, other: number) => choose(keys.with(at, keys[other]!).with(other, keys[at]!));
  return (
    <Dialog
      title={t('columns')}
      onCancel={close}
      footer={[
        <Button key="reset" onClick={() => choose(undefined)}>
          {t('resetColumns')}
        </Button>,
        <Button key="close" type="primary" onClick={close}>
          {t('close')}
        </Button>,
      ]}
    >
      <p className="soft">{t('columnsHelp')}</p>
      <ul className="plain columns">
        {[...shown, ...hidden].map((column, at) => {
          const on = at < shown.length;
          return (
            <li key={keyOf(column)}>
              <Checkbox checked={on} onChange={() => choose(on ? keys.toSpliced(at, 1) : [...keys, keyOf(column)])}>
                {column.title}
              </Checkbox>
              <span className="spring" />
              <Button
                size="small"
                type="text"
                disabled={!on || at === 0}
                aria-label={t('earlier', { name: column.title })}
                onClick={() => swap(at, at - 1)}
              >
                ↑
              </Button>
              <Button
                size="small"
                type="text"
                disabled={!on || at === shown.length - 1}
                aria-label={t('later', { name: column.title })}
                onClick={() => swap(at, at + 1)}
              >
                ↓
              </Button>
            </li>
          );
        })}
      </ul>
    </Dialog>
  );
}

function read(place: string): string[] | undefined {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(place) ?? 'null');
    return Array.isArray(kept) ? kept.filter(each => typeof each === 'string') : undefined;
  } catch {
    return undefined; // no storage, or somebody else's text in it
  }
}

function write(place: string, keys: readonly string[] | undefined): void {
  try {
    if (keys === undefined) localStorage.removeItem(place);
    else localStorage.setItem(place, JSON.stringify(keys));
  } catch {
    // Kept for this page alone.
  }
}
