/** One state-changing call, as the audit trail keeps it. Never holds bodies or credentials. */
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
  projectId?: string;
  sourceAddress: string;
  durationMs: number;
}

/** Writes a record; resolved means on disk. */
export type Audit = (record: AuditRecord) => Promise<void>;
