import type { Mount } from '../../runtime/driver.ts';
import type { Notebook } from './notebook.model.ts';
import type { NotebookPaths } from './notebook.paths.ts';

/** What another part of the platform, such as SSH or mounted storage, puts into the container of an instance. */
export interface ContainerPart {
  /** Names its file of the start script: lower-case letters. */
  name: string;
  /** Called before the container is made; may be called again. */
  prepare?(notebook: Notebook, host: NotebookPaths): Promise<void>;
  mounts?(notebook: Notebook, host: NotebookPaths): Mount[];
  environment?(notebook: Notebook): Record<string, string>;
  ports?(notebook: Notebook): number[];
  /** Lines of POSIX shell that run inside, as ma-user, before the pre_start hook; what shall stay goes into the background. */
  startScript?(notebook: Notebook): string | undefined;
  /** Called once the container is gone; may be called again. */
  release?(notebook: Notebook, host: NotebookPaths): Promise<void>;
}
