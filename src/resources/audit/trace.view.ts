import type { ResponseOf } from '../../wire/operation.ts';
import type { listTraces } from './audit.api.ts';
import type { TracePage } from './trace.search.ts';
import { ratingOf, type Trace } from './trace.ts';

type TraceView = ResponseOf<typeof listTraces>['traces'][number];

const SERVICES: Record<string, string> = { modelarts: 'ModelArts' };
const TYPES: Record<string, string> = {
  root: 'User',
  user: 'User',
  agency: 'AssumedAgency',
  federated: 'ExternalUser',
  operator: 'Operator',
};

/** Whether `name` stands for the service in `service_type`, in whatever case. */
export function serviceNamed(name: string): string {
  return name.toLowerCase();
}

export function viewPage({ traces, marker }: TracePage): ResponseOf<typeof listTraces> {
  return { traces: traces.map(viewTrace), meta_data: { count: traces.length, marker: marker ?? null } };
}

/** A trace as CTS shows it (huaweicloud-sdk-cts v3, Traces and UserInfo); texts that say nothing are left out. */
function viewTrace(trace: Trace): TraceView {
  const { service, resourceType, resourceId, accountId, forAccountId } = trace;
  return told({
    trace_id: trace.id,
    trace_name: trace.operation,
    trace_rating: ratingOf(trace.status),
    trace_type: trace.data ? 'ObsAPI' : 'ApiCall',
    service_type: SERVICES[service] ?? service.toUpperCase(),
    resource_type: resourceType,
    resource_id: resourceId,
    resource_name: service === 'obs' ? resourceId : null,
    resource_owner_id: trace.ownerId,
    // Present when somebody of one account works on the things of another.
    resource_account_id: forAccountId !== null && forAccountId !== accountId ? accountId : null,
    source_ip: trace.sourceAddress,
    user: viewUser(trace),
    code: String(trace.status),
    api_version: /^\/(v\d+(?:\.\d+)?)\//.exec(trace.path)?.[1],
    message: trace.errorCode,
    request_id: trace.requestId,
    operation_id: trace.operation,
    read_only: trace.readOnly,
    credential: trace.credential,
    time: trace.time,
    record_time: trace.time,
    action: trace.action,
    verdict: trace.verdict as 'allow' | 'deny' | 'none',
    workspace_id: trace.workspaceId,
    project_id: trace.projectId,
    method: trace.method,
    path: trace.path,
    duration_ms: trace.durationMs,
  });
}

function viewUser(trace: Trace): TraceView['user'] {
  const { accountId, accountName, principalId, principalName, principalKind, forUserId, forUserName } = trace;
  if (accountId === '' && principalId === null) return undefined;
  // An anonymous caller's record lies with the account that it concerns, to which the caller does not belong.
  const belongs = accountId !== '' && principalKind !== 'anonymous';
  const domain = told({ id: accountId, name: accountName });
  const of = trace.forAccountId === null ? domain : told({ id: trace.forAccountId, name: trace.forAccountName });
  return told({
    id: principalId,
    name: principalName,
    user_name: principalName,
    domain: belongs ? domain : undefined,
    account_id: belongs ? accountId : undefined,
    principal_id: principalId,
    principal_is_root_user: principalKind === null ? undefined : String(principalKind === 'root'),
    type: principalKind === null ? undefined : (TYPES[principalKind] ?? principalKind),
    // As in Keystone's tokens of switched roles.
    assumed_by: forUserId === null ? undefined : { user: { id: forUserId, name: forUserName ?? '', domain: of } },
  });
}

type Told<T> = { [K in keyof T as undefined extends T[K] ? never : null extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : null extends T[K] ? K : never]?: Exclude<T[K], null | undefined>;
};

/** The members that have a value. */
function told<T extends object>(members: T): Told<T> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== null && value !== undefined),
  ) as Told<T>;
}
