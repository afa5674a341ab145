import type { FindWorkspace } from '../../http/index.ts';
import type { Principal } from '../../kernel/principal.ts';
import type { Authorizer, Decision } from '../../policy/index.ts';
import { invalid, missing } from './workspace.ts';

export interface Question {
  actionId: string;
  action: string;
  resource?: string | undefined;
  attributes: Record<string, unknown>;
}

export type Evaluate = ReturnType<typeof workspaceEvaluator>;

const ACTION = /^[a-z][\w-]*:[\w-]+:[\w-]+$/;

/** Answers what a caller may do in a workspace without doing it (behaviour/permissions.md 3). */
export function workspaceEvaluator(deps: { authorizer: Authorizer; find: FindWorkspace }) {
  const { authorizer, find } = deps;

  /**
   * One result for each question, with every cause: what the policies say, and that the workspace is closed to the caller. Throws Failure 400: ModelArts.7005 for no such
   * workspace, 0104 for what is no action.
   */
  return async function evaluate(
    caller: Principal,
    projectId: string,
    workspaceId: string,
    questions: readonly Question[],
  ) {
    const workspace = await find(projectId, workspaceId);
    if (!workspace) throw missing(workspaceId);
    for (const [at, { action }] of questions.entries()) {
      if (ACTION.test(action)) continue;
      throw invalid(`Parameter [requests[${at}].action] should have the form service:resourceType:action.`);
    }
    const { enterpriseProjectId } = workspace;
    const entry = workspace.admits(caller);
    const refusedEntry = [
      { policy_name: '', condition: [], reason: `The workspace is closed to the caller: ${entry.reason}` },
    ];
    const results = [];
    for (const { actionId, action, resource, attributes } of questions) {
      const decision = await authorizer.decide(caller, {
        action,
        ...(resource ? { resource } : {}),
        enterpriseProjectId,
        context: keyed(action, attributes),
      });
      // What belongs to other services lies in no workspace: buckets, users.
      const closed = entry.allowed || !action.startsWith('modelarts:') ? [] : refusedEntry;
      const allowed = decision.allowed && closed.length === 0;
      results.push({
        action_id: actionId,
        action,
        ...(resource === undefined ? {} : { resource }),
        verdict: allowed ? ('allow' as const) : ('deny' as const),
        // What allows the action is no cause of a refusal.
        cause: [...(decision.allowed && !allowed ? [] : [causeOf(decision)]), ...closed],
      });
    }
    return results;
  };
}

/** Attributes as condition keys: one without a service's prefix is of the action's service, `poolType` → `modelarts:poolType`. */
function keyed(action: string, attributes: Record<string, unknown>): Record<string, unknown> {
  const service = action.split(':')[0];
  const keys = Object.entries(attributes).map(([key, value]) => [key.includes(':') ? key : `${service}:${key}`, value]);
  // Who asks, whence and when is known, and not for the asker to say; tags are the resource's.
  return Object.fromEntries(keys.filter(([key]) => !/^g:(?!ResourceTag\/)/i.test(String(key))));
}

function causeOf(decision: Decision) {
  const condition = (decision.conditions ?? []).map(({ key, operator, values }) => ({
    key,
    operator,
    value: values.map(String),
  }));
  return {
    policy_name: decision.policy ?? '',
    ...(decision.statement === undefined ? {} : { statement: decision.statement }),
    condition,
    reason: decision.reason,
  };
}
