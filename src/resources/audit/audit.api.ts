import { operation } from '../../wire/operation.ts';
import { anyObject, nullable, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const text = Type.Optional(Type.String({ maxLength: 1100 }));
const time = Type.Optional(Type.Integer({ minimum: 0, maximum: 9_999_999_999_999 }));
const domain = open({ id: Type.String(), name: Type.Optional(Type.String()) });

/**
 * As CTS has it (API reference, Querying a Trace List), whose clients always send `trace_type`: without it, traces of both types are
 * found. The last five members are this platform's own.
 */
const query = open({
  trace_type: Type.Optional(oneOf(['system', 'data'])),
  limit: queryInteger(1, 200, 10),
  from: time,
  to: time,
  next: text,
  tracker_name: text,
  service_type: text,
  user: text,
  resource_id: text,
  resource_name: text,
  resource_type: text,
  trace_id: text,
  trace_name: text,
  trace_rating: Type.Optional(oneOf(['normal', 'warning', 'incident'])),
  access_key_id: text,
  enterprise_project_id: text,
  action: text,
  request_id: text,
  source_ip: text,
  verdict: Type.Optional(oneOf(['allow', 'deny', 'none'])),
  resource_owner_id: text,
});

const trace = open({
  trace_id: Type.String(),
  trace_name: Type.String(),
  trace_rating: oneOf(['normal', 'warning', 'incident']),
  trace_type: Type.String(),
  service_type: Type.String(),
  resource_type: Type.Optional(Type.String()),
  resource_id: Type.Optional(Type.String()),
  resource_name: Type.Optional(Type.String()),
  /** Id of the user whose the resource is; another than `user` where somebody works on another's. */
  resource_owner_id: Type.Optional(Type.String()),
  resource_account_id: Type.Optional(Type.String()),
  source_ip: Type.String(),
  user: Type.Optional(
    open({
      id: Type.Optional(Type.String()),
      name: Type.Optional(Type.String()),
      user_name: Type.Optional(Type.String()),
      domain: Type.Optional(domain),
      account_id: Type.Optional(Type.String()),
      principal_id: Type.Optional(Type.String()),
      principal_is_root_user: Type.Optional(Type.String()),
      type: Type.Optional(Type.String()),
      assumed_by: Type.Optional(open({ user: open({ id: Type.String(), name: Type.String(), domain }) })),
    }),
  ),
  code: Type.String(),
  api_version: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  request_id: Type.String(),
  operation_id: Type.String(),
  read_only: Type.Boolean(),
  credential: Type.Optional(Type.String()),
  time: Type.Integer(),
  record_time: Type.Integer(),
  action: Type.Optional(Type.String()),
  verdict: oneOf(['allow', 'deny', 'none']),
  workspace_id: Type.Optional(Type.String()),
  project_id: Type.Optional(Type.String()),
  method: Type.String(),
  path: Type.String(),
  duration_ms: Type.Integer(),
});

const list = {
  family: 'audit',
  method: 'GET',
  query,
  status: 200,
  response: open({
    traces: Type.Array(trace),
    meta_data: open({ count: Type.Integer(), marker: nullable(Type.String()) }),
  }),
  errors: 'iam',
  invalid: { code: 'cts.0005', status: 400 },
} as const;

export const listTraces = operation({
  ...list,
  id: 'ListTraces',
  summary: 'Search the audit trail of the account, newest first',
  path: '/v3/{project_id}/traces',
  action: 'cts:trace:list',
});

export const listOperatorTraces = operation({
  ...list,
  id: 'ListOperatorTraces',
  summary: 'Search the calls that belong to no account: those of the operator, and those whose caller is unknown',
  path: '/v3/operator/traces',
  action: { operator: 'these are calls of the installation, not of one of its accounts' },
});

const id = Type.Optional(Type.String({ maxLength: 64 }));

/** Of this platform alone. */
export const suggestPolicy = operation({
  id: 'SuggestPolicy',
  family: 'audit',
  summary: 'The least policies that would have allowed what a user or an agency did',
  method: 'GET',
  path: '/v3.0/OS-ROLE/suggestions',
  action: 'iam:roles:suggestPolicy',
  query: open({
    user_id: id,
    agency_id: id,
    days: queryInteger(1, 3650, 30),
    /** Whether actions are narrowed to the kinds of pools they were used with; true when absent. */
    with_conditions: Type.Optional(Type.Boolean()),
  }),
  status: 200,
  response: open({
    policies: Type.Array(anyObject),
    uses: Type.Integer(),
    since: Type.String(),
    used: Type.Array(
      open({
        action: Type.String(),
        resource: Type.Optional(Type.String()),
        pool_type: Type.Optional(Type.String()),
        enterprise_project_id: Type.String(),
        count: Type.Integer(),
        last_used_at: Type.String(),
      }),
    ),
  }),
  errors: 'iam',
});

export const auditOperations = [listTraces, listOperatorTraces, suggestPolicy];
