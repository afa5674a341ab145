import { operation } from '../../wire/operation.ts';
import { anyObject, oneOf, open, queryInteger, Type } from '../../wire/schema.ts';

const text = Type.Optional(Type.String());
const time = Type.Optional(Type.Integer({ minimum: 0 }));

/** The audit trail as Cloud Trace Service (v3) tells it, so that its clients read it. */
export const listTraces = operation({
  id: 'ListTraces',
  family: 'audit',
  summary: 'Search the audit trail: who did what, as whom, with which verdict',
  method: 'GET',
  path: '/v3/{project_id}/traces',
  action: 'cts:trace:list',
  query: open({
    trace_type: text,
    limit: queryInteger(1, 200, 50),
    from: time,
    to: time,
    /** The marker of the page before. */
    next: text,
    service_type: text,
    resource_type: text,
    resource_id: text,
    resource_name: text,
    trace_id: text,
    trace_name: text,
    trace_rating: Type.Optional(oneOf(['normal', 'warning', 'incident'])),
    user: text,
    /** Beyond the cloud's: one action, and refusals alone. */
    action: text,
    verdict: Type.Optional(oneOf(['allow', 'deny', 'none'])),
  }),
  status: 200,
  response: open({
    traces: Type.Array(anyObject),
    meta_data: open({ count: Type.Integer(), marker: Type.Union([Type.String(), Type.Null()]) }),
  }),
  errors: 'iam',
});

/** What a user did, as the least policies that would have allowed it. */
export const suggestPolicy = operation({
  id: 'SuggestPolicy',
  family: 'audit',
  summary: 'Write the least policies that would have allowed what a user or agency did',
  method: 'GET',
  path: '/v3.0/OS-ROLE/suggestions',
  action: 'iam:roles:suggestPolicy',
  query: open({ user_id: text, agency_id: text, days: queryInteger(1, 365, 30) }),
  status: 200,
  response: open({ policies: Type.Array(anyObject), uses: Type.Integer(), since: Type.String() }),
  errors: 'iam',
});

export const auditOperations = [listTraces, suggestPolicy];
