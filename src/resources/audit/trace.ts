import type { AuditRecord } from '../../http/audit.ts';
import { blankSecrets } from '../../kernel/log.ts';

/** How a call went: well, refused for the caller's fault, failed for ours (behaviour/oam.md 5). */
export type Rating = 'normal' | 'warning' | 'incident';

/** One record of the audit trail as it is kept. */
export interface Trace {
  id: string;
  /** Milliseconds since the epoch. */
  time: number;
  /** Empty for calls of nobody's account: the operator's, and those whose caller is unknown. */
  accountId: string;
  accountName: string | null;
  /** About one object of the object storage (CTS calls these data traces), rather than about the things of a service. */
  data: boolean;
  /** Refused for the caller's fault (4xx): nothing was changed. */
  refused: boolean;
  readOnly: boolean;
  requestId: string;
  service: string;
  operation: string;
  method: string;
  path: string;
  status: number;
  errorCode: string | null;
  principalId: string | null;
  principalName: string | null;
  principalKind: string | null;
  credential: string | null;
  /** The user an agency's session works for, or who switched roles. */
  forUserId: string | null;
  forUserName: string | null;
  forAccountId: string | null;
  forAccountName: string | null;
  action: string | null;
  verdict: string;
  resourceType: string | null;
  resourceId: string | null;
  /** The user whose the resource is, where it is somebody's and was there before the call. */
  ownerId: string | null;
  workspaceId: string | null;
  projectId: string | null;
  sourceAddress: string;
  durationMs: number;
}

/**
 * Records of an account that are bounded together: what was done, refusals of its own, and refusals of callers who proved to be nobody
 * (unsigned requests, failed logins), which any stranger can make as many of as he likes.
 */
export type Share = 'done' | 'refused' | 'strangers';

export function shareOf(trace: Pick<Trace, 'refused' | 'principalKind' | 'status'>): Share {
  if (!trace.refused) return 'done';
  return trace.principalKind === 'anonymous' || trace.status === UNPROVEN ? 'strangers' : 'refused';
}

/** Status of calls whose caller did not prove who it is. */
const UNPROVEN = 401;

/** Longest texts that are kept; objects' keys have up to 1,024 characters. */
const LONGEST = { path: 1100, resource: 1100, text: 256 };

/** What would break a line, hide, or turn the text around where a record is shown: control and format characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The record of a call. Texts that come from callers are cut, and hold neither secrets of ours nor characters that show as nothing. */
export function traceOf(record: AuditRecord, id: string, time: number): Trace {
  const { onBehalfOf, target, status } = record;
  const slash = target?.indexOf('/') ?? -1;
  const resourceType = target === undefined ? null : clean(slash < 0 ? target : target.slice(0, slash));
  return {
    id,
    time,
    accountId: record.accountId ?? '',
    accountName: clean(record.accountName),
    data: record.service === 'obs' && resourceType === 'object',
    refused: status >= 400 && status < 500,
    readOnly: record.readOnly,
    requestId: record.requestId,
    service: record.service,
    operation: record.operation,
    method: record.method,
    path: maskKeys(clean(record.path, LONGEST.path) ?? ''),
    status,
    errorCode: clean(record.errorCode),
    principalId: clean(record.principalId),
    principalName: clean(record.principalName),
    principalKind: record.principalKind ?? null,
    credential: record.credential ?? null,
    forUserId: clean(onBehalfOf?.id),
    forUserName: clean(onBehalfOf?.name),
    forAccountId: clean(onBehalfOf?.accountId),
    forAccountName: clean(onBehalfOf?.accountName),
    action: clean(record.action),
    verdict: record.verdict ?? 'none',
    resourceType,
    resourceId: slash < 0 ? null : maskKeys(clean(target!.slice(slash + 1), LONGEST.resource) ?? ''),
    ownerId: clean(record.ownerId),
    workspaceId: clean(record.workspaceId),
    projectId: clean(record.projectId),
    sourceAddress: record.sourceAddress,
    durationMs: record.durationMs,
  };
}

export function ratingOf(status: number): Rating {
  if (status < 400) return 'normal';
  return status < 500 ? 'warning' : 'incident';
}

/** A text in which of ids of access keys the ends are left: enough to tell which it was. */
export function maskKeys(text: string): string {
  return text.replace(/(?<![A-Za-z0-9])([A-Z0-9]{4})[A-Z0-9]{12}([A-Z0-9]{4})(?![A-Za-z0-9])/g, '$1…$2');
}

function clean(text: string | undefined, longest = LONGEST.text): string | null {
  if (text === undefined) return null;
  return blankSecrets(text.slice(0, 4 * longest))
    .replace(UNSEEN, '\u{FFFD}')
    .slice(0, longest);
}
