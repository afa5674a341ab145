import type { Principal } from '../kernel/principal.ts';
import { type ErrorStyle, pathParameters, textAt } from '../wire/operation.ts';
import type { AnyOperation } from './api.ts';
import { type AuditNote, type AuditRecord, attributedTo } from './audit.ts';
import type { Authorization } from './authorization.ts';

/** What is known of a request when it is recorded. */
interface Recorded {
  requestId: string;
  /** Path and query. */
  url: string;
  params: Record<string, string>;
  sourceAddress: string;
  durationMs: number;
  status: number;
  /** Of an error. */
  code?: string;
  principal?: Principal;
  authorization?: Authorization;
  /** Refused before any policy was asked. */
  turnedAway?: boolean;
  note: AuditNote;
  /** `kind/id` of what the call has made. */
  made?: string;
  /** Name of what it is recorded as; the operation's own when absent. */
  operation?: string;
}

/** The service of operations that name no action. */
const SERVICE_OF_STYLE: Record<ErrorStyle, string> = {
  modelarts: 'modelarts',
  keystone: 'iam',
  iam: 'iam',
  eps: 'eps',
  kps: 'kps',
  nova: 'ecs',
};

/** The audit record of a request. */
export function recordOf(op: AnyOperation, request: Recorded): AuditRecord {
  const { principal, authorization, note, params } = request;
  const who = principal ?? note.who;
  const target = note.target ?? request.made ?? authorization?.target ?? targetOfPath(op, params);
  return {
    requestId: request.requestId,
    service: authorization?.action?.split(':')[0] ?? SERVICE_OF_STYLE[op.errors],
    operation: request.operation ?? op.id,
    method: op.method,
    path: request.url.split('?')[0]!,
    readOnly: isReadOnly(op),
    status: request.status,
    ...(request.code ? { errorCode: request.code } : {}),
    ...(who ? attributedTo(who) : {}),
    ...authorization,
    verdict: authorization?.verdict ?? (request.turnedAway ? 'deny' : 'none'),
    ...(target === undefined ? {} : { target }),
    ...(params.project_id ? { projectId: params.project_id } : {}),
    sourceAddress: request.sourceAddress,
    durationMs: request.durationMs,
  };
}

/** Whether an operation changes nothing. */
export function isReadOnly(op: AnyOperation): boolean {
  return op.method === 'GET' || op.method === 'HEAD' || op.readOnly === true;
}

/** What a call has made, as its declaration says, or undefined. */
export function madeBy(op: AnyOperation, body: unknown): string | undefined {
  const id = op.makes && textAt(body, ...op.makes.id.split('.'));
  return id === undefined ? undefined : `${op.makes!.kind}/${id}`;
}

/** What the path of a call names last: `user/…` of `/v3/groups/{group_id}/users/{user_id}`. */
function targetOfPath(op: AnyOperation, params: Record<string, string>): string | undefined {
  const name = pathParameters(op.path)
    .filter(each => each !== 'project_id')
    .at(-1);
  return name && `${name.replace(/_id$/, '').replaceAll('_', '-')}/${params[name] ?? ''}`;
}
