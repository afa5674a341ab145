import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { Iam } from '../iam/index.ts';
import { type SuggestedPolicy, suggestPolicies } from './suggest.ts';
import { DAY_MS } from './trace.keeper.ts';
import type { UsageRecorder } from './usage.recorder.ts';
import type { CountedUse, UsageStore } from './usage.store.ts';

export interface SuggestionQuery {
  userId?: string | undefined;
  agencyId?: string | undefined;
  days: number;
  withConditions: boolean;
}

export interface Suggestion {
  policies: SuggestedPolicy[];
  uses: CountedUse[];
  /** Milliseconds since the epoch: when the first of the days began. */
  since: number;
}

/** What somebody's rights could be cut down to. */
export function suggestionService(deps: {
  store: UsageStore;
  clock: Clock;
  recorder: Pick<UsageRecorder, 'flush'>;
  iam: Pick<Iam, 'user' | 'agency' | 'federatedUser'>;
}) {
  const { store, clock, recorder, iam } = deps;

  /**
   * The least policies that would have allowed what a user or an agency of the account did in the last `days` days, today among them.
   * Throws Failure 400 IAM.0011 unless one of the two is named, 404 IAM.0004 when there is none of the account.
   */
  return async (accountId: string, query: SuggestionQuery): Promise<Suggestion> => {
    const { userId, agencyId, days, withConditions } = query;
    if ((userId === undefined) === (agencyId === undefined)) {
      throw new Failure({
        code: 'IAM.0011',
        status: 400,
        message: 'One of the parameters [user_id] and [agency_id] is required, and not both.',
        solution: 'GET /v3/users and GET /v3.0/OS-AGENCY/agencies list their ids.',
      });
    }
    await recorder.flush();
    const id = userId ?? agencyId!;
    const found = userId === undefined ? await iam.agency(id) : ((await iam.user(id)) ?? (await iam.federatedUser(id)));
    if (found?.accountId !== accountId) {
      const what = userId === undefined ? 'agency' : 'user';
      throw new Failure({ code: 'IAM.0004', status: 404, message: `Could not find ${what}: ${id.slice(0, 64)}.` });
    }
    const since = Math.floor(clock.now() / DAY_MS) - days + 1;
    const uses = await store.of(accountId, id, since);
    const used = uses.map(({ action, resource, poolType }) => ({
      action,
      ...(resource ? { resource } : {}),
      ...(poolType ? { poolType } : {}),
    }));
    return { policies: suggestPolicies(used, { withConditions }), uses, since: since * DAY_MS };
  };
}

export type SuggestionService = ReturnType<typeof suggestionService>;
