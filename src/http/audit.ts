/** One call that changes something, or that was refused, as the audit trail keeps it. Never holds bodies or credentials. */
export interface AuditRecord {
  /** Milliseconds since the epoch. */
  time: number;
  requestId: string;
  operation: string;
  method: string;
  /** Path without query. */
  path: string;
  status: number;
  errorCode?: string;
  principalId?: string;
  principalName?: string;
  principalKind?: string;
  accountId?: string;
  /** How the caller proved itself. */
  credential?: string;
  /** For whom a session of an agency worked. */
  onBehalfOf?: { id: string; name: string; accountId?: string; accountName?: string };
  /** The action that was asked for, and what was decided; `none` where no policy was asked. */
  action?: string;
  verdict?: 'allow' | 'deny' | 'none';
  /** `kind/id` of what it was about. */
  target?: string;
  workspaceId?: string;
  projectId?: string;
  sourceAddress: string;
  durationMs: number;
}

/** Writes a record; resolved means on disk. */
export type Audit = (record: AuditRecord) => Promise<void>;
