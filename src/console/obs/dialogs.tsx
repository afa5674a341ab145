import { Input } from 'antd';
import { useState } from 'react';
import { changed } from '../call.ts';
import { Dialog } from '../parts/dialog.tsx';
import { ErrorView } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { type Entry, folderOf, nameOf } from './listing.ts';
import { startMoving } from './many.ts';
import { OBJECTS, obs } from './obs.ts';

/** Makes a folder: an object without content whose name ends with a slash. */
export function NewFolder({ bucket, prefix, close }: { bucket: string; prefix: string; close: () => void }) {
  const t = useTexts();
  const [name, setName] = useState('');
  const [failure, setFailure] = useState<unknown>();
  const make = async () => {
    try {
      await obs('PUT', { bucket, key: `${prefix + name}/` });
      await changed(OBJECTS);
      close();
    } catch (thrown) {
      setFailure(thrown);
    }
  };
  const fault = name !== '' && /^\/|\/\/|\/$/.test(name);
  return (
    <Dialog
      title={t('createFolder')}
      okText={t('create')}
      cancelText={t('cancel')}
      okButtonProps={{ disabled: name === '' || fault }}
      onOk={() => void make()}
      onCancel={close}
    >
      <label htmlFor="folder-name">
        {t('name')}
        <Input
          id="folder-name"
          autoFocus
          maxLength={1023}
          value={name}
          status={fault ? 'error' : ''}
          onChange={event => setName(event.target.value)}
          onPressEnter={() => name !== '' && !fault && void make()}
        />
      </label>
      <p className={fault ? 'state bad' : 'soft'}>{t('folderRule')}</p>
      {failure !== undefined && <ErrorView error={failure} />}
    </Dialog>
  );
}

/** Gives one entry another path, or puts several into another folder. */
export function Move(props: { bucket: string; entries: readonly Entry[]; moved: () => void; close: () => void }) {
  const { bucket, entries, moved, close } = props;
  const t = useTexts();
  const [first] = entries;
  const single = entries.length === 1 ? first! : undefined;
  const [path, setPath] = useState(single ? single.key.replace(/\/$/, '') : folderOf(first!.key));
  const target = (entry: Entry) => {
    const folder = entry.kind === 'folder' ? '/' : '';
    if (single) return path.replace(/\/$/, '') + folder;
    return path.replace(/\/?$/, path === '' ? '' : '/') + nameOf(entry.key) + folder;
  };
  const intoItself = entries.some(entry => entry.kind === 'folder' && target(entry).startsWith(entry.key));
  const same = entries.some(entry => target(entry) === entry.key);
  const move = () => {
    const title = t('moveNamed', { name: single ? nameOf(single.key) : t('entriesOf', { count: entries.length }) });
    startMoving(
      title,
      bucket,
      entries.map(from => ({ from, to: target(from) })),
    );
    moved();
    close();
  };
  return (
    <Dialog
      title={t('renameOrMove')}
      okText={t('move')}
      cancelText={t('cancel')}
      okButtonProps={{ disabled: intoItself || same || (single !== undefined && path === '') }}
      onOk={move}
      onCancel={close}
    >
      <p>{t('moveHelp')}</p>
      <label htmlFor="new-path">
        {t(single ? 'newPath' : 'newFolder')}
        <Input id="new-path" autoFocus value={path} maxLength={1024} onChange={event => setPath(event.target.value)} />
      </label>
      {intoItself && !same && <p className="state bad">{t('intoItself')}</p>}
    </Dialog>
  );
}
