import type { Admission, QuotaLimits, QuotaScope } from '../../admission/index.ts';
import { type Route, route } from '../../http/index.ts';
import { Failure } from '../../kernel/failure.ts';
import * as api from './quota.api.ts';

export { workspaceCompute } from './workspace-compute.ts';
export const computeQuotasOperations = Object.values(api);

/** Who and what limits may be set for. */
interface ComputeQuotasDeps {
  admission: Pick<Admission, 'quota' | 'setQuota'>;
  iam: {
    account(id: string): Promise<unknown>;
    user(id: string): Promise<{ accountId: string } | undefined>;
  };
}

interface Limits {
  vcpus?: number | null;
  memory_gib?: number | null;
  gpus?: number | null;
  workloads?: number | null;
}

const GIB = 1024 ** 3;

/**
 * How much may run at the same time: the tree of account, workspaces and users, which the queue keeps to (decision 0013). The account's
 * limit is the operator's, those below are the account's own. Workspaces count those admitted to: authorization looks at that.
 */
export function computeQuotasRoutes({ admission, iam }: ComputeQuotasDeps): Route[] {
  async function accountScope(accountId: string): Promise<QuotaScope> {
    if (await iam.account(accountId)) return { accountId };
    throw new Failure({
      code: 'IAM.0004',
      status: 404,
      message: `There is no account ${accountId.slice(0, 64)}.`,
      solution: 'GET /v3/domains lists them.',
    });
  }

  async function scopeWithin(
    accountId: string,
    projectId: string,
    { workspace_id: workspaceId, user_id: userId }: { workspace_id?: string; user_id?: string },
  ): Promise<QuotaScope> {
    if (userId && (await iam.user(userId))?.accountId !== accountId) {
      throw new Failure({
        code: 'ModelArts.7005',
        status: 400,
        message: `Parameter [user_id]: the account has no user ${userId.slice(0, 64)}.`,
        solution: 'GET /v3/users lists them.',
      });
    }
    return {
      accountId,
      ...(workspaceId ? { workspace: { projectId, id: workspaceId } } : {}),
      ...(userId ? { userId } : {}),
    };
  }

  async function show(scope: QuotaScope) {
    const { limits, used } = await admission.quota(scope);
    const gib = (bytes: number | undefined) => (bytes === undefined ? null : bytes / GIB);
    return {
      account_id: scope.accountId,
      ...(scope.workspace ? { workspace_id: scope.workspace.id } : {}),
      ...(scope.userId ? { user_id: scope.userId } : {}),
      limits: {
        vcpus: limits.vcpus ?? null,
        memory_gib: gib(limits.memoryBytes),
        gpus: limits.gpus ?? null,
        workloads: limits.workloads ?? null,
      },
      used: { vcpus: used.vcpus, memory_gib: used.memoryBytes / GIB, gpus: used.gpus, workloads: used.workloads },
    };
  }

  async function set(scope: QuotaScope, limits: Limits) {
    await admission.setQuota(scope, () => limitsOf(limits));
    return show(scope);
  }

  return [
    route(api.showAccountComputeQuota, async ({ params }) => show(await accountScope(params.domain_id))),
    route(api.setAccountComputeQuota, async ({ params, body }) => set(await accountScope(params.domain_id), body)),
    route(api.showComputeQuota, async ({ principal, projectId, query }) =>
      show(await scopeWithin(principal.accountId, projectId, query)),
    ),
    route(api.setComputeQuota, async ({ principal, projectId, body }) => {
      const scope = await scopeWithin(principal.accountId, projectId, body);
      if (!scope.workspace && !scope.userId) {
        throw new Failure({
          code: 'ModelArts.7005',
          status: 400,
          message:
            'Parameter [workspace_id] or [user_id] is required: the limit of the account itself is set by whoever runs the installation.',
          solution: 'Name a workspace, a user, or both.',
        });
      }
      return set(scope, body);
    }),
  ];
}

function limitsOf({ vcpus, memory_gib: memory, gpus, workloads }: Limits): QuotaLimits {
  return {
    ...(vcpus == null ? {} : { vcpus }),
    ...(memory == null ? {} : { memoryBytes: memory * GIB }),
    ...(gpus == null ? {} : { gpus }),
    ...(workloads == null ? {} : { workloads }),
  };
}
