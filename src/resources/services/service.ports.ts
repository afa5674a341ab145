import type { FindWorkspace, WorkspaceView } from '../../http/index.ts';
import type { Admit } from '../workspaces/index.ts';

/** Workspaces as services see them, who tell the gateway whom they admit. */
export interface Workspaces {
  find: FindWorkspace;
  admit: Admit;
  /** Called whenever whom a workspace admits has changed. */
  onChanged(listener: () => void): void;
}

/** A workspace whose services are invoked. */
export interface InvocationScope {
  projectId: string;
  workspace: WorkspaceView;
}
