import { useNavigate, useSearch } from '@tanstack/react-router';
import { App, Button, Input, Switch } from 'antd';
import { type DragEvent, useDeferredValue, useEffect, useRef, useState } from 'react';
import { useAct } from '../parts/act.ts';
import { Empty } from '../parts/empty.tsx';
import { useTell } from '../parts/error-view.tsx';
import { useTexts } from '../texts/index.ts';
import { Move, NewFolder } from './dialogs.tsx';
import { chosenFiles, droppedFiles, type Given } from './dropped.ts';
import { EntryTable, idOf } from './entry-table.tsx';
import { type Entry, nameOf, present } from './listing.ts';
import { startDeleting } from './many.ts';
import { download, ObjectDrawer } from './object-drawer.tsx';
import { useSureToReplace } from './replace.ts';
import { Trail } from './trail.tsx';
import { startUploads } from './transfers.ts';
import { UnfinishedList } from './unfinished-list.tsx';

interface Search {
  prefix?: unknown;
  find?: unknown;
  object?: unknown;
  versions?: unknown;
}

const NONE: ReadonlyMap<string, Entry> = new Map();
const textIn = (value: unknown) => (value === undefined ? '' : String(value));

/** The file browser of a bucket. Folder, filter and open object stand in the address. */
export function ObjectsTab({ bucket }: { bucket: string }) {
  const t = useTexts();
  const tell = useTell();
  const navigate = useNavigate();
  const { modal } = App.useApp();
  const sureToReplace = useSureToReplace();
  const search: Search = useSearch({ strict: false });
  const prefix = textIn(search.prefix);
  const versions = search.versions === true;
  const object = textIn(search.object);
  const [typed, setTyped] = useState(textIn(search.find));
  const find = useDeferredValue(typed);
  const [chosen, setChosen] = useState(NONE);
  const [dialog, setDialog] = useState<'folder' | 'move'>();
  const [over, setOver] = useState(false);
  const [looking, setLooking] = useState(0);
  const { acting, act } = useAct();
  const entries = [...chosen.values()];

  const go = (change: Record<string, unknown>, replace = false) =>
    void navigate({
      to: '/buckets/$bucketName',
      params: { bucketName: bucket },
      search: { ...search, ...change },
      replace,
    });
  const enter = (folder: string) => {
    setTyped('');
    setChosen(NONE);
    go({ prefix: folder || undefined, find: undefined, object: undefined });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was chosen elsewhere is not on the screen
  useEffect(() => setChosen(NONE), [prefix, versions]);

  const upload = async (given: readonly Given[]) => {
    if (given.length === 0) return;
    const files = given.map(({ path, file }) => ({ key: prefix + path, file }));
    // The list on the screen may be old, or a part of the folder.
    setLooking(count => count + 1);
    const replaced = await present(
      bucket,
      prefix,
      files.map(({ key }) => key),
    ).finally(() => setLooking(count => count - 1));
    if (await sureToReplace(replaced)) startUploads(bucket, files);
  };
  const take = (given: readonly Given[] | Promise<readonly Given[]>) =>
    void Promise.resolve(given).then(upload).catch(tell);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(droppedFiles(event.dataTransfer.items));
  };
  const remove = async () => {
    const what = entries.length === 1 ? nameOf(entries[0]!.key) : t('entriesOf', { count: entries.length });
    const folders = entries.some(({ kind }) => kind === 'folder');
    const sure = await modal.confirm({
      title: t('deleteNamedEntries', { name: what }),
      content: [t(versions ? 'deleteForGoodHelp' : 'deleteHelp'), folders ? t('deleteFoldersHelp') : ''].join(' '),
      okText: t('delete'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
    });
    if (!sure) return;
    startDeleting(t('deleteNamed', { name: what }), bucket, entries, versions);
    setChosen(NONE);
  };
  const save = async () => {
    for (const { key, versionId } of entries) await download(bucket, key, versionId);
  };
  const onlyObjects = entries.length > 0 && entries.every(({ kind }) => kind === 'object');
  const empty = find ? (
    <Empty title={t('noMatch')} />
  ) : (
    <Empty title={t(prefix ? 'emptyFolder' : 'emptyBucket')} help={t('dropHelp')} />
  );
  return (
    <>
      <Trail bucket={bucket} prefix={prefix} enter={enter} />
      <div className="filters">
        <Chooser text={t('uploadFiles')} primary busy={looking > 0} chosen={take} />
        <Chooser text={t('uploadFolder')} folder busy={looking > 0} chosen={take} />
        <Button onClick={() => setDialog('folder')}>{t('createFolder')}</Button>
        <span className="rule" />
        <Button disabled={!onlyObjects} loading={acting === 'download'} onClick={() => act('download', save)}>
          {t('download')}
        </Button>
        <Button disabled={entries.length === 0 || versions} onClick={() => setDialog('move')}>
          {t('renameOrMove')}
        </Button>
        <Button danger disabled={entries.length === 0} onClick={() => act('delete', remove)}>
          {t('delete')}
        </Button>
        <span className="soft" role="status">
          {entries.length > 0 && t('chosen', { count: entries.length })}
        </span>
      </div>
      <div className="filters">
        <Input.Search
          allowClear
          aria-label={t('beginsWith')}
          placeholder={t('beginsWith')}
          style={{ width: 260 }}
          value={typed}
          onChange={event => {
            setTyped(event.target.value);
            go({ find: event.target.value || undefined }, true);
          }}
        />
        <span className="spring" />
        <Switch
          size="small"
          aria-label={t('showVersions')}
          checked={versions}
          onChange={on => go({ versions: on || undefined })}
        />
        <span aria-hidden="true">{t('showVersions')}</span>
      </div>
      <section
        className={over ? 'drop over' : 'drop'}
        aria-label={t('dropHere')}
        onDragOver={event => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <EntryTable
          key={`${bucket} ${prefix} ${find} ${versions}`}
          bucket={bucket}
          prefix={prefix}
          find={find}
          versions={versions}
          chosen={chosen}
          choose={setChosen}
          open={({ key, kind }) => (kind === 'folder' ? enter(key) : go({ object: key }))}
          empty={empty}
        />
      </section>
      <UnfinishedList bucket={bucket} />
      {dialog === 'folder' && <NewFolder bucket={bucket} prefix={prefix} close={() => setDialog(undefined)} />}
      {dialog === 'move' && (
        <Move bucket={bucket} entries={entries} moved={() => setChosen(NONE)} close={() => setDialog(undefined)} />
      )}
      {object && (
        <ObjectDrawer
          key={idOf({ key: object })}
          bucket={bucket}
          objectKey={object}
          close={() => go({ object: undefined })}
        />
      )}
    </>
  );
}

/** A button that lets one choose files, or a folder. */
function Chooser(props: {
  text: string;
  primary?: boolean;
  folder?: boolean;
  busy: boolean;
  chosen(given: Given[]): void;
}) {
  const { text, primary = false, folder = false, busy, chosen } = props;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.toggleAttribute('webkitdirectory', folder);
  }, [folder]);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={text}
        onChange={event => {
          const given = chosenFiles(event.target.files);
          event.target.value = ''; // the same file may be chosen again
          chosen(given);
        }}
      />
      <Button {...(primary ? { type: 'primary' } : {})} loading={busy} onClick={() => input.current?.click()}>
        {text}
      </Button>
    </>
  );
}
