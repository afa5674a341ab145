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
