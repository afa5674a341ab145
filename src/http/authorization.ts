import { Failure } from '../kernel/failure.ts';
import type { Principal } from '../kernel/principal.ts';
import type { AccessRequest, Authorizer, Decision } from '../policy/authorizer.ts';
import { COMMON_CODES } from '../wire/error-body.ts';
import { type Guard, listedIds, type Reference, type RequestParts, requiredAction } from '../wire/operation.ts';
import type { AnyOperation } from './api.ts';

/** Where a thing belongs, as its family knows. */
export interface Located {
  /** Absent for what lies in no workspace. */
  workspaceId?: string;
  /** Id of the user whose it is. */
  ownerId?: string;
}

/** How a family finds its things, by kind. */
export type Locators = Record<
  string,
  (id: string, scope: { accountId: string; projectId: string }) => Promise<Located | undefined>
>;

/** Finds a thing of `kind` by its id within an account and project; undefined when there is none of theirs. */
export type Locate = (
  kind: string,
  id: string,
  scope: { accountId: string; projectId: string },
) => Promise<Located | undefined>;

/** A workspace as authorization sees it. */
export interface WorkspaceView {
  id: string;
  enterpriseProjectId: string;
  /** Whether the principal may be in it, and why (behaviour/permissions.md 8). */
  admits(principal: Principal): { allowed: boolean; reason: string };
}

/** Finds a workspace of a project; undefined when there is none. `0` is always there. */
export type FindWorkspace = (projectId: string, id: string) => Promise<WorkspaceView | undefined>;

export interface AuthorizationDeps {
  authorizer: Authorizer;
  locate: Locate;
  workspace: FindWorkspace;
}

/** What was decided about a request, for the handler and for the audit trail. */
export interface Authorization {
  action?: string;
  verdict: 'allow' | 'deny' | 'none';
  /** `kind/id` of what it is about. */
  target?: string;
  /** Id of the user whose the target is, where it is somebody's. */
  ownerId?: string;
  /** `0` where no workspace is concerned. */
  workspaceId: string;
}

export const DEFAULT_WORKSPACE = '0';
const DEFAULT_ENTERPRISE_PROJECT = '0';

/**
 * Decides whether the caller may do what an operation does: policy, then workspace, then what the function needs besides and what
 * it builds on. The one place where that is decided (behaviour/permissions.md 1). `note` is told what is known so far also when it throws.
 * Throws Failure 403 with the reason of a refusal, 400 for a workspace that is not there.
 */
export async function authorize(
  deps: AuthorizationDeps,
  op: AnyOperation,
  caller: Principal,
  request: RequestParts & { projectId: string },
  note: (authorization: Authorization) => void,
): Promise<Authorization> {
  const guard: Guard = op.action;
  const found: Authorization = { verdict: 'none', workspaceId: DEFAULT_WORKSPACE };
  note(found);
  const action = requiredAction(guard, request);
  if (action !== undefined) found.action = action;
  const scope = { accountId: caller.accountId, projectId: request.projectId };

  /** What a decision takes into account beside the action, where something lies or happens. */
  async function placeOf(workspaceId: string | undefined): Promise<Place> {
    const workspace = workspaceId === undefined ? undefined : await deps.workspace(request.projectId, workspaceId);
    const enterpriseProjectId =
      workspace?.enterpriseProjectId ?? (op.enterpriseProject?.(request) || DEFAULT_ENTERPRISE_PROJECT);
    const context = op.conditions?.(request) ?? {};
    return { workspace, surroundings: { context, enterpriseProjectId } };
  }

  function refuse(failure: Failure): never {
    found.verdict = 'deny';
    throw failure;
  }

  async function decideAt(workspaceId: string | undefined, located: Located | undefined): Promise<void> {
    const { workspace, surroundings } = await placeOf(workspaceId);
    if (workspace) found.workspaceId = workspace.id;
    if (action !== undefined && !isOwn(guard, caller, request, located)) {
      const decision = await decideAction(deps.authorizer, caller, guard, { action, ...surroundings });
      if (!decision.allowed) refuse(denied(op, `Policy doesn't allow ${action} to be performed. ${decision.reason}`));
      found.verdict = 'allow';
    }
    if (workspaceId !== undefined && !workspace) throw noWorkspace(op, workspaceId);
    const entry = workspace?.admits(caller);
    if (entry && !entry.allowed) refuse(notAdmitted(op, workspace!.id, entry.reason));
    for (const need of op.needs?.(request) ?? []) {
      const { resource } = need;
      const asked: AccessRequest = {
        action: need.action,
        ...(resource === undefined ? {} : { resource }),
        ...(need.implied ? { probe: true } : {}),
        ...surroundings,
      };
      const decision = await deps.authorizer.decide(caller, asked);
      if (decision.allowed || (need.implied && !explicit(decision))) continue;
      const on = resource === undefined ? '' : ` on ${resource}`;
      refuse(
        denied(
          op,
          `Policy doesn't allow ${need.action}${on} to be performed, which is needed ${need.why}. ${decision.reason}`,
          need.code,
        ),
      );
    }
  }

  /** What is made in a workspace may build on what lies there and in the default one, by those who may look at that. */
  async function decideReference({ kind, id, action: needed, why, missing }: Reference): Promise<void> {
    const located = await deps.locate(kind, id, scope);
    const place = located?.workspaceId;
    const { workspace, surroundings } = await placeOf(place);
    if (!workspace || (place !== found.workspaceId && place !== DEFAULT_WORKSPACE)) {
      throw new Failure({
        ...missing,
        message: `There is no ${kind} ${id.slice(0, 64)} in workspace ${found.workspaceId} or the default one, which is needed ${why}.`,
        solution: 'Name one of the same workspace or of the default workspace.',
      });
    }
    const decision = await deps.authorizer.decide(caller, { action: needed, ...surroundings });
    if (!decision.allowed) {
      const what = `${needed} to be performed on ${kind} ${id.slice(0, 64)}`;
      refuse(denied(op, `Policy doesn't allow ${what}, which is needed ${why}. ${decision.reason}`));
    }
    const entry = workspace.admits(caller);
    if (!entry.allowed) refuse(notAdmitted(op, workspace.id, entry.reason));
  }

  const { target } = op;
  if (target) {
    const given = request.params[target.param] ?? '';
    found.target = `${target.kind}/${given}`;
    const ids = target.list ? listedIds(given) : [given];
    // A list that names nothing is decided like a thing that is not there.
    for (const id of ids.length > 0 ? ids : ['']) {
      const located = await deps.locate(target.kind, id, scope);
      if (located?.ownerId !== undefined && ids.length <= 1) found.ownerId = located.ownerId;
      await decideAt(located?.workspaceId, located);
    }
  } else {
    await decideAt(op.workspace && (op.workspace(request) || DEFAULT_WORKSPACE), undefined);
  }
  for (const reference of op.refers?.(request) ?? []) await decideReference(reference);
  return found;
}

interface Place {
  workspace: WorkspaceView | undefined;
  surroundings: { context: Record<string, unknown>; enterpriseProjectId: string };
}

/** Where another action will do as well, one grant is enough; what denies either denies both. */
async function decideAction(
  authorizer: Authorizer,
  caller: Principal,
  guard: Guard,
  request: AccessRequest,
): Promise<Decision> {
  const first = await authorizer.decide(caller, request);
  if (typeof guard !== 'object' || !('or' in guard) || explicit(first)) return first;
  const other = await authorizer.decide(caller, { ...request, action: guard.or, probe: first.allowed });
  if (explicit(other)) return other;
  return first.allowed ? first : other.allowed ? other : first;
}

/** A refusal by a statement, rather than for want of one. */
function explicit(decision: Decision): boolean {
  return !decision.allowed && decision.policy !== undefined;
}

/** Keeps the operator to the operator's operations, and everybody else from them. Throws Failure 403. */
export function checkOperator(guard: Guard, caller: Principal): void {
  const wanted = typeof guard === 'object' && 'operator' in guard;
  if (wanted === (caller.kind === 'operator')) return;
  throw new Failure({
    code: 'IAM.0003',
    status: 403,
    message: wanted
      ? 'Only the operator of this installation may do this.'
      : 'The key of the operator works for the operations of the operator alone.',
    solution: wanted
      ? 'Send X-Operator-Key with the key in the data directory of the installation, or run the command there.'
      : 'Use a token or an access key of a user.',
  });
}

/** Lets a user whose password must be changed do that and nothing else. Throws Failure 403. */
export function checkPasswordChanged(op: AnyOperation, caller: Principal): void {
  if (!caller.mustChangePassword || op.beforePasswordChange) return;
  throw new Failure({
    code: 'IAM.0003',
    status: 403,
    message: `The password of ${caller.name} must be changed before anything else.`,
    solution: `POST /v3/users/${caller.id}/password with original_password and password, then log in again; or run: atelier login`,
  });
}

/**
 * Whether it is the caller's own, for which no policy is asked. Sessions of agencies own nothing, nor does a credential that was narrowed
 * to a policy, which must say so.
 */
function isOwn(guard: Guard, caller: Principal, request: RequestParts, located: Located | undefined): boolean {
  if (typeof guard !== 'object' || !('own' in guard) || caller.kind === 'agency') return false;
  // What a narrowed credential may do is what its policy says, also to what is the caller's own.
  if (caller.boundary !== undefined) return false;
  const owner = guard.own === 'target' ? located?.ownerId : (guard.own(request) ?? caller.id);
  return owner === caller.id;
}

function denied(op: AnyOperation, message: string, code?: string): Failure {
  return new Failure({
    code: code ?? COMMON_CODES[op.errors].denied,
    status: 403,
    message,
    solution: 'Ask an administrator of the account to grant the action through a policy of one of your groups.',
  });
}

function noWorkspace(op: AnyOperation, id: string): Failure {
  return new Failure({
    ...(op.workspaceErrors?.missing ?? { code: 'ModelArts.7005', status: 400 }),
    message: `Parameter [workspace_id]: there is no workspace ${id.slice(0, 64)} in this project.`,
    solution: 'GET /v1/{project_id}/workspaces lists them; "0" is the default one.',
  });
}

function notAdmitted(op: AnyOperation, id: string, reason: string): Failure {
  return new Failure({
    ...(op.workspaceErrors?.denied ?? { code: 'ModelArts.0112', status: 403 }),
    message: `The workspace ${id} is closed to the caller: ${reason}`,
    solution: 'Ask its owner or the account for a grant, or use a workspace you may enter.',
  });
}
