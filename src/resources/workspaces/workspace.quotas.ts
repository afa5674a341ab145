import type { Clock } from '../../kernel/clock.ts';
import { Failure } from '../../kernel/failure.ts';
import type { ComputeLimits, ComputeScope, WorkspaceContents, WorkspaceQuota } from './contents.ts';
import type { WorkspaceStore } from './workspace.store.ts';
import { checkNormal, DEFAULT_ID, invalid, missing, readOnly } from './workspace.ts';

/** No limit; then `used_quota` is null (behaviour/permissions.md 8). */
const UNLIMITED = -1;

/** The one resource that the reference names. This platform has no ExeML, so nothing is ever used of it. */
const EXEML: WorkspaceQuota = {
  resource: 'exemlProject.gpu_duration',
  name_en: 'ExeML training duration (GPU)',
  name_cn: '自动学习（GPU）训练时长',
  unit_en: 'minutes',
  unit_cn: '分钟',
  max: 60_000,
};

export type WorkspaceQuotas = ReturnType<typeof workspaceQuotas>;

/** Limits on what a workspace may hold. */
export function workspaceQuotas(deps: {
  store: WorkspaceStore;
  clock: Clock;
  contents: () => readonly WorkspaceContents[];
  compute: () => ComputeLimits | undefined;
}) {
  const { store, clock } = deps;

  function known(): { quota: WorkspaceQuota; count: WorkspaceContents['count'] }[] {
    const limited = deps.contents().flatMap(({ quota, count }) => (quota ? [{ quota, count }] : []));
    return [...limited, { quota: EXEML, count: async () => 0 }];
  }

  function view(quota: WorkspaceQuota, row: { quota: number; updated_at: number } | undefined) {
    const { max, ...names } = quota;
    return {
      ...names,
      quota: row?.quota ?? UNLIMITED,
      min_quota: UNLIMITED,
      max_quota: max,
      update_time: row?.updated_at ?? 0,
    };
  }

  return {
    /** Every quota with its use. Throws Failure 400 ModelArts.7005. */
    async list(accountId: string, projectId: string, workspaceId: string) {
      if (workspaceId !== DEFAULT_ID && !(await store.find(projectId, workspaceId))) throw missing(workspaceId);
      const rows = new Map((await store.quotas(workspaceId)).map(row => [row.resource, row]));
      const counted = await Promise.all(
        known().map(async ({ quota, count }) => {
          const shown = view(quota, rows.get(quota.resource));
          return { ...shown, used_quota: shown.quota === UNLIMITED ? null : await count(projectId, workspaceId) };
        }),
      );
      const compute = deps.compute();
      const limits = await compute?.show({ accountId, projectId, workspaceId });
      const computed = (compute?.quotas ?? []).map(quota => {
        const { limit = UNLIMITED, used = 0 } = limits?.get(quota.resource) ?? {};
        const row = { quota: limit, updated_at: rows.get(quota.resource)?.updated_at ?? 0 };
        return { ...view(quota, row), used_quota: limit === UNLIMITED ? null : used };
      });
      return [...counted, ...computed];
    },

    /** Sets all of them, or none. Throws Failure 400 for an unknown resource, a limit out of range, the default workspace. */
    async update(
      accountId: string,
      projectId: string,
      workspaceId: string,
      wanted: readonly { resource: string; quota: number }[],
    ) {
      if (workspaceId === DEFAULT_ID) throw readOnly('The quotas of the default workspace cannot be changed.');
      const compute = deps.compute();
      const computed = new Set(compute?.quotas.map(({ resource }) => resource));
      const quotas = new Map(
        [...known().map(({ quota }) => quota), ...(compute?.quotas ?? [])].map(quota => [quota.resource, quota]),
      );
      for (const [at, { resource, quota }] of wanted.entries()) {
        const found = quotas.get(resource);
        if (!found) {
          throw invalid(
            `Parameter [quotas[${at}].resource] should be one of ${JSON.stringify([...quotas.keys()])}.`,
            'GET /v1/{project_id}/workspaces/{workspace_id}/quotas lists them.',
          );
        }
        if (quota < UNLIMITED || quota > found.max) {
          throw invalid(`Parameter [quotas[${at}].quota] should be from 0 to ${found.max}, or -1 for no limit.`);
        }
      }
      const now = clock.now();
      const saved = await store.transaction(async rows => {
        const workspace = await rows.find(projectId, workspaceId);
        if (!workspace) throw missing(workspaceId);
        checkNormal(workspace);
        for (const each of wanted) await rows.setQuota({ workspace_id: workspaceId, ...pick(each), updated_at: now });
        return new Map((await rows.quotas(workspaceId)).map(row => [row.resource, row]));
      });
      // The limits themselves are the queue's, which writes them by a transaction of its own; the rows tell when.
      const limits = new Map(
        wanted
          .filter(({ resource }) => computed.has(resource))
          .map(({ resource, quota }) => [resource, quota === UNLIMITED ? undefined : quota]),
      );
      if (limits.size > 0) await compute!.set({ accountId, projectId, workspaceId }, limits);
      const resources = new Set(wanted.map(each => each.resource));
      return [...resources].map(resource => view(quotas.get(resource)!, saved.get(resource)));
    },

    /** Lifts what the queue keeps to of a workspace that goes. */
    async forget(of: ComputeScope): Promise<void> {
      const compute = deps.compute();
      await compute?.set(of, new Map(compute.quotas.map(({ resource }) => [resource, undefined])));
    },

    /**
     * Throws Failure 400 when nothing may be created in the workspace: ModelArts.7005 it is not there, 7004 it is being deleted,
     * 7006 it holds as many (`used`) as its quota of the resource allows.
     */
    async admit(
      rows: Pick<WorkspaceStore, 'find' | 'quotas'>,
      projectId: string,
      workspaceId: string,
      resource: string,
      used: number,
    ): Promise<void> {
      if (workspaceId === DEFAULT_ID) return;
      const workspace = await rows.find(projectId, workspaceId);
      if (!workspace) throw missing(workspaceId);
      checkNormal(workspace);
      const limit = (await rows.quotas(workspaceId)).find(row => row.resource === resource)?.quota ?? UNLIMITED;
      if (limit === UNLIMITED || used < limit) return;
      throw new Failure({
        code: 'ModelArts.7006',
        status: 400,
        message: `The workspace ${workspace.name} holds ${used} of ${resource}, and its quota is ${limit}.`,
        solution:
          'Delete some, use another workspace, or have the quota raised: PUT …/workspaces/{workspace_id}/quotas.',
      });
    },
  };
}

function pick({ resource, quota }: { resource: string; quota: number }) {
  return { resource, quota };
}
