import type { FindWorkspace, WorkspaceView } from '../../http/index.ts';

/** What a workspace may hold of this family, and how it is emptied; the workspaces family asks. */
export interface WorkspaceContents {
  kind: string;
  /** What whoever deletes a workspace must be allowed. */
  deleteAction: string;
  quota?: { resource: string; name_en: string; name_cn: string; unit_en: string; unit_cn: string; max: number };
  /** How much of the quota is used. */
  count(projectId: string, workspaceId: string): Promise<number>;
  /** Deletes all of it, as the delete operation does; resolves with the number that is still there. */
  clear(projectId: string, workspaceId: string): Promise<number>;
}

/** Says whether a workspace takes one more; throws Failure when `used` is its quota already. */
export interface WorkspaceQuotas {
  admit(projectId: string, workspaceId: string, resource: string, used: number): Promise<void>;
}

/** Workspaces as services see them, who tell the gateway whom they admit. */
export interface Workspaces extends WorkspaceQuotas {
  find: FindWorkspace;
  /** Called whenever whom a workspace admits, or its enterprise project, has changed. */
  onChanged(listener: () => void): void;
}

/** A workspace whose services are invoked. */
export interface InvocationScope {
  projectId: string;
  workspace: WorkspaceView;
}
