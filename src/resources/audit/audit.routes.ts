import { type Route, route } from '../../http/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Iam } from '../iam/index.ts';
import { listTraces, suggestPolicy } from './audit.api.ts';
import type { AuditService } from './audit.service.ts';
import { markerOf, readMarker } from './audit.ts';
import { traceView } from './audit.view.ts';
import { suggestPolicies } from './suggest.ts';

const DAY_MS = 24 * 3600_000;

export interface AuditRouteDeps {
  service: AuditService;
  iam: Pick<Iam, 'user' | 'agency' | 'federatedUser'>;
  clock: Clock;
}

/** The trail, and what is learned from it. */
export function auditRoutes({ service, iam, clock }: AuditRouteDeps): Route[] {
  return [
    route(listTraces, async ({ principal, query }) => {
      const after = query.next === undefined ? undefined : readMarker(query.next);
      if (query.next !== undefined && !after) throw invalid('next', 'the marker of an answer before');
      const limit = query.limit ?? 50;
      const rows = await service.search({
        accountId: principal.accountId,
        limit: limit + 1,
        from: query.from,
        to: query.to,
        after,
        id: query.trace_id,
        operation: query.trace_name,
        user: query.user,
        service: query.service_type?.toLowerCase(),
        targetKind: query.resource_type,
        targetId: query.resource_id ?? query.resource_name,
        rating: query.trace_rating as 'normal' | undefined,
        action: query.action,
        verdict: query.verdict as string | undefined,
      });
      const page = rows.slice(0, limit);
      const account = { id: principal.accountId, name: principal.accountName };
      return {
        traces: page.map(row => traceView(row, account)),
        meta_data: { count: page.length, marker: rows.length > limit ? markerOf(page.at(-1)!) : null },
      };
    }),

    route(suggestPolicy, async ({ principal, query }) => {
      const { user_id, agency_id, days = 30 } = query;
      if ((user_id === undefined) === (agency_id === undefined))
        throw invalid('user_id', 'given, or agency_id in its place');
      const found =
        user_id === undefined
          ? await iam.agency(agency_id!)
          : ((await iam.user(user_id)) ?? (await iam.federatedUser(user_id)));
      if (found?.accountId !== principal.accountId) {
        const what = user_id === undefined ? 'agency' : 'user';
        const message = `Could not find ${what}: ${(user_id ?? agency_id!).slice(0, 64)}.`;
        throw new Failure({ code: 'IAM.0004', status: 404, message });
      }
      const since = Math.floor(clock.now() / DAY_MS) - (days - 1);
      const { uses, total } = await service.usesOf(principal.accountId, found.id, since);
      return {
        policies: suggestPolicies(uses).map(policy => ({ ...policy })),
        uses: total,
        since: new Date(since * DAY_MS).toISOString(),
      };
    }),
  ];
}

function invalid(field: string, wanted: string): Failure {
  return new Failure({ code: 'IAM.0011', status: 400, message: `Parameter [${field}] should be ${wanted}.` });
}
