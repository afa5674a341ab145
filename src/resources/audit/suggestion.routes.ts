import { type Route, route } from '../../http/index.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { suggestPolicy } from './audit.api.ts';
import type { Suggestion, SuggestionService } from './suggestion.service.ts';

/** Suggestions of policies on the wire. */
export function suggestionRoutes(suggest: SuggestionService): Route[] {
  return [
    route(suggestPolicy, async call => {
      const { user_id, agency_id, days = 30, with_conditions = true } = call.query;
      const query = { userId: user_id || undefined, agencyId: agency_id || undefined, days };
      return viewOf(await suggest(call.principal.accountId, { ...query, withConditions: with_conditions }));
    }),
  ];
}

function viewOf({ policies, uses, since }: Suggestion): ResponseOf<typeof suggestPolicy> {
  return {
    policies: policies.map(policy => ({ ...policy })),
    uses: uses.reduce((sum, use) => sum + use.count, 0),
    since: new Date(since).toISOString(),
    used: uses.map(use => ({
      action: use.action,
      ...(use.resource ? { resource: use.resource } : {}),
      ...(use.poolType ? { pool_type: use.poolType } : {}),
      enterprise_project_id: use.enterpriseProjectId,
      count: use.count,
      last_used_at: new Date(use.lastUsed).toISOString(),
    })),
  };
}
