import { Form, Input } from 'antd';
import { useState } from 'react';
import { changed } from '../call.ts';
import { useAct } from '../parts/act.ts';
import { Dialog } from '../parts/dialog.tsx';
import { FormDialog } from '../parts/form-dialog.tsx';
import { useTexts } from '../texts/index.ts';
import { type Entry, folderOf, listPage, nameOf, present } from './listing.ts';
import { startMoving } from './many.ts';
import { OBJECTS, obs } from './obs.ts';
import { useSureToReplace } from './replace.ts';

/** Makes a folder: an object without content whose name ends with a slash. */
export function NewFolder({ bucket, prefix, close }: { bucket: string; prefix: string; close: () => void }) {
  const t = useTexts();
  return (
    <FormDialog<{ name: string }>
      title={t('createFolder')}
      okText={t('create')}
      run={async ({ name }) => {
        await obs('PUT', { bucket, key: `${prefix + name}/` });
        await changed(OBJECTS);
      }}
      close={close}
    >
      <Form.Item
        name="name"
        label={t('name')}
        extra={t('folderRule')}
        rules={[
          { required: true, message: t('required') },
          { pattern: /^[^/]+(\/[^/]+)*$/, message: t('folderRule') },
        ]}
      >
        <Input autoFocus maxLength={1023} />
      </Form.Item>
    </FormDialog>
  );
}

/** Gives one entry another path, or puts several into another folder. */
export function Move(props: { bucket: string; entries: readonly Entry[]; moved: () => void; close: () => void }) {
  const { bucket, entries, moved, close } = props;
  const t = useTexts();
  const { acting, act } = useAct();
  const sureToReplace = useSureToReplace();
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
  const move = async () => {
    const files = entries.filter(({ kind }) => kind !== 'folder').map(target);
    const there = files.length > 0 ? await present(bucket, folderOf(files[0]!), files) : [];
    for (const folder of entries.filter(({ kind }) => kind === 'folder').map(target)) {
      const { entries: inIt } = await listPage({ bucket, prefix: folder, deep: true, limit: 1 });
      if (inIt.length > 0) there.push(folder);
    }
    if (!(await sureToReplace(there))) return;
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
      okButtonProps={{
        disabled: intoItself || same || (single !== undefined && path === ''),
        loading: acting === 'move',
      }}
      busy={acting === 'move'}
      onOk={() => act('move', move)}
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
