/** A file with its path below what was dropped or chosen. */
export interface Given {
  path: string;
  file: File;
}

/** The files of what was dropped, with those of folders. The items are gone once the event is over, so call it at once. */
export function droppedFiles(items: DataTransferItemList): Promise<Given[]> {
  const roots = [...items].map(item => item.webkitGetAsEntry() ?? item.getAsFile());
  return Promise.all(roots.map(root => filesOf(root))).then(lists => lists.flat());
}

async function filesOf(root: FileSystemEntry | File | null): Promise<Given[]> {
  if (root === null) return [];
  if (root instanceof File) return [{ path: root.name, file: root }];
  const path = root.fullPath.replace(/^\//, '');
  if (root.isFile) {
    const file = await new Promise<File>((resolve, reject) => (root as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (root as FileSystemDirectoryEntry).createReader();
  const found: Given[] = [];
  // A reader gives a hundred at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found;
    for (const entry of entries) found.push(...(await filesOf(entry)));
  }
}

/** The files of a chooser, with their paths where a folder was chosen. */
export function chosenFiles(files: FileList | null): Given[] {
  return [...(files ?? [])].map(file => ({ path: file.webkitRelativePath || file.name, file }));
}
