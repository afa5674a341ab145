import { type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import type { QueryOf } from '../../wire/operation.ts';
import * as api from './audit.api.ts';
import type { TraceQuery, TraceSearch } from './trace.search.ts';
import { maskKeys, type Rating } from './trace.ts';
import { serviceNamed, viewPage } from './trace.view.ts';

/** The audit trail on the wire. */
export function traceRoutes(search: TraceSearch): Route[] {
  return [
    route(api.listTraces, async call => viewPage(await search(call.principal.accountId, wanted(call.query)))),
    route(api.listOperatorTraces, async call => viewPage(await search('', wanted(call.query)))),
  ];
}

function wanted(query: QueryOf<typeof api.listTraces>): TraceQuery {
  for (const name of ['access_key_id', 'enterprise_project_id'] as const) {
    if (query[name] === undefined) continue;
    throw new Failure({
      code: 'cts.0005',
      status: 400,
      message: `Parameter [${name}]: records are not kept by it.`,
      solution: 'Search by user, resource_id, trace_name, action, request_id, source_ip or verdict.',
    });
  }
  return {
    data: query.trace_type === undefined ? undefined : query.trace_type === 'data',
    limit: query.limit ?? 10,
    from: query.from,
    to: query.to,
    next: query.next || undefined,
    id: query.trace_id || undefined,
    user: query.user || undefined,
    service: query.service_type ? serviceNamed(query.service_type) : undefined,
    operation: query.trace_name || undefined,
    action: query.action || undefined,
    resourceType: query.resource_type || undefined,
    ownerId: query.resource_owner_id || undefined,
    // Names are ids where there are any: of buckets and objects.
    resourceId: maskKeys(query.resource_id || query.resource_name || '') || undefined,
    rating: query.trace_rating as Rating | undefined,
    verdict: query.verdict as string | undefined,
    requestId: query.request_id || undefined,
    sourceAddress: query.source_ip || undefined,
  };
}
