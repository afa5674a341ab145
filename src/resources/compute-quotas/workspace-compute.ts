import type { Admission, QuotaLimits } from '../../admission/index.ts';
import type { ComputeLimits } from '../workspaces/index.ts';

const GIB = 1024 ** 3;

/** The limits of the queue by the names that quotas of workspaces have, with how many units one is there. */
const RESOURCES = [
  { resource: 'compute.vcpus', limit: 'vcpus', unit: 1, names: ['vCPUs at the same time', '同时使用的vCPU', '', '个'] },
  {
    resource: 'compute.memory',
    limit: 'memoryBytes',
    unit: GIB,
    names: ['Memory at the same time', '同时使用的内存', 'GiB', 'GiB'],
  },
  {
    resource: 'compute.gpus',
    limit: 'gpus',
    unit: 1,
    names: ['Accelerators at the same time', '同时使用的加速卡', '', '张'],
  },
  {
    resource: 'compute.workloads',
    limit: 'workloads',
    unit: 1,
    names: ['Jobs, notebooks and service instances at the same time', '同时运行的负载', '', '个'],
  },
] as const;

/**
 * What workspaces may run at the same time, as quotas of workspaces show it and set it. The limits are the queue's own: whatever else
 * sets them (`PUT …/compute-quotas`) is seen here too.
 */
export function workspaceCompute(admission: Pick<Admission, 'quota' | 'setQuota'>): ComputeLimits {
  return {
    quotas: RESOURCES.map(({ resource, names: [name_en, name_cn, unit_en, unit_cn] }) => ({
      resource,
      name_en,
      name_cn,
      unit_en,
      unit_cn,
      max: 1_000_000,
    })),
    async show({ accountId, projectId, workspaceId }) {
      const { limits, used } = await admission.quota({ accountId, workspace: { projectId, id: workspaceId } });
      return new Map(
        RESOURCES.map(({ resource, limit, unit }) => {
          const most = limits[limit];
          return [resource, { limit: most === undefined ? undefined : most / unit, used: used[limit] / unit }];
        }),
      );
    },
    set: ({ accountId, projectId, workspaceId }, wanted) =>
      admission.setQuota({ accountId, workspace: { projectId, id: workspaceId } }, present => {
        const next: QuotaLimits = { ...present };
        for (const { resource, limit, unit } of RESOURCES) {
          if (!wanted.has(resource)) continue;
          const most = wanted.get(resource);
          if (most === undefined) delete next[limit];
          else next[limit] = most * unit;
        }
        return next;
      }),
  };
}
