import type { AuditRecord } from '../../http/index.ts';
import { uuid } from '../../kernel/ids.ts';
import type { AuditRow } from './audit.store.ts';

const CONTROL = /\p{Cc}/gu;
/** An access key id in a path: its ends are enough to tell which it was. */
const ACCESS_KEY = /(\/credentials\/[A-Z0-9]{4})[A-Z0-9]{8,}([A-Z0-9]{4})/g;
const LONG = 256;

/** A text as it may be kept: without control characters, which would forge lines where it is printed, and of bounded length. */
export function plain(text: string, limit = LONG): string {
  return text.replace(CONTROL, ' ').slice(0, limit);
}

/** The row of a record. Nothing secret is in it: neither query nor body nor headers are kept, and keys in paths are masked. */
export function auditRow(record: AuditRecord): AuditRow {
  const { onBehalfOf } = record;
  return {
    id: uuid(),
    time: record.time,
    request_id: record.requestId,
    operation: record.operation,
    method: record.method,
    path: plain(record.path.split('?')[0]!, 1024).replace(ACCESS_KEY, '$1…$2'),
    status: record.status,
    error_code: record.errorCode ?? null,
    principal_id: record.principalId ?? null,
    principal_name: record.principalName === undefined ? null : plain(record.principalName),
    principal_kind: record.principalKind ?? null,
    account_id: record.accountId ?? null,
    project_id: record.projectId ?? null,
    source_address: record.sourceAddress,
    duration_ms: record.durationMs,
    credential: record.credential ?? null,
    action: record.action ?? null,
    verdict: record.verdict ?? null,
    target: record.target === undefined ? null : plain(record.target).replace(/^(access-key\/.{4}).+(.{4})$/, '$1…$2'),
    workspace_id: record.workspaceId ?? null,
    for_user_id: onBehalfOf?.id ?? null,
    for_user_name: onBehalfOf ? plain(onBehalfOf.name) : null,
    for_account_id: onBehalfOf?.accountId ?? null,
    for_account_name: onBehalfOf?.accountName ?? null,
  };
}

/** Where a page of the trail ends, as the text that the next call brings. */
export function markerOf(row: Pick<AuditRow, 'time' | 'id'>): string {
  return `${row.time}_${row.id}`;
}

/** The place a marker stands for, or undefined when it is none. */
export function readMarker(text: string): { time: number; id: string } | undefined {
  const [, time, id] = /^(\d{1,15})_([0-9a-f-]{36})$/.exec(text) ?? [];
  return time === undefined || id === undefined ? undefined : { time: Number(time), id };
}
