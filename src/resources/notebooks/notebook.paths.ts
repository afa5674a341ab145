import { join } from 'node:path';

export const HOME = '/home/ma-user';
/** Where the storage of an instance is inside. */
export const WORK_DIR = `${HOME}/work`;
export const LAUNCH_DIR = '/run/modelarts/launch';
/** Where the web IDE listens inside. */
export const WEB_PORT = 8888;

/** Where things of an instance lie on the host. Its user can write in the volume alone. */
export function hostPaths(dir: string, id: string) {
  const root = join(dir, id);
  return {
    root,
    /** Replaced by the platform while the instance runs: credentials, addresses. */
    platform: join(root, 'platform'),
    /** What it is started by. */
    launch: join(root, 'launch'),
    /** The last lines of a run that is over. */
    lastLog: join(root, 'last.log'),
  };
}

export type NotebookPaths = ReturnType<typeof hostPaths>;
