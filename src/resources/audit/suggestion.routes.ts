import { type Route, route } from '../../http/index.ts';
import type { ResponseOf } from '../../wire/operation.ts';
import { suggestPolicy } from './suggestion.api.ts';
import type { Suggestion, SuggestionService } from './suggestion.service.ts';

/** Suggestions of policies on the wire. */
export function suggestionRoutes(suggest: SuggestionService): Route[] {
  return [
    route(suggestPolicy, async call => {
      const { user_id, agency_id, days = 30, with_conditions = false } = call.query;
      const query = { userId: user_id || undefined, agencyId: agency_id || undefined, days };
      return viewOf(await suggest(call.principal.accountId, { ...query, withConditions: with_conditions }));
    }),
  ];
}

function viewOf(suggestion: Suggestion): ResponseOf<typeof suggestPolicy> {
  const { userId, agencyId, name, days, policies, uses } = suggestion;
  const label = name.replaceAll(/[^\w.\- ]/g, '_').slice(0, 100);
  return {
    suggestion: {
      ...(userId === undefined ? {} : { user_id: userId }),
      ...(agencyId === undefined ? {} : { agency_id: agencyId }),
      name,
      days,
      policies: policies.map(({ type, policy }, at) => ({
        role: {
          display_name: `least-${label}${policies.length > 1 ? `-${at + 1}` : ''}`,
          type,
          description: `What ${label} used in the last ${days} days`,
          policy: { ...policy },
        },
      })),
      uses: uses.map(use => ({
        action: use.action,
        ...(use.resource ? { resource: use.resource } : {}),
        ...(use.poolType ? { pool_type: use.poolType } : {}),
        enterprise_project_id: use.enterpriseProjectId,
        count: use.count,
        last_used_at: new Date(use.lastUsed).toISOString(),
      })),
    },
  };
}
