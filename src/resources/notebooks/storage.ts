/** The documented states (behaviour/notebooks.md 1, dynamic OBS mount). */
export type StorageStatus = 'MOUNTING' | 'MOUNTED' | 'MOUNT_FAILED' | 'UNMOUNTING' | 'UNMOUNTED' | 'UNMOUNT_FAILED';

/** A directory of the object store in a running instance. */
export interface Storage {
  id: string;
  notebookId: string;
  /** The run of the instance that it belongs to; it ends with it. */
  run: number;
  /** Of the directory below /data. */
  name: string;
  bucket: string;
  /** With a slash at its end. */
  prefix: string;
  status: StorageStatus;
  reason: string | null;
  /** It shall be unmounted even where the object store lacks what was written. */
  discard: boolean;
  createdAt: number;
}

/** Where it is inside. */
export function pathOf({ name }: Pick<Storage, 'name'>): string {
  return `/data/${name}/`;
}

export function uriOf({ bucket, prefix }: Pick<Storage, 'bucket' | 'prefix'>): string {
  return `obs://${bucket}/${prefix}`;
}
