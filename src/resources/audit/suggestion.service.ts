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

export interface Suggestion extends SuggestionQuery {
  name: string;
  policies: SuggestedPolicy[];
  uses: CountedUse[];
}

/** What somebody's rights could be cut down to. */
export function suggestionService(deps: {
  store: UsageStore;
  clock: Clock;
  recorder: Pick<UsageRecorder, 'flush'>;
  iam: Pick<Iam, 'user' | 'agency'>;
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
    const subject = userId === undefined ? await iam.agency(id) : await iam.user(id);
    const isOurs = subject?.accountId === accountId;
    const since = Math.floor(clock.now() / DAY_MS) - days + 1;
    const uses = (await store.of(accountId, id, since)).filter(
      use => (use.subjectKind === 'agency') === (userId === undefined),
    );
    // A federated user is known by what it did alone.
    if (!isOurs && uses.length === 0) {
      const what = userId === undefined ? 'agency' : 'user';
      throw new Failure({ code: 'IAM.0004', status: 404, message: `Could not find ${what}: ${id.slice(0, 64)}.` });
    }
    const used = uses.map(({ action, resource, poolType }) => ({
      action,
      ...(resource ? { resource } : {}),
      ...(poolType ? { poolType } : {}),
    }));
    const policies = suggestPolicies(used, { withConditions });
    return { ...query, name: isOurs ? subject.name : id, policies, uses };
  };
}

export type SuggestionService = ReturnType<typeof suggestionService>;
